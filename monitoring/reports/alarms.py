"""The watches of a month as rows of a table, and their levels over the months; every watch is there."""

from collections.abc import Iterator, Sequence

from monitoring import spec
from monitoring.alerts import figure
from monitoring.facts import MonthFacts
from monitoring.metric import LEVELS, Metric, worst
from monitoring.reports.wording import level_of, thresholds, title, with_interval
from monitoring.spec import Watch

Cells = tuple[str, str, str, str, str, str]


def watch_of(facts: MonthFacts, name: str) -> Watch | None:
    """The month's watch of the metric as a whole."""
    return spec.watch_of(facts.watch, name, "", "month")


def alert_rows(facts: MonthFacts) -> list[Cells]:
    """A row for each alert, the worst first, then one for each watch without any."""
    rows = [pair for watch in _monthly(facts) for pair in _rows(facts, watch)]
    return [cells for _, cells in sorted(rows, key=lambda pair: -pair[0])]


def level_grid(facts: MonthFacts) -> tuple[dict[str, dict[str, str]], list[str]]:
    """The worst level of each watch by month; a month with too few rows counts as not measured."""
    past = [row for row in (*facts.history, *facts.metrics) if row.judged]
    months = sorted({row.as_of for row in past})
    grid: dict[str, dict[str, str]] = {}
    for watch in _monthly(facts):
        own = _under(facts, watch, past)
        by_month = {month: [row.level for row in own if row.as_of == month] for month in months}
        grid[_named(facts, watch)] = {f"{month:%b %Y}": worst(found) for month, found in by_month.items() if found}
    return grid, [f"{month:%b %Y}" for month in months]


def _monthly(facts: MonthFacts) -> list[Watch]:
    return [watch for watch in facts.watch if watch.period == "month"]


def _under(facts: MonthFacts, watch: Watch, rows: Sequence[Metric]) -> list[Metric]:
    return [row for row in rows if spec.watch_of(facts.watch, row.name, row.segment, row.period) == watch]


def _rows(facts: MonthFacts, watch: Watch) -> Iterator[tuple[int, Cells]]:
    found = _under(facts, watch, facts.metrics)
    if not found:
        reason = facts.absent.get(watch.name, "every segment has a watch of its own")
        yield -2, (_named(facts, watch), "not measured", "–", thresholds(watch), "–", reason)
        return
    raised = [row for row in found if row.level != "ok"]
    for row in raised:
        yield LEVELS.index(row.level), _cells(facts, watch, row, row.note)
    enough = [row for row in found if row.judged]
    if not raised:
        nearest = _nearest(watch, enough or found)
        others = f"nearest to its threshold of {len(found)}" if len(found) > 1 else ""
        yield (0 if enough else -1), _cells(facts, watch, nearest, "; ".join(filter(None, (nearest.note, others))))


def _cells(facts: MonthFacts, watch: Watch, row: Metric, remark: str) -> Cells:
    name = f"{title(row.name, facts.kind)}: {row.segment}" if row.segment else title(row.name, facts.kind)
    return name, level_of(row), with_interval(row), thresholds(watch), f"{row.n:,}", remark or "–"


def _nearest(watch: Watch, rows: Sequence[Metric]) -> Metric:
    sign = -1 if watch.side == "below" else 1
    return max(rows, key=lambda row: sign * figure(row, watch))


def _named(facts: MonthFacts, watch: Watch) -> str:
    name = title(watch.metric, facts.kind)
    return f"{name}: {watch.segment}" if watch.segment else name
