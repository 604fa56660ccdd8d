"""Reading by time, and as frames, on both databases."""

from datetime import datetime, timedelta

import orjson
import polars as pl
import pytest

from serving.log import reader
from serving.log.entry import encode
from serving.log.frames import read_decisions
from tests.serving.log.examples import START, make_record


def at(second: int) -> datetime:
    return START + timedelta(seconds=second)


@pytest.fixture
def filled(log):
    """Seconds 9 to 0, written in two commits and not in the order of time, and one of another portfolio."""
    records = [make_record(second) for second in reversed(range(10))]
    log.commit([encode(record) for record in records[:4]])
    log.commit([encode(record) for record in [*records[4:], make_record(3, portfolio="bank_deposits")]])
    return log


@pytest.mark.parametrize("page", [1, 3, 1000])
def test_records_come_by_time_and_page_by_page(filled, monkeypatch, page):
    monkeypatch.setattr(reader, "PAGE", page)
    found = [record.decided_at for record in filled.read("taiwan_cards", at(2), at(7))]
    assert found == [at(second) for second in range(2, 7)]
    assert filled.verify().valid


def test_records_of_one_instant_are_all_read(log, monkeypatch):
    monkeypatch.setattr(reader, "PAGE", 2)
    log.commit([encode(make_record(0)) for _ in range(7)])
    assert len({record.decision_id for record in log.read("taiwan_cards", at(0), at(1))}) == 7


def test_decisions_as_monitoring_reads_them(filled):
    frame = read_decisions(filled, "taiwan_cards", at(0), at(4))
    assert frame.columns == [
        "decision_id", "portfolio", "kind", "model", "entity_id", "decided_at", "release", "probability", "score",
        "grade", "outcome", "stale", "features", "final",
    ]  # fmt: skip
    assert frame["decided_at"].to_list() == [at(second) for second in range(4)]
    assert frame["entity_id"].to_list() == ["1000", "1001", "1002", "1003"]
    assert frame["decided_at"].dtype == pl.Datetime("us", "UTC")
    assert frame["stale"].dtype == pl.Boolean
    assert orjson.loads(frame["features"][1])["feature_02"] == pytest.approx(0.37 * 3)


def test_no_decision_is_an_empty_frame_of_the_same_types(filled):
    empty = read_decisions(filled, "taiwan_cards", at(50), at(60))
    assert empty.height == 0
    assert empty.schema == read_decisions(filled, "taiwan_cards", at(0), at(9)).schema


def test_missing_numbers_stay_missing(log):
    log.append(make_record(probability=None, score=None, grade=None, stale=True, outcome="review"))
    (row,) = read_decisions(log, "taiwan_cards", at(0), at(1)).to_dicts()
    assert (row["probability"], row["score"], row["grade"], row["stale"]) == (None, None, None, True)


def test_which_keys_were_answered_is_told_of_their_partner_alone(log):
    log.commit([encode(make_record(0, idempotency_key="a")), encode(make_record(1, idempotency_key="b"))])
    log.commit([encode(make_record(2, idempotency_key="c", partner="other"))])
    partner = make_record(0).partner
    assert log.answered(partner, ["a", "c", "d"]) == {"a"}
    assert log.answered(partner, []) == set()
