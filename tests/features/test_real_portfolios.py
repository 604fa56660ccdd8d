"""The two portfolios that ship: their real rows through ingest and build."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from features.build import build_features
from features.check import check_spec
from features.ingest import ingest
from features.lake import Lake, NoData
from features.permitted import select
from features.portfolio import Portfolio, open_portfolio
from features.spec import CREATED, EVENT
from training.spec import read_models

PORTFOLIOS = Path(__file__).parents[2] / "portfolios"
SEPTEMBER, OCTOBER = date(2005, 9, 30), date(2005, 10, 31)
LAST = date(2010, 11, 30)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return Lake(tmp_path_factory.mktemp("lake"))


@pytest.fixture(scope="module")
def cards(lake: Lake) -> Portfolio:
    found = open_portfolio(PORTFOLIOS, "taiwan_cards")
    report = ingest(found, lake, OCTOBER)
    assert {one.table: (one.rows_in, one.rows_kept) for one in report.tables} == {
        "statements": (180_000, 180_000),
        "customers": (30_000, 30_000),
        "official_outcomes": (30_000, 30_000),
    }
    build_features(found, lake, OCTOBER)
    return found


@pytest.fixture(scope="module")
def deposits(lake: Lake) -> Portfolio:
    found = open_portfolio(PORTFOLIOS, "bank_deposits")
    report = ingest(found, lake, LAST)
    assert {one.table: (one.rows_in, one.rows_kept) for one in report.tables} == {
        "contacts": (45_211, 45_211),
        "outcomes": (45_211, 45_211),
    }
    build_features(found, lake, LAST)
    return found


def test_two_months_late_is_as_published(lake: Lake, cards: Portfolio) -> None:
    statements = lake.read(cards.name, "tables", "statements")
    late = statements.group_by(EVENT).agg((pl.col("pay_status") >= 2).mean() * 100).sort(EVENT)["pay_status"]
    assert late.round(1).to_list() == [10.3, 9.9, 11.7, 14.0, 14.7, 10.4]
    outcomes = lake.read(cards.name, "tables", "official_outcomes")
    assert outcomes["defaulted"].mean() == pytest.approx(0.2212)


def test_the_features_of_one_card(lake: Lake, cards: Portfolio) -> None:
    """Customer 2 in September, beside the published row."""
    rows = lake.read(cards.name, "features", "behaviour", as_of=SEPTEMBER).filter(pl.col("customer_id") == 2)
    now = rows.sort(EVENT).row(-1, named=True)
    assert now[EVENT] == now[CREATED] == datetime(2005, 9, 30, tzinfo=UTC)
    bills, paid, limit = [2682, 1725, 2682, 3272, 3455, 3261], [0, 1000, 1000, 1000, 0, 2000], 120_000
    assert [now["bill"], *(now[f"bill_{place}"] for place in range(1, 6))] == bills
    assert [now["paid"], *(now[f"paid_{place}"] for place in range(1, 6))] == paid
    assert [now["status"], *(now[f"status_{place}"] for place in range(1, 6))] == [-1, 2, 0, 0, 0, 2]
    assert now["utilisation_1"] == 1725 / limit
    assert (now["payment_ratio"], now["payment_ratio_1"]) == (0, 1000 / 2682)
    assert now["payment_ratio_mean_6"] == pytest.approx(sum(paid[:5]) / sum(bills[1:]))
    assert (now["late_2_count_6"], now["late_2_streak"], now["months_since_late_2"]) == (2, 0, 1)
    assert now["unpaid_to_limit"] == (1725 - 0) / limit
    first = rows.sort(EVENT).row(0, named=True)
    assert first["bill_1"] is first["payment_ratio"] is first["status_change"] is None


def test_the_year_rolls_over(lake: Lake, deposits: Portfolio) -> None:
    contacts = lake.read(deposits.name, "tables", "contacts")
    assert (contacts[EVENT].min(), contacts[EVENT].max()) == (
        datetime(2008, 5, 5, tzinfo=UTC),
        datetime(2010, 11, 17, tzinfo=UTC),
    )
    assert contacts.sort("contact_id")[EVENT].is_sorted()
    outcomes = lake.read(deposits.name, "tables", "outcomes").with_columns(year=pl.col(EVENT).dt.year())
    rates = outcomes.group_by("year").agg(pl.col("converted").mean()).sort("year")["converted"]
    assert [round(rate, 2) for rate in rates] == [0.05, 0.17, 0.52]


def test_a_label_is_known_at_the_end_of_the_month(lake: Lake, deposits: Portfolio) -> None:
    outcomes = lake.read(deposits.name, "tables", "outcomes", as_of=date(2009, 5, 30))
    assert outcomes[EVENT].max() == datetime(2009, 4, 30, tzinfo=UTC)
    assert lake.read(deposits.name, "tables", "outcomes", as_of=date(2009, 5, 31)).height > outcomes.height


def test_the_volume_counts_the_days_before(lake: Lake, deposits: Portfolio) -> None:
    features = lake.read(deposits.name, "features", "campaign").sort("contact_id")
    first = features.filter(pl.col(EVENT) == datetime(2008, 5, 5, tzinfo=UTC))
    second = features.filter(pl.col(EVENT) == datetime(2008, 5, 6, tzinfo=UTC))
    assert first["volume_30"].unique().to_list() == [0]
    assert second["volume_1"].unique().to_list() == [first.height]
    features = lake.read(deposits.name, "features", "contact_history")
    assert features["never_contacted"].sum() == features["days_since_contact"].null_count() == 36_954


def test_the_loop_builds_only_what_its_models_read(deposits: Portfolio) -> None:
    models = read_models(deposits.folder / "models.yaml", deposits.features)
    assert deposits.features.views_of(models.services()) == ["contact_history", "protected"]
    assert deposits.features.views_of(None) == ["contact_history", "calendar", "campaign", "protected"]


def test_a_month_without_contacts_is_said(deposits: Portfolio, tmp_path: Path) -> None:
    with pytest.raises(NoData, match="nothing became known from 2008-09-01 to 2008-09-30"):
        ingest(deposits, Lake(tmp_path), date(2008, 9, 30))


def test_services_and_rules(cards: Portfolio, deposits: Portfolio) -> None:
    for portfolio, service in ((cards, "risk"), (deposits, "propensity")):
        check_spec(portfolio)
        assert select(portfolio.features, service)
        groups = select(portfolio.features, "groups")
        assert {column.dtype for column in groups} == {"category"}
        assert not any(portfolio.features.views[column.view].online for column in groups)
