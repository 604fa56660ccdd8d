from datetime import date
from typing import get_args

from monitoring.metric import to_frame
from monitoring.month import monthly
from monitoring.reports.alarms import level_grid
from monitoring.reports.content import sections
from monitoring.reports.wording import UNKNOWN
from monitoring.spec import MetricName, MonitoringSpec, Watch
from tests.monitoring.months import metric, month_inputs


def test_every_watch_has_its_level_of_every_month_that_was_measured() -> None:
    names = get_args(MetricName)
    spec = MonitoringSpec(watch=tuple(Watch(metric=name, side="above", yellow=9.0) for name in names))
    june = [metric(as_of=date(2005, 6, 30), name=name, value=9.5, level="yellow") for name in names]
    grid, months = level_grid(monthly(month_inputs(spec=spec, history=to_frame(june))).facts)
    assert months == ["Jun 2005", "Jul 2005"]
    assert len(grid) == len(names)
    assert {levels.get("Jun 2005") for levels in grid.values()} == {"yellow"}


def test_too_few_rows_are_no_verdict() -> None:
    page = {section.title: section.params for section in sections(monthly(month_inputs(n=60)).facts)}
    assert {row[1] for row in page["Feature drift in numbers"]["data"]} == {"too few rows"}  # the watch takes 100
    (bars,) = page["Feature drift"]["data"]
    assert set(bars["marker"]["color"]) == {UNKNOWN}
    assert {told[1] for told in bars["customdata"]} == {"too few rows"}
