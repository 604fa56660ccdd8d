"""The screen of `lendloop review show`: what a person needs to decide, readable at 100 columns."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from serving.api.review_schemas import ActAnswer, ReviewAnswer

COLOURS = {"approved": "green", "declined": "red", "expired": "red"}


def screen(review: ReviewAnswer) -> Iterator[RenderableType]:
    """The parts of the screen, from how it stands down to what was done."""
    yield _heading(review)
    yield _section("Why" if review.decided == "approve" else "Why it was not approved")
    for reason in review.reasons:
        points = "" if reason.points is None else f" {reason.points:+.2f}"
        yield Text(f"  {reason.code}{points}  {reason.en} {reason.zh}")
    yield Text(f"  rules: {', '.join(review.rules)}") if review.rules else Text("")
    yield _section("Score")
    yield Text(f"  {_score(review)}")
    yield _section("Features")
    for view, age in review.ages.items():
        old = "none" if age.age_days is None else f"{age.age_days:.1f} days old"
        yield Text(f"  {view}: {old}")
    yield _features(review)
    for kind, names in review.problems.items():
        yield Text(f"  {kind}: {', '.join(names)}", "yellow")
    yield _section("What was done")
    yield _acts(review.acts) if review.acts else Text("  nothing yet", "dim")


def _heading(review: ReviewAnswer) -> Text:
    heading = Text.assemble((review.state.upper(), f"bold {COLOURS.get(review.state, 'yellow')}"))
    heading.append(f"  {review.decision_id}\n{review.portfolio} for {review.partner}, entity {review.entity_id}")
    asked = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in review.asked.items())
    heading.append(f" · asked {asked}" if asked else "")
    people = "two different people" if review.confirmations > 1 else "one person"
    heading.append(f"\nopened {review.opened_at:%Y-%m-%d %H:%M}, ends {review.expires_at:%Y-%m-%d %H:%M} UTC; ")
    heading.append(f"{people} may approve, up to {review.may_grant:,.0f}")
    if review.refused_at:
        heading.append(f"\nthe machine's word was {review.decided}, ", "yellow")
        heading.append(f"which the applicant refused on {review.refused_at:%Y-%m-%d %H:%M} UTC", "yellow")
    if review.holder:
        heading.append(f"\nclaimed by {review.holder} until {review.held_until:%Y-%m-%d %H:%M:%S} UTC")
    return heading


def _section(title: str) -> Text:
    return Text(title, "bold cyan")


def _score(review: ReviewAnswer) -> str:
    if review.probability is None:
        return "not scored: the features could not be used"
    scored = "" if review.score is None else f"score {review.score:.2f}, grade {review.grade}, "
    terms = "  ".join(f"{name} {points:+.2f}" for name, points in review.contributions.items())
    return f"{scored}probability {review.probability:.4f} = {terms}"


def _features(review: ReviewAnswer) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2))
    for name, value in review.features.items():
        shown = "–" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
        table.add_row(name, shown)
    return table


def _acts(acts: list[ActAnswer]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2))
    for act in acts:
        limit = "" if act.limit is None else f"up to {act.limit:,.0f}"
        codes = ", ".join(reason.code for reason in act.reasons)
        table.add_row(
            f"{act.at:%Y-%m-%d %H:%M:%S}", act.act, act.by, limit, " ".join(filter(None, (act.reason, codes)))
        )
    return table
