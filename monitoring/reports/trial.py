"""The trial of a challenger in a month's report: who moves, by how much scores differ, and who was right."""

from collections.abc import Iterator

from monitoring.facts import MonthFacts
from monitoring.reports.axes import CURRENT, Figure, layout
from monitoring.reports.section import Section, chart, table, text
from monitoring.reports.wording import NBSP, short, shown, title
from monitoring.trial import Beside, TrialFacts
from training.evaluation import Interval

UNIT = {"risk": "points of the score", "propensity": "points of probability"}


def trial_sections(facts: MonthFacts) -> Iterator[Section]:
    """The sections of the month's trial; none where no challenger was tried."""
    trial = facts.trial
    if trial is None:
        return
    yield text(_head(trial), "Challenger beside the champion")
    if trial.decisions:
        moves = [(one.before, one.after, f"{one.decisions:,}", _of(one.decisions, trial)) for one in trial.moves]
        header = ("Champion", "Challenger", "Decisions", "Share")
        yield table(header, moves, "What both decide", details="The same decisions, by the outcome of each of both.")
        yield chart(
            "How far the scores differ",
            *_differences(trial, UNIT[facts.kind]),
            number=trial.mean_difference or 0.0,
            details=f"Challenger less champion. PSI between both: {_psi(trial)}.",
        )
    figures = [_figure(one, facts.kind) for one in trial.figures]
    if figures:
        header = ("Figure", "Champion (95 % interval)", "Challenger (95 % interval)", "Rows")
        yield table(header, figures, "Figures of both", details=_matured(trial))


def _head(trial: TrialFacts) -> str:
    approved, n = trial.approved, trial.decisions
    said = [
        f"{short(trial.challenger)} was tried beside {short(trial.champion)}: {n:,} decisions of this month were made, "
        f"or would have been made, by both; the challenger itself answered {trial.answered:,} of them."
    ]
    if n:
        change = f"{100 * approved.change:+.1f} points ({100 * approved.low:+.1f} to {100 * approved.high:+.1f})"
        said.append(
            f"Approved or contacted: {_of(approved.before, trial)} by the champion, {_of(approved.after, trial)} by "
            f"the challenger, {change}; {approved.moved:,} move from outcome to outcome."
        )
    if trial.left_out:
        said.append(f"{trial.left_out:,} decisions of other releases are left out.")
    said += [f"**Stopped by the service itself** on {stop}." for stop in trial.stops]
    return " ".join(said)


def _matured(trial: TrialFacts) -> str:
    gain = trial.auc_gain
    said = f"Approval gaps: this month's decisions. All else: {trial.matured:,} decisions whose labels became known."
    if gain is None:
        return said
    return f"{said} AUC of the challenger less the champion's: {_ranged('auc', gain)}, paired."


def _figure(one: Beside, kind: str) -> tuple[str, ...]:
    name = f"{title(one.name, kind)}: {one.segment}" if one.segment else title(one.name, kind)
    return name, _ranged(one.name, one.champion), _ranged(one.name, one.challenger), f"{one.n:,}"


def _ranged(name: str, found: Interval) -> str:
    if found.low == found.high:
        return shown(name, found.value)
    return f"{shown(name, found.value)} ({shown(name, found.low)}{NBSP}to{NBSP}{shown(name, found.high)})"


def _differences(trial: TrialFacts, unit: str) -> Figure:
    trace = {
        "type": "bar",
        "x": [one.label for one in trial.differences],
        "y": [one.decisions / max(trial.decisions, 1) for one in trial.differences],
        "customdata": [one.decisions for one in trial.differences],
        "marker": {"color": CURRENT},
        "hovertemplate": "%{x}: %{y:.1%}, %{customdata:,} decisions<extra></extra>",
    }
    return [trace], layout("share of decisions", unit, share=True, xaxis={"type": "category"}, showlegend=False)


def _psi(trial: TrialFacts) -> str:
    return "not known" if trial.psi is None else f"{trial.psi:.3f}"


def _of(part: int, trial: TrialFacts) -> str:
    return f"{part / trial.decisions:.1%}"
