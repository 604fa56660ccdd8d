"""The answer's JSON, written straight from the record, is that of its document."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.answers import answer_json, answer_of
from serving.log.entry import OPEN, Opened, decode, encode
from tests.serving.log.examples import make_record

numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-9, 9)
reasons = st.fixed_dictionaries(
    {"code": st.text(), "en": st.text(), "zh": st.just("按时还款。") | st.text()}, optional={"points": numbers}
)
changes = st.builds(
    dict, field=st.sampled_from(["fees", "purpose"]), to=st.integers(1, 9) | st.floats(0, 9) | st.just("car")
)
texts = st.text(st.characters(codec="utf-8"))


@given(
    kind=st.sampled_from(["decision", "propensity"]),
    entity_id=texts,
    probability=st.none() | st.floats(0, 1),
    score=st.none() | st.floats(0, 100),
    reasons=st.lists(reasons, max_size=3).map(tuple),
    offer=st.fixed_dictionaries({}, optional={"limit": numbers, "amount": numbers, "change": changes}),
    decided_at=st.datetimes(timezones=st.just(UTC)),
)
def test_the_json_of_a_record_is_that_of_the_document(kind: str, reasons: tuple[object, ...], **given: object) -> None:
    outcome = "approve" if kind == "decision" else "contact"
    record = make_record(kind=kind, outcome=outcome, reasons=reasons, grade="B", personal={"fees": 7}, **given)
    assert answer_json(record) == answer_of(record).model_dump_json().encode()


@pytest.mark.parametrize("at", [datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 2, 9, 30, 0, 120, tzinfo=UTC)])
def test_a_record_from_the_log_is_answered_with_the_same_bytes(at: datetime) -> None:
    reason = {"code": "PAID", "en": "Bills were paid.", "zh": "按时还款。", "points": 9.0}
    record = make_record(decided_at=at, reasons=(reason,), offer={"limit": 50000.0, "amount": 2000.0})
    entry = encode(record)
    stored = dict(zip(OPEN, entry.row, strict=True))
    subject, features = (sealed[16:].decode() for sealed in entry.sealed)
    again = decode(stored, Opened(subject, features, b"".join(sealed[:16] for sealed in entry.sealed)))
    assert answer_json(again) == answer_json(record)
    assert b'"points":9.0' in answer_json(again)
