"""The log as Parquet in the lake, for analysts: every decision once, by day, without what is personal but the features.

A person is the log's keyed hash. How far the export came is a place in the chain, kept in a file that is replaced last;
what a run is about to write is written down first, so that one that was killed is finished by the next, byte for byte.
An erasure in the log takes the person's hash and features out of the files written before it.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from infra.files import keep, write_whole
from serving.log.decision_log import DecisionLog
from serving.log.entry import DOCUMENTS
from serving.log.record import DECIDING

AT_ONCE = 20_000  # records in one plan, which are held in memory
FOLDER = "decisions"
STATE = ".decisions.json"
SCHEMA: dict[str, Any] = {
    "sequence": pl.Int64,
    **dict.fromkeys(("decision_id", "kind", "model", "partner", "person", "decided_at", "release"), pl.String),
    "probability": pl.Float64,
    "score": pl.Float64,
    "grade": pl.String,
    "outcome": pl.String,
    "stale": pl.Int64,
    "features": pl.String,
    **dict.fromkeys(DOCUMENTS, pl.String),
}


class ExportError(ValueError):
    """The log cannot be exported here; the message says why."""


@dataclass(frozen=True, slots=True)
class State:
    """Records exported so far, the hash of the last one, and how far a run that began wants to come."""

    records: int = 0
    leaf: str = ""
    planned: int = 0


def export_log(log: DecisionLog, lake: Path) -> int:
    """Write what the log holds since the last export into `lake`/<portfolio>/decisions/day=…; how many records."""
    with _locked(lake):
        began, head = _state(lake), log.head().records
        state = began
        if state.records and log.leaf(state.records) != state.leaf:
            raise ExportError(f"{lake / STATE}: not of this log; expected an export of it: move {FOLDER} folders away")
        while state.planned > state.records or state.records < head:
            if state.planned <= state.records:
                state = State(state.records, state.leaf, min(head, state.records + AT_ONCE))
                write_whole(lake / STATE, orjson.dumps(asdict(state)))
            _export(log, lake, state.records, state.planned)
            state = State(state.planned, log.leaf(state.planned) or "", state.planned)
            write_whole(lake / STATE, orjson.dumps(asdict(state)))
        return state.records - began.records


def _export(log: DecisionLog, lake: Path, after: int, last: int) -> None:
    rows: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    erased: set[str] = set()
    for stored, opened in log.read_chain(after, last):
        if stored["kind"] == "erasure":
            erased.update(orjson.loads(stored["inputs"])["decision_ids"])
        elif stored["kind"] in DECIDING:
            values = {**stored, "features": None if opened is None else opened.features}
            place = (stored["portfolio"], stored["decided_at"][:10])
            rows.setdefault(place, []).append(tuple(values[name] for name in SCHEMA))
    for (portfolio, day), found in sorted(rows.items()):
        file = lake / portfolio / FOLDER / f"day={day}" / f"{after + 1:012d}-{last:012d}.parquet"
        _write_frame(file, pl.DataFrame(found, schema=SCHEMA, orient="row"), erased)
    for file in _files(log, lake, erased):
        _write_frame(file, pl.read_parquet(file, hive_partitioning=False), erased)


def _files(log: DecisionLog, lake: Path, erased: set[str]) -> list[Path]:
    """The files that may hold a row of the erased decisions."""
    records = [record for name in sorted(erased) if (record := log.find(name)) is not None]
    folders = {lake / record.portfolio / FOLDER / f"day={record.decided_at.date()}" for record in records}
    return sorted(file for folder in folders for file in folder.glob("*.parquet"))


def _write_frame(file: Path, frame: pl.DataFrame, erased: set[str]) -> None:
    gone = pl.col("decision_id").is_in(list(erased))
    clean = frame.with_columns(pl.when(~gone).then(pl.col(name)).alias(name) for name in ("person", "features"))
    part = file.with_name(f".{file.name}.part")
    file.parent.mkdir(parents=True, exist_ok=True)
    clean.write_parquet(part)
    keep(part, file)


def _state(lake: Path) -> State:
    file = lake / STATE
    return State(**orjson.loads(file.read_bytes())) if file.exists() else State()


@contextmanager
def _locked(lake: Path) -> Iterator[None]:
    lake.mkdir(parents=True, exist_ok=True)
    with (lake / ".decisions.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
