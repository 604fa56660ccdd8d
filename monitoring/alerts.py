"""From values, thresholds and history to one of the levels ok, yellow, orange, red.

A value reaches the most severe level whose threshold it is over. Lasting raises a level: so many periods in a row
over the yellow threshold. An alert ends only when the value is well inside (`clear`), so that it does not flicker.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from monitoring.metric import TOO_FEW, Level, Metric, worst
from monitoring.spec import MonitoringSpec, Watch


@dataclass(frozen=True)
class Verdict:
    """What a run's metrics say together: the worst level, the alerts, and who is told."""

    portfolio: str
    as_of: date
    level: Level
    raised: tuple[Metric, ...]
    told: tuple[str, ...]


def judge(rows: Iterable[Metric], spec: MonitoringSpec, history: pl.DataFrame) -> list[Metric]:
    """The rows with their levels; `history` is what the metrics table holds from before (`MetricStore.history`)."""
    past = _past_levels(history)
    return [_judged(row, spec, past) for row in rows]


def verdict(portfolio: str, as_of: date, rows: Iterable[Metric], spec: MonitoringSpec) -> Verdict:
    """The worst level of the champion's rows; a challenger or a frozen model is shown, but pauses nobody."""
    raised = tuple(row for row in rows if row.role == "champion" and row.level != "ok")
    level = worst(row.level for row in raised)
    return Verdict(portfolio, as_of, level, raised, spec.told_of(level))


def assess(row: Metric, watch: Watch, past: Sequence[Level] = ()) -> Metric:
    """The row with its level; `past` has the levels of the periods before, the latest first."""
    if row.n < watch.minimum:
        return replace(row, level="ok", note=f"{TOO_FEW}: {row.n:,} of {watch.minimum:,}")
    reached = _reached(row, watch)
    if reached == "ok":
        held = bool(past) and past[0] != "ok" and not _clear(row, watch)
        return replace(row, level="yellow", note="not yet clear") if held else replace(row, level="ok")
    run = 1 + next((count for count, level in enumerate(past) if level == "ok"), len(past))
    level = worst((reached, _lasting(run, watch)))
    return replace(row, level=level, note=f"{run} {row.period}s in a row" if run > 1 else row.note)


def figure(row: Metric, watch: Watch) -> float:
    """The number that is held against the thresholds: the value, or the end of its interval nearer to them."""
    if watch.evidence == "value":
        return _ratio(row.value) if watch.side == "outside" else row.value
    if watch.side == "outside":
        return 1.0 if row.low <= 1 <= row.high else min(_ratio(row.low), _ratio(row.high))
    return row.low if watch.side == "above" else row.high


def _reached(row: Metric, watch: Watch) -> Level:
    thresholds: tuple[tuple[Level, float | None], ...] = (
        ("red", watch.red),
        ("orange", watch.orange),
        ("yellow", watch.yellow),
    )
    number = figure(row, watch)
    return next((level for level, value in thresholds if value is not None and _over(number, value, watch)), "ok")


def _over(number: float, threshold: float, watch: Watch) -> bool:
    return number <= threshold if watch.side == "below" else number >= threshold


def _clear(row: Metric, watch: Watch) -> bool:
    number = figure(row, watch)
    if watch.side == "below":
        return number > watch.yellow / watch.clear
    # A ratio's distance is counted from 1, where all is well; every other value's from 0.
    rest = 1.0 if watch.side == "outside" else 0.0
    return number - rest < (watch.yellow - rest) * watch.clear


def _lasting(run: int, watch: Watch) -> Level:
    lasts = watch.persistence
    if lasts.red is not None and run >= lasts.red:
        return "red"
    return "orange" if lasts.orange is not None and run >= lasts.orange else "yellow"


def _ratio(value: float) -> float:
    return max(value, 1 / value) if value > 0 else float("inf")


def _judged(row: Metric, spec: MonitoringSpec, past: dict[tuple[str, ...], list[Level]]) -> Metric:
    watch = spec.watch_of(row.name, row.segment, row.period)
    if watch is None:
        return row
    return assess(row, watch, past.get((row.period, row.model, row.role, row.name, row.segment), ()))


def _past_levels(history: pl.DataFrame) -> dict[tuple[str, ...], list[Level]]:
    """Levels of each metric, the latest first; a period with too few rows says nothing and is passed over."""
    told = history.filter(~pl.col("note").str.starts_with(TOO_FEW)).sort("as_of", descending=True)
    levels: dict[tuple[str, ...], list[Level]] = {}
    keys = ("period", "model", "role", "name", "segment")
    # Two releases may have a row for the same period: the worse of them is that period's level.
    seen: dict[tuple[str, ...], date] = {}
    for *key, as_of, level in told.select(*keys, "as_of", "level").iter_rows():
        known = levels.setdefault(tuple(key), [])
        if seen.get(tuple(key)) == as_of:
            known[-1] = worst((known[-1], level))
        else:
            known.append(level)
        seen[tuple(key)] = as_of
    return levels
