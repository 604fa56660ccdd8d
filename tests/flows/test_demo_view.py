from datetime import date
from itertools import accumulate, pairwise

from flows.demo_view import COLUMNS, MonthLine, show_heading, show_line
from flows.terminal import console
from flows.traffic import Traffic
from monitoring.metric import Level, Metric, Role
from tests.monitoring.months import metric

MONTH = date(2005, 9, 30)
ANSWERED = Traffic(320, {"approve": 203, "decline": 39, "review": 78}, 74, ("d" * 64,))


def rows(role: Role, gap: float, psi: float, level: Level) -> tuple[Metric, ...]:
    rate = {"auc": 0.896, "observed_rate": 0.104, "predicted_rate": 0.156}
    return (
        *(metric(name=name, role=role, value=value, n=30_000) for name, value in rate.items()),
        metric(name="selection_gap", segment="sex", role=role, value=gap / 2),
        metric(name="selection_gap", segment="age", role=role, value=gap),
        metric(name="score_psi", role=role, value=psi, level=level),
    )


def printed(line: MonthLine) -> tuple[str, str]:
    """The heading and the line."""
    with console.capture() as caught:
        show_heading("cards")
        show_line(line)
    _, _, heading, shown = caught.get().splitlines()
    return heading, shown


def test_both_releases_are_told_side_by_side_below_their_headings() -> None:
    champion, frozen = rows("champion", 0.29, 0.01, "ok"), rows("frozen", 0.32, 0.41, "orange")
    heading, shown = printed(MonthLine(MONTH, "d" * 64, ANSWERED, champion, frozen, "yellow", reused=True))
    places = list(accumulate((width for _, width in COLUMNS), initial=0))
    told = [(heading[start:end].strip(), shown[start:end].strip()) for start, end in pairwise(places)]
    assert told == [
        ("month", "2005-09"),
        ("release", "dddddddd"),
        ("HTTP answers", "203 approve, 39 decline, 78 review"),
        ("paused", "74"),
        ("alerts", "yellow"),
        ("labels", "30,000"),
        ("AUC", "0.896"),
        ("frozen", "0.896"),
        ("observed", "0.104"),
        ("predicted", "0.156"),
        ("frozen", "0.156"),
        ("gap", "0.29"),
        ("frozen", "0.32"),
        ("drift", "0.01"),
        ("frozen", "0.41"),
        ("level", "ok"),
        ("frozen", "orange"),
    ]
    assert shown.endswith(" reused")
    assert len(heading) <= 152


def test_of_a_month_without_labels_only_what_was_served_is_told() -> None:
    _, shown = printed(MonthLine(MONTH, "d" * 64, Traffic(0, {}, 0, ()), (), (), "frozen from here on", reused=False))
    assert shown.split() == ["2005-09", "dddddddd", "–", "frozen", "from", "here", "on"]
