"""Whatever is changed in the tables behind the log's back, verify finds it and names it. On both databases."""

import math
from collections.abc import Iterator

import orjson
import pytest

from serving.log.chain import Head, leaf_hash, link_hash, merkle_root
from serving.log.database import Database, open_database
from serving.log.decision_log import DecisionLog
from serving.log.entry import COLUMNS, body, encode
from serving.log.schema import HEAD, LINKS
from tests.serving.log.examples import make_record

SIZES = (3, 1, 4)  # records 1-3, 4 and 5-8
BATCH_OF = {1: 1, 2: 1, 3: 1, 4: 2, 5: 3, 6: 3, 7: 3, 8: 3}


@pytest.fixture
def database(log: DecisionLog, log_url: str) -> Iterator[Database]:
    """The tables of a log of three batches."""
    for size in SIZES:
        log.commit([encode(make_record(second)) for second in range(size)])
    assert log.verify().valid
    opened = open_database(log_url)
    yield opened
    opened.close()


def run(database: Database, sql: str, *values: object) -> None:
    database.write(lambda session: session.run(sql, values))


def cell(database: Database, table: str, column: str, where: str) -> object:
    return database.read(lambda session: session.rows(f"SELECT {column} FROM {table} WHERE {where}"))[0][0]


def changed(value: object) -> object:
    if isinstance(value, str):
        return value[:-1] + ("0" if value[-1] != "0" else "1")
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 1])
    if isinstance(value, float):
        return math.nextafter(value, 100)
    assert isinstance(value, int)
    return value + 100


def broken(log: DecisionLog) -> str:
    found = log.verify()
    assert not found.valid
    return str(found.broken)


@pytest.mark.parametrize("sequence", [2, 8])
def test_every_column_of_a_record(log, database, sequence):
    name = cell(database, "decisions", "decision_id", f"sequence = {sequence}")
    for column in COLUMNS:
        before = cell(database, "decisions", column, f"sequence = {sequence}")
        for after in (
            (changed(before), None) if column in ("subject", "features", "person", "grade") else (changed(before),)
        ):
            run(database, f"UPDATE decisions SET {column} = ? WHERE sequence = ?", after, sequence)
            shown = changed(name) if column == "decision_id" else name
            assert broken(log).startswith(f"batch {BATCH_OF[sequence]}, record {sequence} (decision {shown}): "), column
            run(database, f"UPDATE decisions SET {column} = ? WHERE sequence = ?", before, sequence)
    assert log.verify().valid


def test_every_record(log, database):
    for sequence, batch in BATCH_OF.items():
        run(database, "UPDATE decisions SET outcome = 'decline' WHERE sequence = ?", sequence)
        assert broken(log).startswith(f"batch {batch}, record {sequence} ")
        run(database, "UPDATE decisions SET outcome = 'approve' WHERE sequence = ?", sequence)


def test_every_column_of_every_batch_and_of_the_head(log, database):
    for table, columns, rows in (("decision_batches", LINKS, (1, 2, 3)), ("decision_head", HEAD, (3,))):
        for number in rows:
            for column in columns:
                before = cell(database, table, column, f"number = {number}")
                after = changed(before)
                run(database, f"UPDATE {table} SET {column} = ? WHERE number = ?", after, number)
                expected = 103 if table == "decision_head" and column == "number" else number
                assert broken(log).startswith(f"batch {expected}: "), (table, column)
                place = after if column == "number" else number
                run(database, f"UPDATE {table} SET {column} = ? WHERE number = ?", before, place)
    assert log.verify().valid


@pytest.mark.parametrize("column", ["inputs", "context"])
def test_white_space_alone(log, database, column):
    run(database, f"UPDATE decisions SET {column} = {column} || ' ' WHERE sequence = 6")
    assert broken(log).startswith("batch 3, record 6 ")


@pytest.mark.parametrize("column", ["subject", "features"])
def test_what_was_sealed_in_another_record(log, database, column):
    run(
        database,
        f"UPDATE decisions SET {column} = (SELECT {column} FROM decisions WHERE sequence = 7) WHERE sequence = 6",
    )
    assert "is not what was sealed in this record" in broken(log)


def test_a_person_taken_out_without_an_erasure(log, database):
    run(database, "UPDATE decisions SET subject = NULL, features = NULL, person = NULL WHERE sequence = 6")
    assert "the log has no record of an erasure" in broken(log)


