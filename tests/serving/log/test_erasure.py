"""Erasing a person, rotating the master key and anchoring the head, on both databases."""

import os
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from serving.log.anchors import FILE, AnchorBroken, Anchors
from serving.log.commit import IdempotencyConflict
from serving.log.database import LogUnavailable
from serving.log.decision_log import DecisionLog, open_log
from serving.log.entry import encode
from serving.log.erasure import RANDOM_BYTES, Erasure
from serving.log.frames import read_decisions
from serving.log.keys import KeyRing
from tests.servers import new_database
from tests.serving.log.examples import START, make_record
from tests.serving.log.keyring import KEYS, MASTER
from tests.serving.log.test_vault import OTHER, secret_record, stored_bytes

BOTH = KeyRing([OTHER, MASTER])


def erasure(entity: str) -> Erasure:
    return Erasure("taiwan_cards", entity, "anna", "asked for it", START + timedelta(1), os.urandom(RANDOM_BYTES))


def test_what_is_erased_is_gone_and_the_chain_holds(log, log_url):
    records = [make_record(second, entity_id="7") for second in range(3)]
    other = make_record(5, entity_id="8")
    log.commit([encode(record) for record in [*records, other]])
    sealed = cell(log, f"SELECT subject, features FROM decisions WHERE decision_id = '{records[0].decision_id}'")
    act = log.erase(erasure("7"))
    assert act is not None
    assert act.inputs == {"by": "anna", "reason": "asked for it", "decision_ids": [one.decision_id for one in records]}
    assert log.verify().valid
    assert log.read_person("taiwan_cards", "7") == []
    found = log.find(records[0].decision_id)
    assert found.erased
    assert (found.entity_id, found.personal, found.features, found.salt, found.request_digest) == (None,) * 5
    assert (found.outcome, found.terms) == (records[0].outcome, records[0].terms)
    assert log.find(other.decision_id) == other
    assert log.find(act.decision_id) == act
    if log_url.startswith("sqlite"):
        assert not [part for part in sealed if part[:40] in stored_bytes(log_url)]
    frame = read_decisions(log, "taiwan_cards", START, START + timedelta(9))
    assert frame["entity_id"].to_list() == [None, None, None, "8"]
    assert log.erase(erasure("7")) is None
    with pytest.raises(IdempotencyConflict, match="was erased"):
        log.append(records[0])


def cell(log: DecisionLog, sql: str):
    return log._database.read(lambda session: session.rows(sql))[0]


