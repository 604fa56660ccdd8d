"""An incumbent's decisions in the lake: each row is kept once, is there already, or is quarantined with the reason."""

from pathlib import Path

import polars as pl
import pytest

from features.lake import Lake
from serving.incumbent import CLASH, Imported, IncumbentError, keep_decisions, read_decisions
from tests.training.brought.cards import SPEC

NAMES = ["loan_id", "event_timestamp", "outcome", "score", "amount"]
ROWS = [
    ("1", "2024-01-30T09:00:00Z", "approve", "640", "1000"),
    ("2", "2024-01-31 10:00", "review", "590.5", None),
    ("1", "2024-02-02", "decline", None, "2000"),
]


def frame(*rows: tuple[str | None, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(NAMES, pl.String), orient="row")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def keep(lake: Lake, *rows: tuple[str | None, ...], source: str = "a" * 64) -> Imported:
    return keep_decisions(lake, "loans", SPEC, "risk", frame(*rows), source)


def stored(lake: Lake) -> list[tuple[object, ...]]:
    found = read_decisions(lake, "loans")
    assert found is not None
    return found.select("loan_id", "outcome", "score", "amount").rows()


def test_rows_are_kept_typed_in_the_month_they_were_decided(lake: Lake) -> None:
    assert keep(lake, *ROWS) == Imported(3, 3, 0, 0, {})
    assert stored(lake) == [(1, "approve", 640.0, 1000.0), (2, "review", 590.5, None), (1, "decline", None, 2000.0)]
    assert [part.month for part in lake.partitions("loans", "incumbent", "incumbent")] == ["2024-01", "2024-02"]


def test_twice_changes_nothing_and_a_day_more_adds_its_rows(lake: Lake) -> None:
    keep(lake, *ROWS[:2])
    before = lake.file("loans", "incumbent", "incumbent", "2024-01").read_bytes()
    assert keep(lake, *ROWS[:2], source="b" * 64) == Imported(2, 0, 2, 0, {})
    assert lake.file("loans", "incumbent", "incumbent", "2024-01").read_bytes() == before
    assert keep(lake, *ROWS) == Imported(3, 1, 2, 0, {})
    assert len(stored(lake)) == 3


def test_bad_rows_are_quarantined_with_the_reason(lake: Lake) -> None:
    bad = [
        ("x", "2024-01-30", "approve", None, None),
        ("3", "2024-01-32", "approve", None, None),
        ("4", "2024-01-30", "CANCELLED", None, None),
        ("5", "2024-01-30", None, None, None),
        ("6", "2024-01-30", "approve", "many", "-5"),
        ("7", "2024-01-30", "approve", None, "1e99"),
        ROWS[0],
    ]
    found = keep(lake, *ROWS, *bad)
    assert (found.rows_in, found.new, found.there, found.quarantined) == (10, 3, 0, 7)
    assert {
        "outcome: not a known category": 1,
        "outcome: missing": 1,
        "amount: below 0": 1,
        "amount: above 1e+09": 1,
    }.items() <= found.reasons.items()
    kept = lake.read("loans", "quarantine", "incumbent")
    assert kept.height == 7
    assert sorted(kept["row"].to_list()) == [4, 5, 6, 7, 8, 9, 10]
    # The same file once more: what is quarantined is so once.
    assert keep(lake, *ROWS, *bad).quarantined == 7
    assert lake.read("loans", "quarantine", "incumbent").height == 7


def test_history_is_not_rewritten(lake: Lake) -> None:
    keep(lake, *ROWS)
    other = ("1", "2024-01-30T09:00:00Z", "decline", "640", "1000")
    assert keep(lake, other) == Imported(1, 0, 0, 1, {CLASH: 1})
    assert stored(lake)[0][1] == "approve"
    assert lake.read("loans", "quarantine", "incumbent")["reason"].to_list() == [CLASH]


def test_a_file_of_which_nothing_can_be_kept_leaves_nothing_behind(lake: Lake) -> None:
    with pytest.raises(IncumbentError, match=r"not one of 1 rows can be kept, .*: outcome: not a known category \(1\)"):
        keep(lake, ("1", "2024-01-30", "A", None, None))
    assert not list(lake.root.rglob("*.parquet"))


def test_a_propensity_has_other_outcomes(lake: Lake) -> None:
    rows = frame(("1", "2024-01-30", "contact", None, None), ("2", "2024-01-30", "approve", None, None))
    found = keep_decisions(lake, "loans", SPEC, "propensity", rows, "a" * 64)
    assert (found.new, found.quarantined) == (1, 1)
