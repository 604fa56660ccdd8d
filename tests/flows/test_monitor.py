from datetime import UTC, date, datetime
from pathlib import Path

from features.portfolio import open_portfolio
from flows.monitor import carry_out
from flows.trials import stops_of_day
from flows.workspace import Workspace
from infra.settings import Settings
from monitoring.alerts import Verdict
from monitoring.metric import Level, Metric, from_frame
from training.registry import TrialStep

PORTFOLIOS = Path(__file__).resolve().parents[2] / "portfolios"
DAY = date(2005, 8, 31)
NEXT = datetime(2005, 9, 1, 12, tzinfo=UTC)


def workspace(home: Path) -> Workspace:
    settings = Settings(home=home, portfolios=PORTFOLIOS)
    return Workspace(settings, open_portfolio(PORTFOLIOS, "taiwan_cards"))


def verdict(level: Level) -> Verdict:
    row = Metric(
        portfolio="taiwan_cards",
        as_of=DAY,
        period="month",
        model="risk",
        role="champion",
        name="auc",
        segment="",
        release="f" * 64,
        value=0.55,
        low=0.50,
        high=0.59,
        n=500,
        level=level,
    )
    return Verdict("taiwan_cards", DAY, level, (row,), ("risk-officer",))


def test_a_red_verdict_pauses_automatic_approval_once(tmp_path: Path) -> None:
    lender = workspace(tmp_path)
    for _ in range(2):
        summary = carry_out(lender, DAY, [verdict("red")])
    assert summary["level"] == "red"
    assert summary["told"] == ["risk-officer"]
    (pause,) = lender.pauses.history("taiwan_cards")
    assert "auc" in pause.cause
    assert "0.550" in pause.reason
    assert lender.pauses.active_pause("taiwan_cards", NEXT) is not None


def test_what_a_person_has_lifted_is_not_paused_again_for_the_same_cause(tmp_path: Path) -> None:
    lender = workspace(tmp_path)
    carry_out(lender, DAY, [verdict("red")])
    lender.pauses.lift_pause("taiwan_cards", lifted_by="officer", at=NEXT)
    carry_out(lender, DAY, [verdict("red")])
    assert lender.pauses.active_pause("taiwan_cards", NEXT) is None


def test_less_than_red_pauses_nothing(tmp_path: Path) -> None:
    lender = workspace(tmp_path)
    assert carry_out(lender, DAY, [verdict("orange")])["level"] == "orange"
    assert lender.pauses.history("taiwan_cards") == []


class KnownTrials:
    """A registry's trials, from memory."""

    def __init__(self, *steps: TrialStep) -> None:
        self.trials, self._steps = self, steps

    def steps(self, portfolio: str) -> tuple[TrialStep, ...]:
        return self._steps


def stop(by: str, until: str, number: int = 3) -> TrialStep:
    why = "error_rate: the challenger failed at 9 of 30 requests"
    return TrialStep(number, "stop", "c" * 64, 2, 0.0, 1, by, why, "2026-01-01T00:00:00+00:00", 2, "run", until)


def test_a_canary_that_the_service_stopped_is_an_alert_of_the_day_it_is_about(tmp_path: Path) -> None:
    lender = workspace(tmp_path)
    by_service, by_person = stop("lendloop", "2005-08-31T09:00:00.000000Z"), stop("ana", "2005-08-31T10:00:00.000000Z")
    lender.__dict__["registry"] = KnownTrials(by_service, by_person)
    found = stops_of_day(lender, DAY)
    assert found is not None
    summary = carry_out(lender, DAY, [found])
    assert (summary["level"], summary["alerts"]) == ("orange", ["orange: canary_stopped error_rate"])
    assert lender.pauses.history("taiwan_cards") == []
    (row,) = from_frame(lender.metrics.read("taiwan_cards", role="challenger"))
    assert (row.release, row.note) == ("c" * 64, "the challenger failed at 9 of 30 requests")
    assert stops_of_day(lender, date(2005, 8, 30)) is None
