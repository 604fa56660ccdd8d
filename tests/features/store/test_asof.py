"""The point-in-time join: nothing that was not known, nothing stale, and the newest of the rest."""

import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.spec import CREATED, EVENT
from features.store import asof, gathered
from features.store.asof import FeatureFiles, features_known
from tests.features.store.made_up import KEY, TIME, at, rows

FRESH = timedelta(days=40)


@pytest.fixture(autouse=True)
def _in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asof, "PART_ROWS", 3)
    monkeypatch.setattr(gathered, "PIECE_ROWS", 2)


def join_known(
    observations: pl.DataFrame, known: pl.DataFrame, key: str, names: Sequence[str], fresh: timedelta | None
) -> pl.DataFrame:
    """The rows in two files, in row groups of one row."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{part}.parquet" for part in "ab"]
        known.head(2).write_parquet(files[0], row_group_size=1)
        known.slice(2).write_parquet(files[1], row_group_size=1)
        source = FeatureFiles(files, {key: key}, {name: name for name in names}, EVENT, CREATED, fresh)
        return observations.hstack(features_known(observations, EVENT, source))


def joined(asked: list[tuple[int, str]], known: pl.DataFrame) -> list[float | None]:
    observations = pl.DataFrame(
        {KEY: [key for key, _ in asked], EVENT: [at(time) for _, time in asked]}, schema={KEY: pl.Int64, EVENT: TIME}
    )
    found = join_known(observations, known, KEY, ["amount"], FRESH)
    assert found.select(KEY, EVENT).equals(observations)
    return found["amount"].to_list()


def test_a_leak_is_refused() -> None:
    """The event is before the observation, but nobody knew of it until after."""
    leak = rows((1, "2024-01-31", "2024-03-05", 666.0, None), (1, "2024-01-15", "2024-01-16", 1.0, None))
    assert joined([(1, "2024-02-10"), (1, "2024-03-04 23:59"), (1, "2024-03-05")], leak) == [1.0, None, 666.0]


def test_what_becomes_known_at_the_very_time_counts() -> None:
    known = rows((1, "2024-01-31", "2024-01-31", 5.0, None))
    assert joined([(1, "2024-01-31"), (1, "2024-01-30 23:59")], known) == [5.0, None]


def test_a_correction_counts_from_when_it_was_known() -> None:
    known = rows((1, "2024-01-31", "2024-02-01", 5.0, None), (1, "2024-01-31", "2024-02-20", 6.0, None))
    assert joined([(1, "2024-02-19"), (1, "2024-02-20")], known) == [5.0, 6.0]


def test_a_late_row_does_not_hide_a_newer_event() -> None:
    known = rows((1, "2024-02-28", "2024-02-28", 2.0, None), (1, "2024-01-31", "2024-03-05", 1.0, None))
    assert joined([(1, "2024-03-06")], known) == [2.0]


def test_an_event_known_ahead_of_time_counts_from_when_it_happens() -> None:
    known = rows((1, "2024-03-01", "2024-02-01", 9.0, None), (1, "2024-01-31", "2024-01-31", 1.0, None))
    assert joined([(1, "2024-02-15"), (1, "2024-03-01")], known) == [1.0, 9.0]


def test_freshness_includes_its_last_instant() -> None:
    known = rows((1, "2024-01-01", "2024-01-01", 1.0, None))
    assert joined([(1, "2024-02-10"), (1, "2024-02-10 00:01")], known) == [1.0, None]


def test_names_that_break_feasts_own_join() -> None:
    known = rows((1, "2024-01-01", "2024-01-01", 1.0, "x")).rename({"amount": "rn", "channel": "entity_row_id"})
    observations = known.select(KEY, EVENT)
    found = join_known(observations, known, KEY, ["rn", "amount_y", "entity_row_id"], FRESH)
    assert found.select("rn", "amount_y", "entity_row_id").row(0) == (1.0, 1.0, "x")


hours = st.integers(0, 12)
three = st.lists(st.tuples(st.integers(1, 2), hours, hours), max_size=8)


@given(three, st.lists(st.tuples(st.integers(1, 2), hours), min_size=1, max_size=6))
@settings(max_examples=150, deadline=None)
def test_the_join_is_what_its_definition_says(given_rows: list[Any], asked: list[Any]) -> None:
    start, fresh = at("2024-01-01"), timedelta(hours=5)
    known = pl.DataFrame(
        [
            (key, start + timedelta(hours=e), start + timedelta(hours=c), float(n))
            for n, (key, e, c) in enumerate(given_rows)
        ],
        schema={KEY: pl.Int64, EVENT: TIME, CREATED: TIME, "amount": pl.Float64},
        orient="row",
    ).unique([KEY, EVENT, CREATED], keep="last", maintain_order=True)
    observations = pl.DataFrame(
        [(key, start + timedelta(hours=hour)) for key, hour in asked], schema={KEY: pl.Int64, EVENT: TIME}, orient="row"
    )
    expected = []
    for key, time in observations.rows():
        seen = [row for row in known.rows() if row[0] == key and row[1] <= time and row[2] <= time]
        newest = max(seen, key=lambda row: row[1:3], default=None)
        expected.append(newest[3] if newest and time - newest[1] <= fresh else None)
    assert join_known(observations, known, KEY, ["amount"], fresh)["amount"].to_list() == expected


def test_a_view_without_an_entity_is_met_by_everyone() -> None:
    known = rows((1, "2024-01-01", "2024-01-01", 1.0, None), (2, "2024-01-03", "2024-01-03", 2.0, None))
    observations = pl.DataFrame({EVENT: [at("2024-01-02"), at("2024-01-04"), None]}, schema={EVENT: TIME})
    with tempfile.TemporaryDirectory() as folder:
        known.write_parquet(file := Path(folder) / "rates.parquet")
        found = features_known(observations, EVENT, FeatureFiles([file], {}, {"rate": "amount"}, EVENT, CREATED))
    assert found["rate"].to_list() == [1.0, 2.0, None]


@pytest.mark.parametrize("asked", [[], [(1, "2024-02-10")]])
def test_no_rows_and_no_observations_give_what_there_is_of_them(asked: list[tuple[int, str]]) -> None:
    row = rows((1, "2024-02-01", "2024-02-01", 5.0, None))
    assert joined(asked, row.clear()) == [None] * len(asked)
    assert joined(asked, row) == [5.0] * len(asked)
