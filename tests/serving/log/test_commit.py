"""Appending: group commits, idempotency and its races, on both databases."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from serving.log.chain import Head
from serving.log.commit import Appended, DuplicateDecision, IdempotencyConflict
from serving.log.decision_log import DecisionLog, open_log
from serving.log.entry import encode
from serving.log.record import Record
from tests.serving.log.examples import make_record
from tests.serving.log.keyring import KEYS


def commit(log: DecisionLog, records: Sequence[Record]) -> list[object]:
    return list(log.commit([encode(record) for record in records]))


def test_an_appended_record_is_read_back_as_it_was(log):
    record = make_record()
    assert log.append(record) == Appended(record, ours=True)
    assert log.find(record.decision_id) == record
    assert log.find_key(record.partner, record.idempotency_key) == record


def test_what_was_never_appended_is_not_found(log):
    assert log.find("nothing") is None
    assert log.find_key("shop", "nothing") is None
    assert log.head() == Head()


def test_one_commit_is_one_link(log):
    assert commit(log, [make_record(second) for second in range(5)])
    assert (log.head().number, log.head().records) == (1, 5)
    log.append(make_record())
    assert (log.head().number, log.head().records) == (2, 6)
    assert log.verify().valid


def test_an_empty_commit_writes_nothing(log):
    assert log.commit([]) == []
    assert log.head() == Head()


def test_who_comes_second_reads_the_first_answer(log):
    first = make_record(idempotency_key="k", request_digest="d", outcome="approve")
    log.append(first)
    second = make_record(idempotency_key="k", request_digest="d", outcome="decline")
    assert log.append(second) == Appended(first, ours=False)
    assert log.head().records == 1


def test_the_same_record_again_is_still_ours(log):
    record = make_record()
    log.append(record)
    assert log.append(record) == Appended(record, ours=True)
    assert log.head().records == 1


def test_a_key_of_another_partner_is_another_key(log):
    log.append(make_record(partner="shop", idempotency_key="k"))
    assert log.append(make_record(partner="bank", idempotency_key="k")).ours


def test_a_key_used_for_another_request_is_refused(log):
    log.append(make_record(idempotency_key="k", request_digest="d"))
    with pytest.raises(IdempotencyConflict, match=r"'k' was used by decision .* for another request"):
        log.append(make_record(idempotency_key="k", request_digest="e"))


def test_a_decision_id_under_another_key_is_refused(log):
    record = make_record()
    log.append(record)
    with pytest.raises(DuplicateDecision, match=record.decision_id):
        log.append(make_record(decision_id=record.decision_id, idempotency_key="other"))


def test_one_commit_settles_its_own_duplicates(log):
    first = make_record(1, idempotency_key="k", request_digest="d")
    same = make_record(2, idempotency_key="k", request_digest="d")
    conflict = make_record(3, idempotency_key="k", request_digest="e")
    taken = make_record(4, decision_id=first.decision_id)
    fine = make_record(5)
    outcomes = commit(log, [first, same, conflict, taken, fine])
    assert outcomes[:2] == [Appended(first, ours=True), Appended(first, ours=False)]
    assert [type(outcome) for outcome in outcomes[2:4]] == [IdempotencyConflict, DuplicateDecision]
    assert outcomes[4] == Appended(fine, ours=True)
    assert log.head().records == 2
    assert log.verify().valid


def test_a_commit_of_duplicates_alone_adds_no_link(log):
    record = make_record()
    log.append(record)
    head = log.head()
    commit(log, [record, record])
    assert log.head() == head


def test_a_race_for_one_key_has_one_winner(log_url):
    racers = 6
    logs = [open_log(log_url, KEYS) for _ in range(racers)]
    start = Barrier(racers)

    def race(place: int) -> list[Appended]:
        start.wait()
        keys = [f"key-{number}" for number in range(15)]
        return [logs[place].append(make_record(place, idempotency_key=key, request_digest="d")) for key in keys]

    with ThreadPoolExecutor(racers) as pool:
        answers = list(pool.map(race, range(racers)))
    for same_key in zip(*answers, strict=True):
        assert sum(answer.ours for answer in same_key) == 1
        assert len({answer.record.decision_id for answer in same_key}) == 1
    assert logs[0].head().records == 15
    assert logs[0].verify().valid
    for log in logs:
        log.close()


def test_text_of_every_kind_survives(log):
    record = make_record(
        entity_id="陳美玲 \U0001f600",
        inputs={"note": 'tab\t, quote", back\\slash, \x00, \u2028', "": "empty"},
        partner="\\N",
    )
    log.append(record)
    assert log.find(record.decision_id) == record
    assert log.verify().valid


@pytest.mark.parametrize("value", [0.0, -0.0, 1.0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, 1e-5, 2.0**60])
def test_numbers_keep_every_bit(log, value):
    record = make_record(probability=value, score=-value, terms={"base": value})
    log.append(record)
    assert log.find(record.decision_id) == record
    assert log.verify().valid
