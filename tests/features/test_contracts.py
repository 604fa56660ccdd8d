"""Contracts on made-up raw rows: every fault is named, every row is kept or quarantined."""

import json

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from features.contracts import ContractError, check_table
from features.spec import CREATED, EVENT
from tests.features.small import KEY, ROW, months, raw, spec

SPEC = spec()


def reasons(**change: str | None) -> list[str]:
    return check_table(SPEC, "payments", raw(change)).quarantined["reason"].to_list()


def test_a_good_row_is_kept_typed() -> None:
    checked = check_table(
        SPEC, "payments", raw({}, {KEY: "2", "amount": "NA", "age": "", "due": "20.0", "channel": " 3 "})
    )
    assert checked.quarantined.is_empty()
    first, second = checked.kept.rows(named=True)
    assert (first[KEY], first["amount"], first["due"], first["channel"], first["urgent"]) == (1, 10.5, 20, "web", True)
    assert f"{first[EVENT]:%Y-%m-%d %Z} {first['first_seen']:%Y-%m-%d}" == "2024-01-31 UTC 2023-05-06"
    assert (second["amount"], second["age"], second["due"], second["channel"]) == (None, None, 20, "3")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"due": "abc"}, "due: not an int: 'abc'"),
        ({"due": "1.5"}, "due: not an int: '1.5'"),
        ({"due": None}, "due: missing"),
        ({"due": "-1"}, "due: below 0: '-1'"),
        ({"amount": "x"}, "amount: not a float: 'x'"),
        ({"amount": "inf"}, "amount: not a float: 'inf'"),
        ({"amount": "1000.5"}, "amount: above 1000: '1000.5'"),
        ({"channel": "fax"}, "channel: not a known category: 'fax'"),
        ({"channel": ""}, "channel: missing: ''"),
        ({"urgent": "perhaps"}, "urgent: not a bool: 'perhaps'"),
        ({"first_seen": "yesterday"}, "first_seen: not a timestamp: 'yesterday'"),
        ({KEY: None}, "client_id: missing"),
        ({KEY: "one"}, "client_id: not an int: 'one'"),
        ({EVENT: "2024-02-30"}, "event_timestamp: not a timestamp: '2024-02-30'"),
        ({CREATED: "2024-01-30"}, "created_timestamp: before event_timestamp: '2024-01-30'"),
        ({"due": "x", "channel": "fax"}, "due: not an int: 'x'; channel: not a known category: 'fax'"),
    ],
)
def test_a_bad_row_is_quarantined_with_its_reason(change: dict[str, str | None], reason: str) -> None:
    assert reasons(**change) == [reason]


def test_what_is_quarantined_is_shown_as_it_came() -> None:
    bad = check_table(SPEC, "payments", raw({}, {KEY: "2", "due": "x'y"})).quarantined.row(0, named=True)
    assert (bad["table"], bad["row"], bad["rules"]) == ("payments", 2, "due: not an int")
    assert json.loads(bad["original"]) == ROW | {KEY: "2", "due": "x'y"}


def test_of_rows_alike_the_first_good_one_is_kept() -> None:
    checked = check_table(SPEC, "payments", raw({"due": "bad"}, {"due": "1"}, {"due": "2"}))
    assert checked.kept["due"].to_list() == [1]
    duplicate = "client_id: the same client_id, event_timestamp and created_timestamp as an earlier row: '1'"
    assert checked.quarantined["reason"].to_list() == ["due: not an int: 'bad'", duplicate]


def test_a_row_known_later_corrects_and_is_no_duplicate() -> None:
    assert check_table(SPEC, "payments", raw({}, {CREATED: "2024-02-05"})).kept.height == 2


def test_a_table_without_a_column_cannot_be_checked() -> None:
    with pytest.raises(ContractError, match=r"'payments': columns \['due'\] are missing"):
        check_table(SPEC, "payments", raw({}).drop("due"))


def test_typed_columns_are_taken_as_they_are() -> None:
    frame = check_table(SPEC, "payments", months(2, 2)).kept
    again = check_table(SPEC, "payments", frame)
    assert again.kept.equals(frame)
    holes = check_table(SPEC, "payments", frame.with_columns(due=pl.col("due").cast(pl.Float64), amount=float("nan")))
    assert holes.kept["due"].equals(frame["due"])
    assert holes.kept["amount"].null_count() == frame.height


values = st.one_of(
    st.none(), st.text(max_size=6), st.sampled_from(["1", "-1", "2.5", "web", "yes", "2024-02-01", "nan"])
)
change = st.dictionaries(st.sampled_from(list(ROW)), values, max_size=4)
# A table costs as much however many rows it has.
changes = st.lists(change, max_size=2) | st.lists(change, min_size=12, max_size=36)


@settings(max_examples=32, deadline=None)
@given(changes)
@example([])
def test_rows_in_are_rows_kept_and_rows_quarantined(found: list[dict[str, str | None]]) -> None:
    rows = raw(*found)
    checked = check_table(SPEC, "payments", rows)
    assert checked.kept.height + checked.quarantined.height == len(found)
    assert checked.quarantined["row"].is_unique().all()
    assert (checked.quarantined["reason"].str.len_chars() > 0).all()
    originals = [json.loads(text) for text in checked.quarantined["original"]]
    assert originals == [rows.row(row - 1, named=True) for row in checked.quarantined["row"]]
    assert not checked.kept.select(KEY, EVENT, CREATED).is_duplicated().any()
    assert checked.kept["due"].null_count() == 0
    assert check_table(SPEC, "payments", checked.kept).kept.equals(checked.kept)


def test_many_bad_rows_are_all_quarantined() -> None:
    third = pl.int_range(pl.len()) % 3 == 0
    rows = months(3_000, 6).with_columns(amount=pl.lit("5"), due=pl.when(third).then(pl.lit("x")).otherwise("due"))
    assert check_table(SPEC, "payments", rows).quarantined.height == 6_000
