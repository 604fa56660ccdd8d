"""What the demo shows: a line a month, the champion beside the frozen release, and where to look."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from flows.steps import Summary
from flows.terminal import COLOURS, console
from flows.traffic import Traffic
from infra.settings import Settings
from monitoring.metric import LEVELS, Metric
from serving.pauses import Pause

COLUMNS = (
    ("month", 8),
    ("release", 9),
    ("HTTP answers", 36),
    ("paused", 7),
    ("alerts", 7),
    ("labels", 7),
    ("AUC", 6),
    ("frozen", 7),
    ("observed", 9),
    ("predicted", 10),
    ("frozen", 7),
    ("gap", 5),
    ("frozen", 7),
    ("drift", 6),
    ("frozen", 7),
    ("level", 7),
    ("frozen", 7),
)
"""Paused: answered while a red alert's pause stood. Alerts: the level of the month's monitoring, of the requests.

From labels on, all the month's real rows. Observed and predicted are event rates; gap: largest between two groups;
drift: PSI of the scores; level: the most severe alert on them; frozen: what stands before it, of the first release.
"""

NEXT = {
    "open the newest report": "report open {portfolio}",
    "list releases and gates": "release list {portfolio}",
    "serve the champions": "serve",
}
"""What a person may want to do after the demo, and by which command."""


@dataclass(frozen=True)
class MonthLine:
    """One month of a replay: who answered what, and both releases on the month's labels."""

    month: date
    release: str
    traffic: Traffic
    champion: tuple[Metric, ...]
    frozen: tuple[Metric, ...]
    level: str
    reused: bool


@dataclass(frozen=True)
class Replayed:
    """A portfolio's months, in order."""

    portfolio: str
    lines: tuple[MonthLine, ...]

    @property
    def metrics(self) -> list[Metric]:
        """Every month's metrics of both releases."""
        return [row for line in self.lines for row in (*line.champion, *line.frozen)]


def show_heading(portfolio: str) -> None:
    """The portfolio's name and the columns of its months."""
    console.print(f"\n[bold]{portfolio}[/]")
    console.print(_aligned(name for name, _ in COLUMNS), style="dim", soft_wrap=True)


def show_line(line: MonthLine) -> None:
    """One month."""
    text = Text()
    for cell, (_, width) in zip(cells(line), COLUMNS, strict=False):
        text.append(f"{cell:<{width}}", style=COLOURS.get(cell, ""))
    if line.reused:
        text.append(" reused", style="dim")
    console.print(text, soft_wrap=True)


def cells(line: MonthLine) -> list[str]:
    """What the columns say of a month; no more than the first that nothing is known beyond."""
    served = [
        f"{line.month:%Y-%m}",
        line.release[:8],
        ", ".join(f"{count} {outcome}" for outcome, count in line.traffic.outcomes.items()),
        str(line.traffic.paused or "–"),
        line.level,
    ]
    if not line.champion:
        return served
    champion, frozen = _values(line.champion), _values(line.frozen)
    return [
        *served,
        f"{_count(line.champion):,}",
        *(_figure(rows.get("auc"), 3) for rows in (champion, frozen)),
        _figure(champion.get("observed_rate"), 3),
        *(_figure(rows.get("predicted_rate"), 3) for rows in (champion, frozen)),
        *(_figure(widest_gap(rows), 2) for rows in (line.champion, line.frozen)),
        *(_figure(rows.get("score_psi"), 2) for rows in (champion, frozen)),
        *(worst_level(rows) for rows in (line.champion, line.frozen)),
    ]


def show_kept_back(release: Summary, by: str = "") -> None:
    """Which gates kept a release back, and who promoted it all the same."""
    kept = [gate for gate in release["gates"] if not gate["passed"] and gate["level"] == "block"]
    for gate in kept:
        all_the_same = f"; promoted all the same by {by}" if by else "; the champion so far goes on"
        said = f"         {release['release'][:8]} kept back by {gate['name']}: {gate['found']}{all_the_same}"
        console.print(said, style="dark_orange", highlight=False, soft_wrap=True)


def show_pauses(pauses: Iterable[Pause]) -> None:
    """What a red alert paused, and who lifted it when."""
    for pause in pauses:
        lifted = f"on {pause.lifted_at:%Y-%m-%d} by {pause.lifted_by}" if pause.lifted_at else "by nobody yet"
        why = f" ({pause.lift_reason})" if pause.lift_reason else ""
        said = f"         paused from {pause.since:%Y-%m-%d} ({pause.reason}) → lifted {lifted}{why}"
        console.print(said, style="red", highlight=False, soft_wrap=True)


def show_end(settings: Settings, ends: Sequence[Sequence[str]], seconds: float) -> None:
    """A table of what happened, and one of where to look."""
    happened = Table("portfolio", "months", "requests", "AUC retrained", "frozen", "red months", box=SIMPLE)
    for row in ends:
        happened.add_row(*row)
    console.print(f"\n[bold green]done[/] in {seconds:.0f} s; AUC is the mean of the months")
    console.print(happened)
    look = Table("where to look", "", box=SIMPLE)
    look.add_row("plots and reports", str(settings.home / settings.reports.name))
    for what, command in NEXT.items():
        look.add_row(what, f".venv/bin/lendloop {command.format(portfolio=ends[-1][0])}")
    console.print(look)


def end_row(replayed: Replayed) -> tuple[str, ...]:
    """A portfolio's row of the table at the end."""
    lines = replayed.lines
    reused = sum(line.reused for line in lines)
    months = f"{len(lines)}, {reused} reused" if reused else str(len(lines))
    means = (
        _figure(_mean_auc(line.champion for line in lines), 3),
        _figure(_mean_auc(line.frozen for line in lines), 3),
    )
    red = sum(line.level == "red" for line in lines)
    return replayed.portfolio, months, f"{sum(line.traffic.sent for line in lines):,}", *means, str(red)


def _mean_auc(months: Iterable[Sequence[Metric]]) -> float | None:
    found = [value for rows in months if (value := _values(rows).get("auc")) is not None]
    return sum(found) / len(found) if found else None


def widest_gap(rows: Iterable[Metric]) -> float | None:
    """The largest gap in approval (or contact) rate between two groups, over the protected columns."""
    return max((row.value for row in rows if row.name == "selection_gap"), default=None)


def worst_level(rows: Iterable[Metric]) -> str:
    """The most severe level among the rows."""
    return max((row.level for row in rows), key=LEVELS.index, default="ok")


def _values(rows: Iterable[Metric]) -> dict[str, float]:
    return {row.name: row.value for row in rows if not row.segment}


def _count(rows: Iterable[Metric]) -> int:
    return next((row.n for row in rows if row.name == "observed_rate"), 0)


def _figure(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _aligned(cells: Iterable[str]) -> str:
    return "".join(f"{cell:<{width}}" for cell, (_, width) in zip(cells, COLUMNS, strict=False))
