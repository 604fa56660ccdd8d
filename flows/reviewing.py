"""`lendloop review`: reviews listed, shown, taken and decided, by the code that the API uses."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from rich.table import Table

from flows.deciding import given_time
from flows.hints import month_command
from flows.reviewing_view import screen
from flows.staffing import acting, opened_reception
from flows.terminal import console
from infra.settings import Settings
from serving.api.review_schemas import ConfirmRequest, RefusalRequest, ReviewAnswer, RulingRequest
from serving.decide import Decider
from serving.pointers import pointed, pointed_portfolios
from serving.policy import Reviews
from serving.release import load_release, read_release_policy
from serving.reviews.allowed import reasons_of
from serving.reviews.answers import review_of, summary_of
from serving.reviews.board import Board, Case, NoReview, NotAllowed, Ruling, open_board
from serving.reviews.listing import Wanted
from serving.reviews.review import STATES, State
from serving.staff.member import Member

Told = TypeVar("Told", bound=BaseModel)
Step = Callable[["Seat", Case, Decider, datetime], Case]


class BadReview(ValueError):
    """A review cannot be listed or decided as it was asked for."""


@dataclass(frozen=True)
class Seat:
    """A member of the staff with the board before them."""

    settings: Settings
    member: Member
    board: Board


def list_reviews(portfolio: str, state: str, limit: int, at: str) -> None:
    """Print reviews, the oldest first."""
    when = given_time(at)
    with _seated() as seat:
        if not seat.member.reads_reviews:
            raise NotAllowed("expected a reviewer, a risk officer or an auditor")
        terms = _terms(seat, portfolio)
        found = seat.board.page(Wanted(terms, when, _state(state), limit=limit))
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("review", no_wrap=True)  # a name cut short would be of no use
    for title in ("state", "ends", "score", "people", "who", "portfolio"):
        table.add_column(title, overflow="fold")
    for one in (summary_of(listed, of_staff=True) for listed in found):
        score = "–" if one.score is None else f"{one.score:.1f} {one.grade}"
        who = one.holder or " ".join(one.decided_by) or one.proposed_by or ""
        ends = f"{one.expires_at:%m-%d}"
        table.add_row(one.decision_id, one.state, ends, score, f"{one.confirmations}", who, one.portfolio)
    console.print(table if table.rows else "no review is in this state")


def show_review(decision_id: str, as_json: bool, at: str) -> None:
    """Print a review, as a screen or as the JSON of the API."""
    when = given_time(at)
    with _seated() as seat:
        case = _case(seat, decision_id)
        answer = review_of(case, in_force(seat.settings, case.decision.portfolio), when)
    if as_json:
        console.print_json(answer.model_dump_json())
        return
    for part in screen(answer):
        console.print(part, highlight=False)


def claim_review(decision_id: str, at: str) -> None:
    """Take a review."""
    found = _act(decision_id, at, lambda seat, case, release, when: seat.board.claim(case, seat.member, release, when))
    console.print(
        f"it is yours until {found.held_until:%Y-%m-%d %H:%M:%S} UTC; you may grant up to {found.may_grant:,.0f}"
    )


def release_review(decision_id: str, at: str) -> None:
    """Give a review back."""
    _act(decision_id, at, lambda seat, case, release, when: seat.board.release(case, seat.member, release, when))
    console.print("it is open again")


def refuse_decision(decision_id: str, reason: str, at: str) -> None:
    """Leave a decision to people, as its applicant, who told a member of the staff so, refuses the machine's."""
    told = _checked(RefusalRequest, {"reason": reason or None})
    when = given_time(at)
    with _seated() as seat:
        record = seat.board.decision(decision_id)
        portfolio = record.portfolio
        if not seat.member.sees(portfolio):
            raise NoReview("there is no such decision open to you")
        if not seat.member.may_review(portfolio):
            raise NotAllowed("expected a reviewer or a risk officer of this portfolio")
        release = in_force(seat.settings, portfolio)
        case = seat.board.refuse(record, seat.member.name, release, when, told.reason or "")
        standing = case.standing(release.policy.reviews, when)
    console.print(f"people decide it: the review is {standing.state}, until {standing.due:%Y-%m-%d %H:%M} UTC")


