"""A record and its row: nothing lost, nothing unhashed, nothing personal in the hash."""

import math
from dataclasses import fields, replace
from datetime import datetime, timedelta, timezone
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from serving.log.canonical import parse
from serving.log.chain import leaf_hash
from serving.log.entry import DOCUMENTS, OPEN, SEALED, TEXTS, Opened, RecordError, body, decode, encode
from serving.log.record import Record, make_id
from serving.log.verify import check_row
from tests.serving.log.examples import START, make_record

names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=255)
finite = st.floats(allow_nan=False, allow_infinity=False)


def stored(record: Record) -> dict[str, object]:
    return dict(zip(OPEN, encode(record).row, strict=True))


@given(names, st.none() | finite, st.none() | finite, st.dictionaries(st.text(), st.none() | finite | st.text()))
def test_a_record_comes_back_as_it_was(name, probability, score, features):
    record = make_record(entity_id=name, partner=name, probability=probability, score=score, features=features)
    entry = encode(record)
    subject, sealed_features = (plain[16:].decode() for plain in entry.sealed)
    opened = Opened(subject, sealed_features, entry.sealed[0][:16] + entry.sealed[1][:16])
    assert decode(stored(record), opened) == record
    assert check_row(stored(record)) is None


@given(names, st.none() | finite, st.dictionaries(st.text(), st.none() | finite | st.text()))
def test_the_hash_is_over_the_canonical_json_of_the_reference(name, score, inputs):
    row = stored(make_record(grade=name, score=score, inputs=inputs))
    content = {column: row[column] for column in (*TEXTS, "decided_at", "grade", "stale", "version")}
    content |= {"probability": row["probability"], "score": row["score"], "type": "decision"}
    content |= {column: parse(str(row[column])) for column in DOCUMENTS}
    content |= {column: row[f"{column}_commitment"] for column in SEALED}
    assert body(row) == rfc8785.dumps(content)
    assert row["leaf"] == leaf_hash(body(row))


CHANGES = {
    "decision_id": "other",
    "portfolio": "other",
    "kind": "propensity",
    "model": "other",
    "partner": "other",
    "idempotency_key": "other",
    "request_digest": "other",
    "entity_id": "other",
    "inputs": {},
    "features": {},
    "feature_times": {},
    "context": {},
    "release": "other",
    "outcome": "review",
    "decided_at": START + timedelta(microseconds=1),
    "salt": bytes(32),
    "personal": {},
    "probability": 0.0310000000000001,
    "score": None,
    "grade": None,
    "stale": True,
    "rules": (),
    "reasons": (),
    "terms": {},
    "offer": {},
    "version": 2,
}


@pytest.mark.parametrize("name", [field.name for field in fields(Record)])
def test_every_field_is_in_the_hash(name):
    record = make_record()
    assert encode(replace(record, **{name: CHANGES[name]})).leaf != encode(record).leaf


def test_personal_fields_are_in_the_hashed_text_only_as_commitments():
    record = make_record(entity_id="Chen-Mei-Ling", personal={"phone": "0912-345-678"}, features={"income": 51234.5})
    text = body(stored(record)).decode()
    assert not [part for part in ("Chen", "0912", "51234", record.request_digest, record.salt.hex()) if part in text]


def test_the_same_person_has_two_commitments_in_two_records():
    one, other = stored(make_record(entity_id="7")), stored(make_record(entity_id="7"))
    assert one["subject_commitment"] != other["subject_commitment"]
    assert one["features_commitment"] != other["features_commitment"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": {"income": math.nan}}, "features: income: nan"),
        ({"inputs": {"deep": {"amount": math.inf}}}, "inputs: deep: amount: inf"),
        ({"personal": {"photo": b"x"}}, "personal: photo"),
        ({"probability": math.nan}, "probability: found nan"),
        ({"entity_id": 17}, "entity_id: found int, expected text"),
        ({"entity_id": ""}, "entity_id: found 0 characters"),
        ({"idempotency_key": "k" * 256}, "idempotency_key: found 256 characters, expected 1 to 255"),
        ({"partner": "a\0b"}, "partner: .* no NUL"),
        ({"portfolio": "\ud800"}, "portfolio: "),
        ({"decided_at": datetime(2009, 5, 1)}, "decided_at: .* without a zone"),
        ({"salt": b"short"}, "salt: found 5 bytes, expected 32"),
        ({"score": "71"}, "score: found '71', expected a finite number"),
        ({"stale": None}, "stale: found NoneType"),
        ({"kind": "guess"}, "kind: found 'guess'"),
    ],
)
def test_what_cannot_be_logged_is_refused_by_name(changes, message):
    with pytest.raises(RecordError, match=message):
        encode(make_record(**changes))


def test_times_are_kept_in_utc():
    taipei = datetime(2009, 5, 1, 8, 30, tzinfo=timezone(timedelta(hours=8)))
    row = stored(make_record(decided_at=taipei))
    assert row["decided_at"] == "2009-05-01T00:30:00.000000Z"


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)), st.binary(min_size=10, max_size=10))
def test_an_id_is_a_uuid_of_version_7(when, randomness):
    when = when.replace(tzinfo=START.tzinfo)
    found = UUID(make_id(when, randomness))
    assert (found.version, found.variant) == (7, "specified in RFC 4122")
    later = make_id(when + timedelta(milliseconds=1), randomness)
    assert str(found) < later


def test_an_id_needs_enough_randomness():
    with pytest.raises(ValueError, match="expected 10"):
        make_id(START, b"123")
