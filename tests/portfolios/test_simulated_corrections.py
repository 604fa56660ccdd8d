"""Rows of the simulated lender that are told anew or malformed: what the book of a month makes of them."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features.portfolio import PortfolioError, open_portfolio, read_tables
from features.spec import CREATED, EVENT
from flows.worlds import PORTFOLIO
from tests.portfolios.small_world import PORTFOLIOS

JANUARY, FEBRUARY = datetime(2024, 1, 31, 23, 59, 59, tzinfo=UTC), datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)


def on(day: str) -> datetime:
    """Noon of a day of 2024."""
    return datetime.strptime(f"2024-{day} 12", "%Y-%m-%d %H").replace(tzinfo=UTC)


PROFILE = {
    "change": "joined", "kind": "person", "birth_date": date(1980, 5, 1), "sex": "female", "group": "a", "region": 1,
    "city_tier": 1, "postcode": 1, "marital": "single", "children": 0, "education": "school", "occupation": "office",
    "employment": "employed", "housing": "own", "stated_income": 9000.0, "literacy_quiz": 5, "joined_by": "branch",
    "consents_marketing": True, "business_months": 0, "business_staff": 0,
}  # fmt: skip


def land(root: Path, table: str, happened: str, landed: str, **values: Any) -> None:
    """Write a raw row of customer 1 where it lands."""
    folder = root / PORTFOLIO / table / f"day=2024-{landed}"
    folder.mkdir(parents=True, exist_ok=True)
    row = pl.DataFrame({"customer_id": [1], **{name: [value] for name, value in values.items()}})
    row = row.cast({pl.Null: pl.String})
    clocks = {EVENT: on(happened), CREATED: on(landed)}
    row = row.with_columns(pl.lit(time).cast(pl.Datetime("us", "UTC")).alias(name) for name, time in clocks.items())
    row.write_parquet(folder / f"{len(list(folder.iterdir()))}.parquet")


def book(root: Path) -> pl.DataFrame:
    return read_tables(open_portfolio(PORTFOLIOS, PORTFOLIO, made=root))["book"]


def one(rows: pl.DataFrame, close: datetime, known: datetime) -> dict[str, Any]:
    return rows.row(by_predicate=(pl.col(EVENT) == close) & (pl.col(CREATED) == known), named=True)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A customer with a loan of January, and days up to March."""
    land(tmp_path, "customers", "01-01", "01-01", **PROFILE)
    terms = {"loan_id": 7, "principal": 1000.0, "term_months": 12}
    land(tmp_path, "loans", "01-10", "01-10", **terms, rate=0.2, instalment=90.0, change="paid_out")
    land(tmp_path, "loans", "01-10", "02-20", **terms, rate=0.1, instalment=80.0, change="repriced")
    stands = {"loan_id": 7, "state": "current", "days_past_due": 0, "overdue": 0.0, "changed": False}
    for day in ("01-31", "02-29"):
        land(tmp_path, "loan_states", day, day, **stands, outstanding=900.0)
    land(tmp_path, "payments", "01-30", "02-03", payment_id=1, kind="instalment", amount=90.0)  # late: a second version
    land(tmp_path, "customers", "03-31", "03-31", **PROFILE)
    return tmp_path


def test_a_months_book_has_the_terms_that_held_at_its_close(made: Path) -> None:
    rows = book(made)
    for known in (JANUARY, FEBRUARY):
        found = one(rows, JANUARY, known)
        assert (found["highest_rate"], found["instalments"]) == (0.2, 90.0), known
    found = one(rows, FEBRUARY, FEBRUARY)
    assert (found["highest_rate"], found["instalments"]) == (0.1, 80.0)


def test_a_malformed_limit_leaves_the_one_before(made: Path) -> None:
    land(made, "limits", "01-15", "01-15", limit=5000.0)
    land(made, "limits", "02-15", "02-15", limit=-5000.0)
    rows = book(made)
    assert one(rows, FEBRUARY, FEBRUARY)["credit_limit"] == 5000
    assert one(rows, FEBRUARY, FEBRUARY)["headroom"] == 4100


SESSION = {"device_id": 3, "ip_region": 1, "ip_id": 9, "seconds": 60}
PAGE = {"session_id": 5, "topic": "home", "item_id": 0, "seconds": 10}


def of_table(root: Path, table: str) -> pl.DataFrame:
    return read_tables(open_portfolio(PORTFOLIOS, PORTFOLIO, made=root))[table]


def test_a_name_that_is_corrected_counts_as_it_was_corrected(made: Path) -> None:
    land(made, "logins", "01-30", "01-30", login_id=1, result="blocked", **SESSION)
    land(made, "logins", "01-30", "02-03", login_id=1, result="success", **SESSION)
    land(made, "app_events", "01-30", "01-30", event_id=1, event="sign", **PAGE)
    land(made, "app_events", "01-30", "02-03", event_id=1, event="help", **PAGE)
    for table, before, after in (("access", "logins_blocked", "logins"), ("app_use", "sign_steps", "help_steps")):
        first, second = (one(of_table(made, table), JANUARY, known) for known in (JANUARY, FEBRUARY))
        assert (first[before], first["rows_in"], first["rows_kept"]) == (1, 1, 1), table
        assert (second[before], second[after], second["rows_in"], second["rows_repeated"]) == (0, 1, 2, 1), table


def test_what_could_not_be_read_is_kept_apart_until_it_comes_whole(made: Path) -> None:
    """Also where it is a part of the key: the whole row is then another one, and the first stays apart."""
    land(made, "logins", "01-29", "01-29", login_id=1, result=None, **SESSION)
    land(made, "devices", "01-29", "01-29", device_id=3, system=None, price_class=1, emulator=True, rooted=False)
    land(made, "app_events", "01-29", "01-29", event_id=1, event=None, **PAGE)
    land(made, "responses", "01-30", "01-30", contact_id=1, response=None)
    land(made, "responses", "01-30", "02-03", contact_id=1, response="clicked")
    access, app_use = (one(of_table(made, table), JANUARY, JANUARY) for table in ("access", "app_use"))
    assert (access["rows_in"], access["rows_malformed"], access["logins"], access["devices_new"]) == (2, 2, 0, 0)
    assert (app_use["rows_in"], app_use["rows_malformed"], app_use["steps"]) == (1, 1, 0)
    first, second = (one(of_table(made, "contacted"), JANUARY, known) for known in (JANUARY, FEBRUARY))
    assert (first["rows_in"], first["rows_malformed"], first["clicked"]) == (1, 1, 0)
    assert (second["rows_in"], second["rows_kept"], second["rows_malformed"], second["clicked"]) == (2, 1, 1, 1)


def test_a_world_without_a_whole_month_says_so(tmp_path: Path) -> None:
    land(tmp_path, "customers", "01-01", "01-01", **PROFILE)
    land(tmp_path, "customers", "01-20", "01-20", **PROFILE)
    with pytest.raises(PortfolioError, match="no whole month yet"):
        book(tmp_path)


def test_files_of_an_older_world_say_what_to_do(made: Path) -> None:
    """As where contacts did not tell yet which of them the rules had refused."""
    old = {"contact_id": 1, "campaign_id": 1, "channel": "sms", "offer": "cash_loan", "held_out": False}
    land(made, "contacts", "01-20", "01-20", **old, cost=0.1, delivered=True)
    with pytest.raises(PortfolioError) as told:
        book(made)
    assert "no column refused: the world in" in str(told.value)
    assert "make it anew with `lendloop simulate`" in str(told.value)
    assert "failed on" not in str(told.value), "the message is wrapped in another"
