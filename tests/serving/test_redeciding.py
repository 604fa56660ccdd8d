from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from serving.answers import decide_again
from serving.applications import Application, Circumstances, circumstances_json
from serving.desk import Desk
from serving.log.record import Record, time_text
from serving.redeciding import redecide
from serving.release import ReleaseCorrupt, load_release
from tests.serving.small_releases import PORTFOLIO, build_small, fresh_reader

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def desk(tmp_path):
    return Desk(load_release(tmp_path / build_small(tmp_path)), fresh_reader(NOW))


def logged(desk):
    return [_record(desk, number, 1 + number % 5, (None, 100.0, 2500.0, 90_000.0)[number // 5]) for number in range(20)]


def _record(desk, number, entity, amount):
    at = NOW + timedelta(seconds=number)
    desk.reader.fault = OSError("away") if number == 7 else None
    looked = desk.look_up([entity], at)
    found = Circumstances(paused=number % 6 == 0, business_date=at.date())
    decision = desk.decide("decision", looked, application=Application(amount), circumstances=found)
    return Record(
        decision_id=str(number),
        portfolio=PORTFOLIO,
        kind="decision",
        model=decision.model,
        partner="local",
        idempotency_key=str(number),
        request_digest="",
        entity_id=str(entity),
        inputs={},
        personal={} if amount is None else {"amount": amount},
        features=looked.values[0],
        feature_times={view: None if time is None else time_text(time) for view, time in looked.times[0].items()},
        context=circumstances_json(found),
        release=decision.release,
        outcome=decision.outcome,
        decided_at=at,
        salt=bytes(32),
    )


def test_many_at_once_are_decided_as_one_by_one(desk):
    records = logged(desk)
    assert len({record.outcome for record in records}) == 3
    found = {}
    for part, made in redecide(desk.release, records):
        found |= {record.decision_id: made.one(row) for row, record in enumerate(part)}
    for record in records:
        assert found[record.decision_id] == decide_again(desk, record)
        assert found[record.decision_id].outcome == record.outcome


def test_the_erased_are_left_out(desk):
    gone = replace(logged(desk)[0], entity_id=None, features=None, personal=None)
    assert list(redecide(desk.release, [gone])) == []


def test_a_simulated_policy_takes_the_place_of_the_release_s_own(desk):
    policy = desk.release.policy
    stricter = policy.model_copy(update={"risk": policy.risk.model_copy(update={"signals": ("device",)})})
    simulated = load_release(desk.release.folder, stricter)
    outcomes = {str(one) for _, made in redecide(simulated, logged(desk)) for one in made.outcome}
    assert outcomes == {"review", "decline"}
    rule = {"id": "X", "when": "feature.unknown > 1", "outcome": "review", "en": "x", "zh": "x"}
    risk = type(policy.risk).model_validate({**policy.risk.model_dump(), "rules": [rule]})
    with pytest.raises(ReleaseCorrupt, match="unknown"):
        load_release(desk.release.folder, policy.model_copy(update={"risk": risk}))