def test_text_that_wanders_to_the_next_column(log, log_url):
    """Columns that put together give the same text, but are not JSON each."""
    inputs = {"a": 1, "kind": "decision", "model": "risk"}
    log.append(make_record(inputs=inputs))
    database = open_database(log_url)
    run(database, "UPDATE decisions SET inputs = ?, model = ?", '{"a":1', "risk")
    assert "not as it was written" in broken(log)
    database.close()


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("DELETE FROM decisions WHERE sequence = 1", "batch 1, record 1: missing; found record 2"),
        ("DELETE FROM decisions WHERE sequence = 6", "batch 3, record 6: missing; found record 7"),
        ("DELETE FROM decisions WHERE sequence = 8", "batch 3, record 8: missing; found record none"),
        ("UPDATE decisions SET sequence = 0 WHERE sequence = 3", "batch 1, record 1: missing; found record 0"),
        ("UPDATE decisions SET sequence = 9 WHERE sequence = 3", "batch 1, record 3: missing; found record 4"),
        ("DELETE FROM decision_batches WHERE number = 2", "batch 2: missing; found batch 3"),
        ("DELETE FROM decision_batches WHERE number = 3", "batch 3: the head says"),
        ("DELETE FROM decision_batches", "batch 3: the head says"),
        ("DELETE FROM decision_head", "batch 0: the head says"),
    ],
)
def test_what_is_gone(log, database, sql, found):
    run(database, sql)
    assert broken(log).startswith(found)


def test_what_was_put_in_without_the_log(log, database):
    columns = ", ".join(COLUMNS)
    copied = columns.replace("decision_id", "'new'").replace("idempotency_key", "'new'")
    run(database, f"INSERT INTO decisions (sequence, {columns}) SELECT 9, {copied} FROM decisions WHERE sequence = 8")
    assert broken(log) == "batch 3: found 1 records or batches after the head, expected none"


def test_two_records_that_changed_places(log, database):
    for before, after in ((5, 50), (6, 5), (50, 6)):
        run(database, "UPDATE decisions SET sequence = ? WHERE sequence = ?", after, before)
    assert broken(log) == "batch 3: its records do not give its Merkle root: records were replaced or moved"


def test_a_forger_who_goes_on_is_found_one_step_later(log, database):
    """Changes a record of batch 1, then repairs leaf, root, hash and so on until only anchors outside could tell."""
    run(database, "UPDATE decisions SET outcome = 'decline' WHERE sequence = 2")
    row = database.read(lambda session: session.rows(f"SELECT {', '.join(COLUMNS)} FROM decisions WHERE sequence = 2"))[
        0
    ]
    run(
        database,
        "UPDATE decisions SET leaf = ? WHERE sequence = 2",
        leaf_hash(body(dict(zip(COLUMNS, row, strict=True)))),
    )
    assert broken(log).startswith("batch 1: its records do not give its Merkle root")
    leaves = database.read(
        lambda session: session.rows("SELECT leaf FROM decisions WHERE sequence < 4 ORDER BY sequence")
    )
    root = merkle_root([leaf for (leaf,) in leaves])
    run(database, "UPDATE decision_batches SET root = ? WHERE number = 1", root)
    assert broken(log) == "batch 1: its number of records, root or hash was changed"
    run(database, "UPDATE decision_batches SET hash = ? WHERE number = 1", link_hash(1, 1, 3, root, Head().hash))
    assert broken(log).startswith("batch 2: its previous hash is")


def test_the_records_of_a_new_document_are_checked_too(log, database):
    text = orjson.dumps({"paused": True}).decode()
    run(database, "UPDATE decisions SET context = ? WHERE sequence = 4", text)
    assert broken(log).startswith("batch 2, record 4 ")


def test_progress_is_told_after_every_batch(log, database):
    seen: list[tuple[int, int]] = []
    assert log.verify(lambda done, of: seen.append((done, of))).valid
    assert seen == [(3, 8), (4, 8), (8, 8)]


def test_an_empty_log_is_valid(log):
    assert log.verify().valid


def test_the_log_goes_on_while_it_is_verified(log, database):
    steps = 0

    def append(done: int, of: int) -> None:
        nonlocal steps
        steps += 1
        log.append(make_record(100 + steps))

    assert log.verify(append).valid
    assert log.verify().head.records == 8 + steps
