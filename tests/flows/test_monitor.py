from datetime import UTC, date, datetime
from pathlib import Path

from features.portfolio import open_portfolio
from flows.monitor import carry_out
from flows.workspace import Workspace
from infra.settings import Settings
from monitoring.alerts import Verdict
from monitoring.metric import Level, Metric

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