def decide_review(
    decision_id: str, approve: float | None, decline: bool, reason: str, codes: list[str], at: str
) -> None:
    """Approve or decline."""
    if (approve is not None) == decline:
        raise BadReview("expected either --approve LIMIT or --decline")
    outcome = "decline" if decline else "approve"
    told = _checked(RulingRequest, {"outcome": outcome, "limit": approve, "reason": reason, "reasons": codes})

    def step(seat: Seat, case: Case, release: Decider, when: datetime) -> Case:
        ruling = Ruling(told.limit, told.reason, reasons_of(release, told.reasons))
        return seat.board.decide(case, seat.member, release, when, ruling)

    _tell(_act(decision_id, at, step))


def confirm_review(decision_id: str, agrees: bool, reason: str, codes: list[str], at: str) -> None:
    """Confirm what another approved, or decline it."""
    told = _checked(ConfirmRequest, {"agree": agrees, "reason": reason, "reasons": codes})

    def step(seat: Seat, case: Case, release: Decider, when: datetime) -> Case:
        said = Ruling(None, told.reason, reasons_of(release, told.reasons))
        return seat.board.confirm(case, seat.member, release, when, told.agree, said)

    _tell(_act(decision_id, at, step))


def expire_reviews(portfolio: str, at: str) -> None:
    """End what is past its time; nobody has to sign in for it, as nobody decides."""
    settings, when = Settings(), given_time(at)
    terms = read_release_policy(_folder(settings, portfolio)).reviews
    with opened_reception(settings) as (_, log):
        board = open_board(settings.decision_log_url, log)
        ended = board.expire(portfolio, terms, when)
        board.close()
    console.print(f"{ended:,} reviews of {portfolio} ended by themselves: {terms.expired}")


def in_force(settings: Settings, portfolio: str) -> Decider:
    """The release that a portfolio is served with, or else its champion."""
    return load_release(_folder(settings, portfolio))


def _act(decision_id: str, at: str, step: Step) -> ReviewAnswer:
    when = given_time(at)
    with _seated() as seat:
        case = _case(seat, decision_id)
        release = in_force(seat.settings, case.decision.portfolio)
        return review_of(step(seat, case, release, when), release, when)


@contextmanager
def _seated() -> Iterator[Seat]:
    settings = Settings()
    with opened_reception(settings) as (reception, log):
        member = acting(settings, reception)
        board = open_board(settings.decision_log_url, log)
        try:
            yield Seat(settings, member, board)
        finally:
            board.close()


def _case(seat: Seat, decision_id: str) -> Case:
    if not seat.member.reads_reviews:
        raise NotAllowed("expected a reviewer, a risk officer or an auditor")
    case = seat.board.find(decision_id)
    if not seat.member.sees(case.decision.portfolio):
        raise NoReview("there is no such review open to you; `lendloop review list` shows those that wait")
    return case


def _terms(seat: Seat, portfolio: str) -> dict[str, Reviews]:
    if portfolio and not seat.member.sees(portfolio):
        raise NotAllowed(f"{portfolio[:80]!r} is not open to you")
    served = [name for name in pointed_portfolios(seat.settings.releases) if seat.member.sees(name)]
    names = [portfolio] if portfolio else served
    return {name: read_release_policy(_folder(seat.settings, name)).reviews for name in names}


def _folder(settings: Settings, portfolio: str) -> Path:
    sha = pointed(settings.releases, portfolio)
    if sha is not None and (settings.releases / sha).is_dir():
        return settings.releases / sha
    from flows.workspace import open_workspace

    workspace = open_workspace(portfolio)
    champion = workspace.registry.champion_sha(workspace.name)
    if champion is None:
        makes = f"{month_command(portfolio)} makes one"
        raise BadReview(f"{portfolio} has no champion yet, so nothing was left to people; {makes}")
    return workspace.release_folder(champion)


def _state(text: str) -> State | None:
    for state in STATES:
        if state == text:
            return state
    if text:
        raise BadReview(f"--state: found {text[:40]!r}; expected one of {', '.join(STATES)}")
    return None


def _checked(model: type[Told], given: dict[str, object]) -> Told:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise BadReview(
            "; ".join(f"{'.'.join(map(str, one['loc'])) or 'review'}: {one['msg']}" for one in faults)
        ) from None


def _tell(found: ReviewAnswer) -> None:
    limit = next((act.limit for act in reversed(found.acts) if act.limit is not None), None)
    if found.state == "confirming":
        console.print(f"approved up to {limit:,.0f}; it waits for a second person to confirm it")
    elif found.outcome == "approve":
        console.print(f"[green]approved[/] up to {limit:,.0f} by {' and '.join(found.decided_by)}")
    else:
        console.print(f"[red]declined[/] by {' and '.join(found.decided_by)}")
