from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from features.calendar import noon, working_days
from features.ingest import ingest
from features.portfolio import open_portfolio
from flows.demand import ASKED, demand
from flows.traffic import tally
from flows.workspace import Workspace
from infra.settings import Settings

PORTFOLIOS = Path(__file__).resolve().parents[2] / "portfolios"
DAY = timedelta(days=1)
SAMPLE = 320


def workspace(home: Path, name: str, known: date) -> Workspace:
    made = Workspace(Settings(home=home, portfolios=PORTFOLIOS), open_portfolio(PORTFOLIOS, name))
    ingest(made.portfolio, made.lake, known)
    return made


def test_customers_with_statements_ask_evenly_on_every_working_day(tmp_path: Path) -> None:
    end = date(2005, 8, 31)
    lender = workspace(tmp_path, "taiwan_cards", end - DAY)
    asked = demand(lender, "statements", end, SAMPLE)
    days = Counter(asked[ASKED].dt.date())
    assert sorted(days) == working_days(end)
    assert max(days.values()) - min(days.values()) <= 1
    assert asked["customer_id"].n_unique() == asked.height == SAMPLE
    assert set(asked[ASKED].dt.time()) == {noon(end).time()}
    # The statements of the last day are of people who are known already.
    ingest(lender.portfolio, lender.lake, end)
    assert demand(lender, "statements", end, SAMPLE).equals(asked)


def test_contacts_ask_on_their_own_day_and_those_of_the_last_day_when_it_is_known(tmp_path: Path) -> None:
    end = date(2009, 8, 31)
    lender = workspace(tmp_path, "bank_deposits", end - DAY)
    before = demand(lender, "contacts", end, SAMPLE)
    assert before.height == SAMPLE
    assert before[ASKED].max() < datetime(2009, 8, 31, tzinfo=UTC)  # type: ignore[operator]
    ingest(lender.portfolio, lender.lake, end)
    after = demand(lender, "contacts", end, SAMPLE)
    assert after.filter(pl.col(ASKED).dt.date() < end).equals(before)
    # 26 of the month's 772 contacts were made on its last day, and 320 of the 746 others are asked about.
    assert after.filter(pl.col(ASKED).dt.date() == end).height == round(26 * 320 / 746)


def test_answers_under_a_pause_are_counted() -> None:
    paused = {"outcome": "skip", "release": "a", "reasons": [{"code": "PAUSED"}]}
    answered = tally([paused, {"outcome": "contact", "release": "a", "reasons": []}])
    assert (answered.sent, answered.paused, answered.outcomes) == (2, 1, {"contact": 1, "skip": 1})
    assert answered.releases == ("a",)
