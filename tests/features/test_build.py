"""Feature tables: what was known when, with late rows, corrections and replays."""

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.build import build_features, compute
from features.calendar import cutoff
from features.ingest import ingest
from features.lake import Lake, NoData
from features.spec import CREATED, EVENT
from features.transforms.registry import Reach
from features.versions import latest, snapshots
from tests.features.small import KEY, SPEC, TIME, months, portfolio, raw, spec
from tests.features.test_lake import files

JANUARY, MARCH = date(2024, 1, 31), date(2024, 3, 31)
START = datetime(2024, 1, 1, tzinfo=UTC)
CROWD = SPEC.replace(
    "      amount_1: {transform: lag, column: amount}\n",
    "      amount_1: {transform: lag, column: amount}\n"
    "      crowd: {transform: crowd_mean, column: amount, days: 5}\n"
    "      worst: {transform: trailing_max, column: amount, window: 3}\n",
)
REACHES = {"entity": spec(), "table": spec(CROWD), "row": spec(SPEC.replace("transform: lag,", "transform: value,"))}


def test_a_feature_row_for_each_row(tmp_path: Path) -> None:
    loans, lake = portfolio(tmp_path, months(5, 3)), Lake(tmp_path / "lake")
    ingest(loans, lake, MARCH)
    first = build_features(loans, lake, MARCH)
    assert [(one.view, one.rows, one.reused) for one in first] == [("behaviour", 15, False), ("protected", 15, False)]
    found = lake.read("loans", "features", "behaviour", as_of=MARCH)
    assert found.columns == [KEY, EVENT, CREATED, "amount", "amount_1", "paid_share", "channel"]
    assert found.filter(pl.col(KEY) == 2).sort(EVENT)["amount_1"].to_list() == [None, 2.0, 3.0]
    assert [one.reused for one in build_features(loans, lake, MARCH)] == [True, True]


def test_only_the_views_that_services_read(tmp_path: Path) -> None:
    loans, lake = portfolio(tmp_path, months(2, 1)), Lake(tmp_path / "lake")
    ingest(loans, lake, JANUARY)
    assert [one.view for one in build_features(loans, lake, JANUARY, ["risk", "offers"])] == ["behaviour"]
    assert lake.partitions("loans", "features", "protected") == []
    assert [one.view for one in build_features(loans, lake, JANUARY, ["groups", "risk"])] == ["behaviour", "protected"]
    assert build_features(loans, lake, JANUARY, []) == []


def test_month_by_month_is_the_same_as_at_once(tmp_path: Path) -> None:
    loans, monthly, once = portfolio(tmp_path, months(5, 3)), Lake(tmp_path / "monthly"), Lake(tmp_path / "once")
    for as_of in (JANUARY, date(2024, 2, 29), date(2024, 3, 5), JANUARY, MARCH, JANUARY):
        ingest(loans, monthly, as_of)
        build_features(loans, monthly, as_of)
    ingest(loans, once, MARCH)
    build_features(loans, once, MARCH)
    assert files(monthly) == files(once)


def test_it_wants_an_ingest_first(tmp_path: Path) -> None:
    loans, lake = portfolio(tmp_path, months(5, 3)), Lake(tmp_path / "lake")
    with pytest.raises(
        NoData, match=r"'payments' is not in the lake up to 2024-01-31; run `lendloop run ingest --portfolio loans"
    ):
        build_features(loans, lake, JANUARY)
    ingest(loans, lake, JANUARY)
    with pytest.raises(NoData, match=r"up to 2024-03-31; run `lendloop run ingest"):
        build_features(loans, lake, MARCH)


def test_a_correction_is_a_new_version_and_the_old_one_stays(tmp_path: Path) -> None:
    corrected = raw({KEY: "1", "amount": "100", CREATED: "2024-02-20"})
    loans, lake = portfolio(tmp_path, pl.concat([months(2, 3), corrected])), Lake(tmp_path / "lake")
    ingest(loans, lake, MARCH)
    build_features(loans, lake, MARCH)
    rows = lake.read("loans", "features", "behaviour").filter(pl.col(KEY) == 1)
    versions = [
        (f"{row[EVENT]:%m}", f"{row[CREATED]:%m-%d}", row["amount"], row["amount_1"]) for row in rows.rows(named=True)
    ]
    assert sorted(versions) == [
        ("01", "01-31", 1.0, None),
        ("01", "02-20", 100.0, None),
        ("02", "02-29", 2.0, 100.0),
        ("03", "03-31", 3.0, 2.0),
    ]


