"""What is personal is encrypted at rest, found again by its keyed hash, and older databases are brought along."""

import stat
from pathlib import Path

import pytest

from serving.log.chain import Head
from serving.log.database import LogUnavailable, open_database
from serving.log.decision_log import DecisionLog, open_log
from serving.log.entry import OPEN, SEALED, encode
from serving.log.keys import KeyRing, LogKeyMissing, open_keys, write_keys
from serving.log.schema import STATEMENTS
from tests.serving.log.examples import START, make_record
from tests.serving.log.keyring import KEYS

OTHER = bytes(range(1, 33))
PERSONAL = ("Chen-Mei-Ling", "0912-345-678", "51234.5")


def secret_record():
    return make_record(entity_id=PERSONAL[0], personal={"phone": PERSONAL[1]}, features={"income": 51234.5})


def stored_bytes(url: str) -> bytes:
    """Everything that a person with the database's files would see."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        return b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    database = open_database(url)
    tables = database.read(lambda session: session.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
    rows = [database.read(lambda session, name=name: session.rows(f"SELECT * FROM {name}")) for (name,) in tables]
    database.close()
    return repr(rows).encode()


def test_nothing_personal_is_on_disk(log, log_url):
    record = secret_record()
    log.append(record)
    found = stored_bytes(log_url)
    assert record.decision_id.encode() in found
    secrets = (*PERSONAL, record.request_digest, record.salt.hex())
    assert not [part for part in secrets if part.encode() in found]


def test_a_person_is_found_by_portfolio_and_entity(log):
    mine = [make_record(second, entity_id="7") for second in range(3)]
    others = [make_record(9, entity_id="8"), make_record(9, entity_id="7", portfolio="bank_deposits")]
    log.commit([encode(record) for record in (*mine, *others)])
    assert log.read_person("taiwan_cards", "7") == mine
    assert log.read_person("taiwan_cards", "70") == []


def test_one_data_key_serves_a_portfolio_and_a_day(log, log_url):
    log.commit([encode(make_record(second)) for second in (0, 1, 86_400)])
    database = open_database(log_url)
    rows = database.read(lambda session: session.rows("SELECT portfolio, day FROM decision_keys ORDER BY day"))
    database.close()
    assert rows == [("taiwan_cards", "2009-05-01"), ("taiwan_cards", "2009-05-02"), ("", "index")]


def test_another_worker_opens_and_goes_on(log, log_url):
    record = secret_record()
    log.append(record)
    other = open_log(log_url, KEYS)
    assert other.find(record.decision_id) == record
    assert other.append(make_record(1)).ours
    assert log.verify().valid
    other.close()


def test_the_wrong_master_reads_and_writes_nothing(log, log_url):
    record = secret_record()
    log.append(record)
    thief = open_log(log_url, KeyRing([OTHER]))
    with pytest.raises(LogKeyMissing, match="expected that one among them"):
        thief.find(record.decision_id)
    with pytest.raises(LogKeyMissing):
        thief.append(make_record(1))
    assert log.head().records == 1
    thief.close()


def test_a_key_file_is_made_once_and_for_its_owner_only(tmp_path):
    file = tmp_path / "home" / "decision_log.key"
    first, second = open_keys("", file), open_keys("", file)
    assert first.names == second.names
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_key_that_another_process_added_to_the_file_is_found(tmp_path):
    file = tmp_path / "decision_log.key"
    ring = open_keys("", file)
    write_keys(file, [OTHER, ring.key(ring.current)])
    assert ring.key(KeyRing([OTHER]).current) == OTHER


@pytest.mark.parametrize("given", ["abc", "ab" * 31, "not a key", ","])
def test_a_key_that_is_none_is_refused_and_not_shown(tmp_path, given):
    with pytest.raises(LogKeyMissing, match="64") as raised:
        open_keys(given, tmp_path / "unused")
    assert given == "," or given not in str(raised.value)


def test_a_log_of_a_later_version_is_left_alone(log, log_url):
    database = open_database(log_url)
    database.write(lambda session: session.run("UPDATE decision_schema SET version = 99"))
    with pytest.raises(LogUnavailable, match="found a log of version 99"):
        open_log(log_url, KEYS)
    database.close()


def write_version_1(url: str, count: int) -> tuple[list[object], Head]:
    """A log as the version before wrote it: sealed columns as plain text with salts beside."""
    log = open_log(url, KEYS)
    records = [secret_record(), *(make_record(second) for second in range(1, count))]
    log.commit([encode(record) for record in records[: count // 2]])
    log.commit([encode(record) for record in records[count // 2 :]])
    head = log.head()
    log.close()
    plain = [f"{name}{part} TEXT" for name in SEALED for part in ("", "_salt")]
    columns = STATEMENTS[0].partition("(")[2].rpartition(")")[0]
    old = ", ".join([part for part in columns.split(", ") if "BYTEA" not in part and part != "person TEXT"] + plain)
    names = ("sequence", *OPEN, *(one.removesuffix(" TEXT") for one in plain))
    rows = []
    for sequence, record in enumerate(records, 1):
        entry = encode(record)
        texts = [part for sealed in entry.sealed for part in (sealed[16:].decode(), sealed[:16].hex())]
        rows.append((sequence, *entry.row, *texts))

    def work(session: object) -> None:
        for statement in ("DROP TABLE decisions", "DROP TABLE decision_keys", "DROP TABLE decision_schema"):
            session.run(statement)
        session.run(f"CREATE TABLE decisions ({old})")
        for statement in STATEMENTS[1:4]:
            session.run(statement)
        session.insert("decisions", names, rows)

    database = open_database(url)
    database.write(work)
    database.close()
    return records, head


def test_a_log_in_plain_text_is_migrated(log_url, monkeypatch):
    monkeypatch.setattr("serving.log.migration.PAGE", 2)
    records, head = write_version_1(log_url, 7)
    assert PERSONAL[0].encode() in stored_bytes(log_url)
    log = open_log(log_url, KEYS)
    assert log.head() == head
    assert log.verify().valid
    assert [log.find(record.decision_id) for record in records] == records
    assert list(log.read("taiwan_cards", START, START.replace(year=2010))) == records
    assert not [part for part in PERSONAL if part.encode() in stored_bytes(log_url)]
    assert log.append(make_record(9)).ours
    log.close()


def test_a_migration_that_fails_leaves_the_old_log(log_url, monkeypatch):
    records, head = write_version_1(log_url, 4)
    monkeypatch.setattr("serving.log.migration._sealed", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        open_log(log_url, KEYS)
    monkeypatch.undo()
    log: DecisionLog = open_log(log_url, KEYS)
    assert log.head() == head
    assert log.find(records[0].decision_id) == records[0]
    assert log.verify().valid
    log.close()