def test_an_erasure_that_fails_erases_nothing(log, monkeypatch):
    record = make_record(entity_id="7")
    log.append(record)
    monkeypatch.setattr("serving.log.decision_log.commit_entries", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        log.erase(erasure("7"))
    monkeypatch.undo()
    assert log.find(record.decision_id) == record
    assert log.verify().valid


def test_a_new_master_wraps_every_key_and_changes_no_record(log, log_url):
    records = [make_record(86_400 * day) for day in range(5)]
    log.commit([encode(record) for record in records])
    assert log.pending(BOTH) == 6
    assert log.rekey(BOTH) == 6
    assert (log.pending(BOTH), log.rekey(BOTH)) == (0, 0)
    fresh = open_log(log_url, KeyRing([OTHER]))
    assert [fresh.find(record.decision_id) for record in records] == records
    assert fresh.verify().valid
    fresh.close()


def test_a_rotation_that_is_interrupted_goes_on(log, log_url, monkeypatch):
    monkeypatch.setattr("serving.log.rotation.PAGE", 2)
    records = [make_record(86_400 * day) for day in range(5)]
    log.commit([encode(record) for record in records])
    calls = iter(range(3))
    write = log._database.write

    def failing(work: object) -> object:
        if next(calls) == 2:
            raise LogUnavailable("killed")
        return write(work)

    monkeypatch.setattr(log._database, "write", failing)
    with pytest.raises(LogUnavailable, match="killed"):
        log.rekey(BOTH)
    monkeypatch.undo()
    assert log.pending(BOTH) == 3
    both = open_log(log_url, BOTH)
    both.append(make_record(86_400 * 9))  # a new day is wrapped by the new master from now on
    assert both.verify().valid
    assert both.rekey(BOTH) == 3
    both.close()


def test_a_worker_with_the_old_ring_cannot_wrap_by_the_old_master(log):
    log.append(make_record())
    log.rekey(BOTH)
    assert log.append(make_record(1)).ours  # its day's key is known
    with pytest.raises(LogUnavailable, match="expected that one among them"):
        log.append(make_record(86_400 * 3))


@pytest.fixture
def anchors(tmp_path):
    return Anchors(tmp_path / "elsewhere", tmp_path / "anchor.key")


def test_an_anchor_is_made_once_for_a_head(log, anchors):
    assert anchors.append(log.head(), START) is None
    log.append(make_record())
    first = anchors.append(log.head(), START)
    assert anchors.append(log.head(), START) is None
    log.append(make_record(1))
    second = anchors.append(log.head(), START)
    assert anchors.read() == [first, second]
    assert log.verify(anchors=anchors.read()).valid


def test_a_chain_rewritten_as_a_whole_is_found_by_its_anchor(log, anchors, tmp_path):
    log.append(make_record())
    anchors.append(log.head(), START)
    forged = open_log(f"sqlite:///{tmp_path / 'forged.db'}", KEYS)
    forged.append(make_record(outcome="decline"))
    assert forged.verify().valid
    found = forged.verify(anchors=anchors.read())
    assert "the chain was rewritten" in str(found.broken)
    forged.close()


def test_a_chain_cut_off_is_found_by_its_anchor(log, anchors):
    empty = log.head()
    log.append(make_record())
    anchors.append(log.head(), START)

    def cut(session: object) -> None:
        for table in ("decisions", "decision_batches"):
            session.run(f"DELETE FROM {table}")
        session.run("UPDATE decision_head SET number = 0, records = 0, hash = ?", [empty.hash])

    log._database.write(cut)
    assert log.verify().valid
    assert "the end of the chain was cut off" in str(log.verify(anchors=anchors.read()).broken)


def test_anchors_that_were_changed_are_refused(log, anchors, tmp_path):
    for second in range(3):
        log.append(make_record(second))
        anchors.append(log.head(), START)
    file = tmp_path / "elsewhere" / FILE
    lines = file.read_bytes().splitlines(keepends=True)
    for bad in (lines[1:], [lines[0], lines[2]], [lines[0].replace(b'"records":1', b'"records":2'), *lines[1:]]):
        file.write_bytes(b"".join(bad))
        with pytest.raises(AnchorBroken, match="line"):
            anchors.read()
    file.write_bytes(b"".join(lines))
    stranger = Anchors(tmp_path / "elsewhere", tmp_path / "stranger.key")
    with pytest.raises(AnchorBroken, match="not signed by this key"):
        stranger.read()
    assert len(stranger.read(anchors.public_key())) == 3


def test_an_anchor_cut_short_by_a_kill_is_written_again(log, anchors, tmp_path):
    log.append(make_record())
    anchors.append(log.head(), START)
    with (tmp_path / "elsewhere" / FILE).open("ab") as file:
        file.write(b'{"at":"2009-05-0')
    log.append(make_record(1))
    anchors.append(log.head(), START)
    assert [anchor.records for anchor in anchors.read()] == [1, 2]


def test_an_auditor_cannot_write(log, log_url):
    with pytest.raises(LogUnavailable):
        open_log("sqlite:////tmp/lendloop-no-such-log/log.db", KEYS, read_only=True).head()
    log.append(secret_record())
    auditor = open_log(log_url, KEYS, read_only=True)
    log.append(make_record(1))
    assert auditor.verify().valid
    assert auditor.verify().head.records == 2
    with pytest.raises(LogUnavailable, match=r"read-?only"):
        auditor.append(make_record(2))
    stranger = open_log(log_url, KeyRing([OTHER]), read_only=True)
    assert stranger.verify(sealed=False).valid
    auditor.close()
    stranger.close()


class Machine(RuleBasedStateMachine):
    """Whatever the order of appends, erasures and rotations: the chain holds, and exactly the erased are gone."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self.log = open_log(url, BOTH)
        self.alive: dict[str, str] = {}
        self.erased: set[str] = set()

    @rule(person=st.sampled_from("abc"), day=st.integers(0, 3))
    def append(self, person: str, day: int) -> None:
        record = make_record(86_400 * day, entity_id=person)
        assert self.log.append(record).ours
        self.alive[record.decision_id] = person

    @rule(person=st.sampled_from("abc"))
    def erase(self, person: str) -> None:
        gone = {name for name, who in self.alive.items() if who == person}
        assert (self.log.erase(erasure(person)) is not None) == bool(gone)
        self.erased |= gone
        self.alive = {name: who for name, who in self.alive.items() if name not in gone}

    @rule(first=st.booleans())
    def rotate(self, first: bool) -> None:
        self.log.rekey(KeyRing([OTHER, MASTER] if first else [MASTER, OTHER]))

    @rule()
    def reopen(self) -> None:
        self.log.close()
        self.log = open_log(self.url, BOTH)

    @invariant()
    def holds(self) -> None:
        found = self.log.verify()
        assert found.valid, found.broken
        assert {name for name in self.erased if self.log.find(name).erased} == self.erased
        for person in "abc":
            names = {record.decision_id for record in self.log.read_person("taiwan_cards", person)}
            assert names == {name for name, who in self.alive.items() if who == person}

    def teardown(self) -> None:
        self.log.close()


def test_the_chain_holds_in_whatever_order(tmp_path):
    urls = (f"sqlite:///{tmp_path}/{number}.db" for number in count())
    run_state_machine_as_test(
        lambda: Machine(next(urls)), settings=settings(max_examples=12, stateful_step_count=12, deadline=None)
    )


@pytest.mark.integration
def test_the_chain_holds_in_whatever_order_on_postgres(postgres_url):
    run_state_machine_as_test(
        lambda: Machine(new_database(postgres_url)),
        settings=settings(max_examples=4, stateful_step_count=12, deadline=None),
    )
