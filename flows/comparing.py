"""`lendloop release compare`: champion and challenger on the same logged decisions, as Markdown."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from features.calendar import cutoff
from flows.month_inputs import groups, known_labels
from flows.observed import observations
from flows.policies import write_out
from flows.terminal import errors
from flows.trials import shadow_of
from flows.trying import trial_lines
from flows.workspace import Workspace, open_workspace
from monitoring.outcomes import outcomes
from monitoring.pairs import Pairs, pair
from monitoring.reports.wording import shown, title
from monitoring.trial import Beside, People, TrialFacts, trial_facts
from serving.log.frames import read_decisions
from serving.movement import markdown_table
from training.evaluation import Interval
from training.labels import LABEL

FIRST = datetime(1970, 1, 1, tzinfo=UTC)


class NothingCompared(ValueError):
    """No decision stands beside what a challenger would have decided."""


def compare_trial(portfolio: str, out: Path | None) -> None:
    """Print what both decided, or would have decided, and how right each was as far as labels are known."""
    workspace = open_workspace(portfolio)
    with errors.status("comparing"):
        parts = [f"## {portfolio}: challenger beside champion", *_told(workspace)]
        steps = list(trial_lines(workspace))
        parts += ["### How it was tried", "\n".join(f"- {line}" for line in steps)] if steps else []
    write_out("\n\n".join(parts) + "\n", out)


def _told(workspace: Workspace) -> Iterator[str]:
    _, last = workspace.log.times()
    as_of = datetime.fromisoformat(last).date() if last else date.today()
    until = cutoff(as_of)
    decisions = read_decisions(workspace.log, workspace.name, FIRST, until)
    shadow, found = shadow_of(workspace, FIRST, until), False
    for name in workspace.policy.models:
        pairs = _newest(decisions.filter(pl.col("model") == name), shadow)
        if pairs is not None:
            found = True
            yield from _model(workspace, name, pairs, as_of)
    if not found:
        raise NothingCompared(
            f"nothing of {workspace.name} was scored beside its decisions yet; `lendloop release challenge "
            f"{workspace.name} SHA --by NAME --reason TEXT` tries a release, and the running service scores what it "
            "decides from then on"
        )


def _newest(decisions: pl.DataFrame, shadow: pl.DataFrame) -> Pairs | None:
    """The pairs of the two releases that the last decision is of."""
    beside = decisions.filter(pl.col("decision_id").is_in(shadow["decision_id"].implode()))
    last = pair(beside.tail(1), shadow)
    return pair(beside, shadow, last.releases) if last else None


def _model(workspace: Workspace, name: str, pairs: Pairs, as_of: date) -> Iterator[str]:
    spec = workspace.models.models[name]
    seen = observations(workspace, spec.observations, as_of)
    labels = known_labels(workspace, spec, as_of)
    known = outcomes(pairs.champion, seen, labels, key=workspace.key, as_of=as_of)
    people = People(groups(workspace, spec, seen, as_of), workspace.key, spec.kind, spec.fairness)
    facts = trial_facts(pairs, pairs.labelled(known.select("decision_id", LABEL)), people)
    yield f"### Model `{name}`: `{facts.challenger[:12]}` beside `{facts.champion[:12]}`"
    yield _summary(facts)
    rows = [
        (one.before, one.after, f"{one.decisions:,}", f"{one.decisions / facts.decisions:.1%}") for one in facts.moves
    ]
    yield markdown_table(("champion", "challenger", "decisions", "share"), rows)
    unit = "score difference" if spec.kind == "risk" else "difference in points of probability"
    yield markdown_table((unit, "decisions"), [(one.label, f"{one.decisions:,}") for one in facts.differences])
    if facts.figures:
        cells = [_cells(one, spec.kind) for one in facts.figures]
        yield markdown_table(("figure (95 %)", "champion", "challenger", "rows"), cells)


def _summary(facts: TrialFacts) -> str:
    approved, n = facts.approved, facts.decisions
    change = f"{100 * approved.change:+.1f} points ({100 * approved.low:+.1f} to {100 * approved.high:+.1f})"
    said = [
        f"{n:,} decisions, {facts.answered:,} of them answered by the challenger; {approved.moved:,} move "
        f"({approved.moved / n:.1%}); approved {approved.before / n:.1%} → {approved.after / n:.1%}, {change}."
    ]
    if facts.psi is not None and facts.mean_difference is not None:
        said.append(f"Mean difference {facts.mean_difference:+.2f}, PSI between both {facts.psi:.3f}.")
    if facts.auc_gain is not None:
        gain = facts.auc_gain
        said.append(
            f"AUC of the challenger {gain.value:+.4f} ({gain.low:+.4f} to {gain.high:+.4f}) against the champion."
        )
    said.append(f"{facts.matured:,} have a label by now.")
    return " ".join(said)


def _cells(one: Beside, kind: str) -> tuple[str, ...]:
    name = f"{title(one.name, kind)}: {one.segment}" if one.segment else title(one.name, kind)
    return name, _ranged(one.name, one.champion), _ranged(one.name, one.challenger), f"{one.n:,}"


def _ranged(name: str, found: Interval) -> str:
    value = shown(name, found.value)
    if found.low == found.high:
        return value
    return f"{value} ({shown(name, found.low)} to {shown(name, found.high)})"
