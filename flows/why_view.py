"""The screen of `lendloop why`: what `flows.why` found, readable at 100 columns."""

from collections import defaultdict
from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from flows.why_data_view import source_lines
from flows.why_review import review_lines
from flows.why_sources import Facts
from flows.why_words import SHORT, grid, time_text, value_text, words

COLOURS = {"approve": "green", "contact": "green", "review": "yellow", "skip": "yellow", "decline": "red"}


def screen(facts: Facts) -> Iterator[RenderableType]:
    """The parts of the screen, from the outcome down to the raw files."""
    decision = facts["decision"]
    yield _heading(decision)
    if "erasure" in facts:
        names = facts["erasure"].get("decision_ids", [])
        yield Text(f"the record of an erasure, not a decision: {len(names)} records of a person were erased")
        return
    if "act" in facts:
        yield Text("the record of an act, not a decision: " + words(facts["act"]))
        return
    yield _section("Why", *_reasons(facts))
    if facts["review"] is not None:
        yield _section("Review", *review_lines(facts["review"]))
    yield _section("Score", *_score(facts["score"]))
    yield _section("Features", *_features(facts))
    yield _section("Looked up", _pairs(facts["context"]))
    yield _section("Release", *_release(facts["release"]))
    yield _section("Trained by", *(_model(model) for model in facts["models"]))
    yield _section("Data", *source_lines(facts["sources"]))


def _heading(decision: Facts) -> Text:
    colour = COLOURS.get(decision["outcome"], "bold")
    heading = Text.assemble((decision["outcome"].upper(), f"bold {colour}"), f"  {decision['id']}\n")
    asker = f"{decision['kind']} for {decision['partner']}"
    heading.append(f"{decision['portfolio']} · {asker} at {decision['decided_at']}")
    if decision["erased"]:
        return heading.append("\nperson, request and features were erased; the rest stays", "red")
    asked = words(decision["asked"])
    given = words(decision["offer"])
    heading.append(f"\nentity {decision['entity']}" + (f" · asked {asked}" if asked else ""))
    if decision["identity_given"]:
        heading.append(f" · identity given: {', '.join(decision['identity_given'])} (not shown)")
    return heading.append(f" · answered {given}" if given else "")


def _section(title: str, *parts: RenderableType) -> RenderableType:
    body = parts or (Text("nothing on record", "dim"),)
    return Group(Text(f"\n{title}", "bold cyan"), Padding(Group(*body), (0, 0, 0, 2)))


def _reasons(facts: Facts) -> Iterator[RenderableType]:
    table = grid("bold", "", "")
    for reason in facts["reasons"]:
        moved = "" if reason["points"] is None else f"{reason['points']:+.2f}"
        table.add_row(reason["code"], moved, Text.assemble(f"{reason['en']} ", (reason["zh"], "dim")))
    if facts["reasons"]:
        yield table
    for rule in facts["rules"]:
        state = "fired" if rule["fired"] else "left open: something it looks at is missing"
        yield Text(f"rule {rule['id']} {state}" + (f": when {rule['when']}" if "when" in rule else ""))


def _score(score: Facts) -> Iterator[RenderableType]:
    if not score["terms"]:
        yield Text("not scored: the features could not be used")
        return
    scored = "" if score["score"] is None else f"score {score['score']:.2f}, grade {score['grade']}, "
    yield Text(f"{scored}probability {score['probability']:.4f}")
    terms = score["terms"]
    named = sorted((name for name in terms if name.isupper()), key=lambda name: -abs(terms[name]))
    parts = [f"{name} {terms[name]:+.2f}" for name in named]
    fixed = [f"base {terms['base']:.2f}", *parts, f"other {terms['other']:+.2f}", f"clipped {terms['clipped']:+.2f}"]
    yield Text(f"= {'  '.join(fixed)}  (sum {score['sum']:.2f} {score['unit']})")
    if score["codes"]:
        rest = sorted((name for name in score["codes"] if name not in terms), key=lambda one: -abs(score["codes"][one]))
        if rest:
            yield Text("of which other = " + "  ".join(f"{name} {score['codes'][name]:+.2f}" for name in rest), "dim")
    if score["again"] is not None:
        same = ("the same, bit for bit", "green") if score["again"] else ("DIFFERS; see `decision replay`", "red")
        yield Text.assemble("made again now by its own release: ", same)


def _features(facts: Facts) -> Iterator[RenderableType]:
    features, points = facts["features"], facts["score"]["codes"] or {}
    if features["erased"]:
        yield Text("values erased with the person", "red")
    for view in features["views"]:
        yield _age(view)
    if not features["views"] and not features["erased"]:
        yield Text("none were read")
    grouped: dict[str, list[str]] = defaultdict(list)
    for one in features["values"]:
        grouped[one["code"] or "in no code"].append(f"{one['name']} {value_text(one['value'])}")
    table = grid("bold", "", "")
    for code in sorted(grouped, key=lambda code: -abs(points.get(code, 0))):
        table.add_row(code, f"{points[code]:+.2f}" if code in points else "", ", ".join(grouped[code]))
    if grouped:
        yield table


def _age(view: Facts) -> Text:
    age, limit = view["age_days"], view["stale_after_days"]
    if age is None:
        return Text(f"{view['view']}: no row", "red")
    stale = limit is not None and age > limit
    allowed = "" if limit is None else f", stale after {limit}{': STALE' if stale else ''}"
    seen = f"{view['view']}: observed {time_text(view['event'])}, {age:.1f} days old{allowed}"
    return Text(seen, "red" if stale else "")


def _release(release: Facts) -> Iterator[RenderableType]:
    yield Text(release["sha"], "bold")
    if release["fault"]:
        yield Text(release["fault"], "red")
    parts = [f"{path} {digest[:SHORT]}" for path, digest in release["components"].items()]
    if parts:
        yield Text(", ".join(parts), "dim")
    registered = release["registry"]
    if "run" in release:
        passed = "passed" if release["gates_allowed"] else "did not pass"
        registered += f", of {release['as_of']}, gates {passed}; MLflow run {release['run']}"
    yield Text(registered)
    for reign in release.get("champion", []):
        until = f"until {time_text(reign['to'])}" if reign["to"] else "still"
        yield Text(f"champion from {time_text(reign['from'])} ({reign['action']} by {reign['by'] or '-'}), {until}")
    if release.get("champion") == []:
        yield Text("was never champion")


def _model(model: Facts) -> RenderableType:
    if "fault" in model:
        return Text(f"{model['model']}: MLflow run {model['run']}: {model['fault']}", "red")
    lines = Text.assemble((model["model"], "bold"), f": MLflow run {model['run']}, as of {model['as_of']}\n")
    window = model["window"]
    learned = f"window of {window['months']} months: {window['why']}"
    if model["origin"] is not None:
        learned = f"calibrated and profiled on them, learned {model['origin']}"
    lines.append(
        f"{model['rows']:,} rows, {model['events']:,} events, {model['first_month']} to {model['last_month']}; "
        f"{learned}\n"
        f"out of time AUC {model['auc']:.4f} ({model['auc_low']:.4f} to {model['auc_high']:.4f}); "
        f"inputs {model['inputs'][:SHORT]}, code {model['code'][:SHORT]}"
    )
    return lines


def _pairs(facts: Facts) -> RenderableType:
    table = grid("bold", "")
    for name, value in facts.items():
        table.add_row(name.replace("_", " "), value_text(value))
    return table
