"""The simulated lender's tables as history: the book against a loop over all loans, and a past that later days keep."""

import os
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from features.portfolio import Portfolio, open_portfolio, read_parts, read_tables
from features.spec import CREATED, EVENT
from flows.worlds import PORTFOLIO, hand_over
from simulation.description import Description
from simulation.scenarios.scenario import load
from simulation.simulate import simulate
from tests.portfolios.small_world import PORTFOLIOS

KEY, MONTHS = "customer_id", 3
# In the middle of a month and at its close.
CUTS = (date(2024, 1, 31), date(2024, 2, 14))


@pytest.fixture(scope="module")
def portfolio(tmp_path_factory: pytest.TempPathFactory) -> Portfolio:
    """A world of which a tenth of all records comes up to ten days late."""
    root = tmp_path_factory.mktemp("late")
    scenario = load("late_data")
    often = scenario.lending.model_copy(update={"applications_a_month": 0.3, "miss_index": -1.2})
    scenario = scenario.model_copy(update={"lending": often})
    simulate(Description(scenario=scenario, customers=400, seed=5), MONTHS, root / "world")
    hold_back(root / "world" / "raw" / "applications")
    hand_over(root / "made", root / "world" / "raw")
    return open_portfolio(PORTFOLIOS, PORTFOLIO, made=root / "made")


def hold_back(folder: Path) -> None:
    """Land every tenth application six days later: the world's own are there when they are decided, a lender's not."""
    files = sorted(folder.glob("day=*/*.parquet"))
    rows = pl.concat(pl.read_parquet(file, hive_partitioning=False) for file in files)
    for file in files:
        file.unlink()
    held = (pl.col(KEY) % 10 == 3) & (pl.col(EVENT) < datetime(2024, 3, 25, tzinfo=UTC))
    created = pl.when(held).then(pl.col(CREATED) + timedelta(days=6)).otherwise(pl.col(CREATED))
    landed = rows.with_columns(created.alias(CREATED)).sort(CREATED, maintain_order=True)
    for (day,), part in landed.group_by(pl.col(CREATED).dt.date(), maintain_order=True):
        (folder / f"day={day}").mkdir(exist_ok=True)
        part.write_parquet(folder / f"day={day}" / files[0].name)


@pytest.fixture(scope="module")
def tables(portfolio: Portfolio) -> dict[str, pl.DataFrame]:
    return read_tables(portfolio)


def raw(portfolio: Portfolio, table: str) -> pl.DataFrame:
    return pl.read_parquet(sorted((portfolio.data / table).glob("day=*/*.parquet")), hive_partitioning=False)


@pytest.mark.parametrize("month", [date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31)])
def test_the_book_is_the_loop_over_every_loan(
    portfolio: Portfolio, tables: dict[str, pl.DataFrame], month: date
) -> None:
    close = datetime(month.year, month.month, month.day, 23, 59, 59, tzinfo=UTC)
    known = (pl.col(EVENT) <= close) & (pl.col(CREATED) <= close)
    states = raw(portfolio, "loan_states").filter(known)
    last: dict[int, dict[str, object]] = {}
    for row in states.sort(EVENT, CREATED).iter_rows(named=True):
        last[row["loan_id"]] = row
    alive = [row for row in last.values() if row["state"] not in ("closed", "written_off")]
    assert any(row["month_end"] is False for row in alive), "no loan changed on the month's last day: another seed"
    drawn_up = tables["book"].filter(pl.col(EVENT) == close, pl.col(CREATED) == close)
    lent = raw(portfolio, "loans").filter(known).unique("loan_id").group_by(KEY).len()
    ever = dict(lent.iter_rows())
    limits = {
        row[KEY]: row["limit"] for row in raw(portfolio, "limits").filter(known).sort(EVENT).iter_rows(named=True)
    }
    sent = raw(portfolio, "applications").filter(known, pl.col(EVENT).dt.month() == month.month)
    asked = dict(sent.unique("application_id").group_by(KEY).len().iter_rows())
    for one in drawn_up.iter_rows(named=True):
        mine = [row for row in alive if row[KEY] == one[KEY]]
        assert one["live_loans"] == len(mine)
        assert one["days_past_due"] == max((row["days_past_due"] for row in mine), default=0)  # type: ignore[type-var]
        assert one["overdue"] == pytest.approx(sum(row["overdue"] for row in mine), abs=0.005)  # type: ignore[misc]
        assert one["loans_ever"] == ever.get(one[KEY], 0)
        assert one["credit_limit"] == limits.get(one[KEY])
        left = None if one["credit_limit"] is None else max(one["credit_limit"] - one["outstanding"], 0)
        assert one["headroom"] == (left if left is None else pytest.approx(left, abs=0.005))
        assert one["applications"] == asked.get(one[KEY], 0)


@pytest.mark.parametrize("until", CUTS)
def test_later_days_leave_what_was_known_before_them_as_it_was(
    portfolio: Portfolio, tables: dict[str, pl.DataFrame], until: date, tmp_path: Path
) -> None:
    earlier = read_tables(cut(portfolio, until, tmp_path))
    known = pl.col(CREATED) < datetime(until.year, until.month, until.day, tzinfo=UTC) + timedelta(days=1)
    assert set(earlier) == set(tables)
    for name, whole in tables.items():
        then, now = earlier[name].filter(known), whole.filter(known)
        for one, other in ((then, now), (now, then)):
            changed = one.join(other, on=whole.columns, how="anti", nulls_equal=True)
            assert changed.is_empty(), f"{name}: {changed}"
        assert then.height == now.height, name


