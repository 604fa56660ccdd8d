import polars as pl
import pytest

from serving.movement import SCHEMA, by_amount, by_group, matrix, movement_markdown, shift
from training.spec import FairnessSpec

SPEC = FairnessSpec(approved=0.7, smallest_group=10)
MOVES = pl.DataFrame(
    [
        ("1", "a", 100.0, "approve", "approve"),
        ("2", "b", 200.0, "approve", "review"),
        ("3", "c", 300.0, "review", "review"),
        ("4", "d", None, "decline", "approve"),
    ],
    schema=SCHEMA,
    orient="row",
)
MANY = pl.concat([MOVES] * 10)
GROUPS = pl.DataFrame({"entity_id": ["a", "b", "c", "d"], "sex": ["1", "1", "2", "2"]})


def test_the_matrix_counts_every_pair_of_outcomes():
    rows = matrix(MOVES).select("before", "after", "decisions", "share", "amount").rows()
    assert rows == [
        ("approve", "approve", 1, 0.25, 100.0),
        ("approve", "review", 1, 0.25, 200.0),
        ("review", "review", 1, 0.25, 300.0),
        ("decline", "approve", 1, 0.25, 0.0),
    ]


def test_a_shift_has_the_interval_of_a_paired_difference():
    found = shift(MOVES, "all")
    assert (found.before, found.after, found.moved, found.change) == (2, 2, 2, 0.0)
    assert found.high == pytest.approx(1.959964 * 2**0.5 / 4)
    unmoved = shift(MOVES.head(1), "one")
    assert (unmoved.low, unmoved.high) == (0, 0)


def test_amount_bands_hold_every_decision_once():
    found = by_amount(MOVES, bands=2)
    assert [(one.what, one.decisions) for one in found] == [("none stated", 1), ("up to 200", 2), ("over 200", 1)]
    assert sum(one.decisions for one in by_amount(MOVES.head(0))) == 0


def test_groups_are_compared_before_and_after():
    (found,) = by_group(MANY, GROUPS, SPEC)
    assert [(one.what, one.before, one.after) for one in found.groups] == [("1", 20, 10), ("2", 0, 10)]
    assert (found.gap_before.value, found.gap_after.value) == (1.0, 0.0)


def test_the_markdown_says_what_is_not_known():
    text = movement_markdown(MOVES, None, SPEC)
    assert "4 decisions, 2 move (50.0%)" in text
    assert "No protected groups are known" in text
    assert "gap 100.0 points (1 over 2) → 0.0 points" in movement_markdown(MANY, GROUPS, SPEC)