Arrival = tuple[int, int, int, float]  # client, day it happened, days until it was known, amount
# Few days: each on which something becomes known is a table of features, and rows fall together on more of them.
arrivals = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 7), st.integers(0, 4), st.floats(0, 9).map(lambda x: round(x, 1))),
    min_size=1,
    max_size=14,
    unique_by=lambda row: row[:3],
)


def table(rows: list[Arrival]) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            KEY: [client for client, *_ in rows],
            EVENT: [START + timedelta(days=day) for _, day, *_ in rows],
            CREATED: [START + timedelta(days=day + lag) for _, day, lag, _ in rows],
            "amount": [amount for *_, amount in rows],
            "due": [10] * len(rows),
            "channel": ["web"] * len(rows),
        },
        schema={KEY: pl.Int64, EVENT: TIME, CREATED: TIME, "amount": pl.Float64, "due": pl.Int64, "channel": pl.String},
    )
    return frame.sort(KEY, EVENT, CREATED)


@pytest.mark.parametrize("reach", REACHES)
@settings(max_examples=60, deadline=None)
@given(arrivals)
def test_what_was_known_at_a_time_never_changes(reach: str, rows: list[Arrival]) -> None:
    """The features known at any day, from all rows, are those computed on that day from the rows known then."""
    whole = compute(REACHES[reach], "behaviour", table(rows))
    days = sorted({day + lag for _, day, lag, _ in rows})
    assert whole.filter(pl.col(CREATED) < START + timedelta(days=days[0])).is_empty()
    # Days on which nothing becomes known have the same rows known as the day before, on either side.
    # On the last all rows are known: either side would be made of the whole.
    for day in days[:-1]:
        now = START + timedelta(days=day)
        known = table(rows).filter(pl.col(CREATED) <= now)
        then = latest(compute(REACHES[reach], "behaviour", known), KEY)
        found = latest(whole.filter(pl.col(CREATED) <= now), KEY)
        assert found.equals(then)


@settings(max_examples=30, deadline=None)
@given(arrivals, st.randoms())
def test_the_order_of_rows_does_not_matter(rows: list[Arrival], chance: random.Random) -> None:
    shuffled = list(rows)
    chance.shuffle(shuffled)
    mixed = pl.concat([table([row]) for row in shuffled])
    assert compute(REACHES["entity"], "behaviour", mixed).equals(compute(REACHES["entity"], "behaviour", table(rows)))


def test_a_row_is_never_known_before_what_it_is_made_of() -> None:
    rows = [(1, 0, 9, 5.0), (1, 1, 0, 6.0), (1, 2, 0, 7.0)]
    found = compute(REACHES["entity"], "behaviour", table(rows))
    for row in found.rows(named=True):
        needed = row["amount_1"]
        source = table(rows).filter(pl.col("amount") == needed)[CREATED].max() if needed is not None else row[CREATED]
        assert source <= row[CREATED]
    assert found.filter(pl.col(CREATED) < cutoff(date(2024, 1, 9))).filter(pl.col("amount") == 6.0)[
        "amount_1"
    ].to_list() == [None]


@pytest.mark.parametrize("reach", ["row", "entity"])
def test_entities_are_computed_anew_at_their_own_late_times_only(reach: Reach) -> None:
    # Everyone has a row that came late, each at a time of its own: twice the work, and not a hundred times.
    first, many = START, range(100)
    known = [
        {KEY: one, EVENT: first, CREATED: first + timedelta(seconds=one if again else 0)}
        for again in (False, True)
        for one in many
        if one or not again
    ]
    rows = pl.DataFrame(known, schema={KEY: pl.Int64, EVENT: TIME, CREATED: TIME})
    assert [one.height for one in snapshots(rows, KEY, reach)] == [99, 100]