def test_the_tables_come_by_the_month_in_which_their_rows_became_known(
    portfolio: Portfolio, tables: dict[str, pl.DataFrame]
) -> None:
    begins = datetime(1900, 1, 1, tzinfo=UTC)
    for month, part in enumerate(read_parts(portfolio), start=1):
        ends = datetime(2024, month + 1, 1, tzinfo=UTC)
        for name, rows in part.items():
            assert rows.filter(~pl.col(CREATED).is_between(begins, ends, closed="left")).is_empty(), name
            assert rows.height == tables[name].filter(pl.col(CREATED).is_between(begins, ends, closed="left")).height
        begins = ends
    assert month == MONTHS


def test_a_contact_is_answered_by_any_application_of_the_customer_within_14_days(
    portfolio: Portfolio, tables: dict[str, pl.DataFrame]
) -> None:
    sent = raw(portfolio, "applications").select(KEY, EVENT, CREATED).iter_rows()
    by_customer: dict[int, list[tuple[datetime, datetime]]] = {}
    for customer, applied, landed in sent:
        by_customer.setdefault(customer, []).append((applied, landed))
    credited = raw(portfolio, "responses").filter(pl.col("response") == "applied")["contact_id"].n_unique()
    outcomes = tables["contact_outcomes"]
    for one in outcomes.iter_rows(named=True):
        first, end = one["observed_timestamp"], one[EVENT]
        assert end - first == timedelta(days=14) == one[CREATED] - first
        mine = by_customer.get(one[KEY], [])
        assert one["responded"] == any(first < applied <= end and landed <= end for applied, landed in mine)
    assert outcomes["responded"].sum() > credited


def test_an_application_that_lands_after_its_loan_does_not_hold_the_loan(
    portfolio: Portfolio, tables: dict[str, pl.DataFrame]
) -> None:
    opened = raw(portfolio, "loans").group_by("loan_id").agg(opened=pl.col(EVENT).min())
    asked = tables["applications"].join(opened, left_on="application_id", right_on="loan_id")
    book = tables["book"].filter(pl.col(EVENT) == pl.col(CREATED))
    crossed = asked.filter(pl.col("opened") < pl.col(EVENT), pl.col("sent_at").dt.month() < pl.col(EVENT).dt.month())
    assert crossed.height > 0
    for one in crossed.iter_rows(named=True):
        months = book.filter(pl.col(KEY) == one[KEY], pl.col(EVENT) < one["opened"]).sort(EVENT)
        assert one["own_instalments"] == (months["instalments"][-1] if months.height else None)


def test_no_loan_paid_out_before_its_application_landed_has_an_outcome(portfolio: Portfolio, tmp_path: Path) -> None:
    long_after = cut(portfolio, date(2024, 3, 31), tmp_path)
    (tmp_path / "raw" / "economy" / "day=2024-10-31").mkdir(parents=True)
    (tmp_path / "raw" / "economy" / "day=2024-10-31" / "people.parquet").touch()  # a table that it does not read
    outcomes = read_tables(long_after)["loan_outcomes"]
    opened = raw(portfolio, "loans").unique("loan_id").select(application_id="loan_id", opened=EVENT)
    landed = raw(portfolio, "applications").group_by("application_id").agg(landed=pl.col(CREATED).min())
    both = opened.join(landed, on="application_id")
    assert both.filter(pl.col("opened") < pl.col("landed")).height > 0
    assert outcomes.height > 100
    assert (
        outcomes.join(opened, on="application_id")
        .select((pl.col("opened") > pl.col("observed_timestamp")).all())
        .item()
    )


def test_what_tells_of_health_reaches_no_model(portfolio: Portfolio, tables: dict[str, pl.DataFrame]) -> None:
    spec, hidden = portfolio.features, ("purpose", "spent_pharmacy", "spent_hospital", "medical_steps")
    found = {column: spec.uses for table in spec.tables.values() for column, spec in table.columns.items()}
    assert not any(found[column] for column in hidden)
    asked = tables["applications"].filter(pl.col("purpose") == "medical")
    assert asked["purpose_group"].unique().to_list() == ["purchase"]
    assert tables["applications"].filter(pl.col("purpose") == "ecommerce")["purpose_group"][0] == "purchase"
    bought = raw(portfolio, "orders").filter(~pl.col("item").is_in(["medical_check", "dental"]), pl.col("amount") > 0)
    first = tables["orders"].filter(pl.col(EVENT).dt.month() == 1).group_by(KEY).agg(pl.col("ordered").last())
    january = (pl.col(EVENT).dt.month() == 1) & (pl.col(CREATED) < datetime(2024, 3, 1, tzinfo=UTC))
    there = bought.filter(january).sort(CREATED).unique(["order_id", "item"], keep="last")
    assert first["ordered"].sum() == pytest.approx(there["amount"].sum(), rel=1e-6)


def cut(portfolio: Portfolio, until: date, root: Path) -> Portfolio:
    """The portfolio over the files that had landed by then."""
    for day in portfolio.data.glob("*/day=*"):
        if day.name <= f"day={until}":
            (root / "raw" / day.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copytree(day, root / "raw" / day.parent.name / day.name, copy_function=os.link)
    hand_over(root / "made", root / "raw")
    return open_portfolio(PORTFOLIOS, PORTFOLIO, made=root / "made")
