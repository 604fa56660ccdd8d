"""The lake: Parquet files by portfolio, layer, table and the month in which a row became known."""

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Literal

import polars as pl

from features.calendar import cutoff, instant, month_end, month_ends, month_of
from features.digests import rows_digest
from features.lake_files import LakeError, LakeFull, NoData, lake_full, read_files, to_parquet
from features.spec import CREATED
from infra.files import write_whole

__all__ = ["Lake", "LakeError", "LakeFull", "Layer", "NoData", "Partition", "known_in"]

Layer = Literal["tables", "quarantine", "features", "decisions", "incumbent"]
UNKNOWN = "unknown"  # the month of a quarantined row whose created_timestamp cannot be read


@dataclass(frozen=True)
class Partition:
    """What a partition says of itself: the last business date it covers, and the digest of what it was made from.

    For `tables`, `quarantine` and `features` that is the digest of its own rows: the same rows are the same bytes.
    """

    month: str
    covers: date
    inputs: str


class Lake:
    """All tables of all portfolios under one folder. A later date only adds; a file is replaced whole or not at all."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, portfolio: str, layer: Layer, table: str) -> Path:
        """Folder of one table's partitions."""
        return self.root / portfolio / layer / table

    def file(self, portfolio: str, layer: Layer, table: str, month: str) -> Path:
        """File of the partition of one month."""
        return self.folder(portfolio, layer, table) / f"known={month}" / "part.parquet"

    def partitions(self, portfolio: str, layer: Layer, table: str) -> list[Partition]:
        """All partitions of a table in the order of their months."""
        files = sorted(self.folder(portfolio, layer, table).glob("known=*/part.parquet"))
        return [_described(file) for file in files]

    def partition(self, portfolio: str, layer: Layer, table: str, month: str) -> Partition | None:
        """The partition of one month, or None."""
        file = self.file(portfolio, layer, table, month)
        return _described(file) if file.exists() else None

    def write(
        self, portfolio: str, layer: Layer, table: str, month: str, frame: pl.DataFrame, *, covers: date, inputs: str
    ) -> bool:
        """Write the rows that became known in `month` up to `covers`; False when they were there already.

        Raises `LakeError` when it would lose days: a partition made from other inputs that covers a later date.
        """
        if not self.wants(portfolio, layer, table, month, covers=covers, inputs=inputs):
            return False
        content = to_parquet(frame, {"covers": covers.isoformat(), "inputs": inputs})
        self.keep(portfolio, self.file(portfolio, layer, table, month), content)
        return True

    def wants(self, portfolio: str, layer: Layer, table: str, month: str, *, covers: date, inputs: str) -> bool:
        """Whether a partition is other than what is there; raises `LakeError` when it would lose days."""
        there = self.partition(portfolio, layer, table, month)
        if there and there.covers > covers and there.inputs != inputs:
            raise LakeError(
                f"{portfolio} {layer} {table} {month}: covers {there.covers} from other inputs, and would shrink to "
                f"{covers}; make it again up to {there.covers}"
            )
        return not there or there.covers < covers or there.inputs != inputs

    def keep(self, portfolio: str, file: Path, content: bytes) -> None:
        """Replace a file of the portfolio's part of the lake, whole; raises `LakeFull`."""
        with self.writing(portfolio, file):
            write_whole(file, content)

    @contextmanager
    def writing(self, portfolio: str, file: Path) -> Iterator[None]:
        """The right to change the portfolio's part of the lake; what the system refuses is `LakeFull`."""
        with self._locked(portfolio):
            try:
                yield
            except OSError as error:
                raise lake_full(file, error) from error

    def extend(
        self,
        portfolio: str,
        layer: Layer,
        table: str,
        frame: pl.DataFrame,
        *,
        first: date,
        as_of: date,
        inputs: str | None = None,
    ) -> bool:
        """Write `frame` by month from `first` to `as_of`, also months without rows, and whether anything was written.

        `inputs` None: each month is known by the digest of its own rows, and only those with other rows are written.
        A partition that covers a later date already keeps doing so. The month of `as_of` comes last: once it is
        there, all are.
        """
        ends = {month_of(end): min(end, as_of) for end in month_ends(first, as_of)}
        if layer == "quarantine":
            ends = {UNKNOWN: date.max} | ends
        wrote = False
        for month, end in ends.items():
            there = self.partition(portfolio, layer, table, month)
            covers = max(end, there.covers) if there else end
            known = known_in(frame, month, covers)
            digest = rows_digest(known) if inputs is None else inputs
            wrote |= self.write(portfolio, layer, table, month, known, covers=covers, inputs=digest)
        return wrote

    def holds(self, portfolio: str, layer: Layer, table: str, as_of: date, inputs: str | None = None) -> bool:
        """Whether every month of a table up to `as_of` is there, made from `inputs` (None: from anything)."""
        due = [one for one in self.partitions(portfolio, layer, table) if one.month <= month_of(as_of)]
        complete = bool(due) and due[-1].month == month_of(as_of) and due[-1].covers >= as_of
        return complete and (inputs is None or all(one.inputs == inputs for one in due))

    def read(
        self,
        portfolio: str,
        layer: Layer,
        table: str,
        *,
        as_of: date | None = None,
        columns: Sequence[str] | None = None,
        within: pl.Expr | None = None,
    ) -> pl.DataFrame:
        """The rows known at the end of `as_of` (None: all), some `columns` (None: all); `NoData` when there are none.

        `within`: of these only the rows for which it holds, which may be none; other row groups are not read.
        An empty quarantine is good news: it is returned, empty and typed, once a run has written one.
        """
        last = month_of(as_of) if as_of else "9999-12"
        files = sorted(self.folder(portfolio, layer, table).glob("known=*/part.parquet"))
        wanted = [file for file in files if file.parent.name.removeprefix("known=") <= last or _is_unknown(file)]
        if not wanted:
            raise NoData(_nothing(self, portfolio, layer, table, as_of))
        frame = read_files(wanted, list(dict.fromkeys([*columns, CREATED])) if columns else None, within)
        if as_of:
            frame = frame.filter(pl.col(CREATED).is_null() | (pl.col(CREATED) < instant(cutoff(as_of))))
        if frame.is_empty() and layer != "quarantine" and within is None:
            raise NoData(_nothing(self, portfolio, layer, table, as_of))
        return frame.select(columns) if columns else frame

    def count(self, portfolio: str, layer: Layer, table: str, as_of: date) -> int:
        """How many rows are known at the end of `as_of`, without holding them."""
        files = sorted(self.folder(portfolio, layer, table).glob("known=*/part.parquet"))
        known = [file for file in files if file.parent.name.removeprefix("known=") <= month_of(as_of)]
        if not known:
            return 0
        rows = pl.scan_parquet(known, hive_partitioning=False).filter(pl.col(CREATED) < instant(cutoff(as_of)))
        return int(rows.select(pl.len()).collect().item())

    @contextmanager
    def _locked(self, portfolio: str) -> Iterator[None]:
        folder = self.root / portfolio
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = (folder / ".lock").open("a")
        except OSError as error:
            raise lake_full(folder, error) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _described(file: Path) -> Partition:
    try:
        notes = pl.read_parquet_metadata(file)
        return Partition(file.parent.name.removeprefix("known="), date.fromisoformat(notes["covers"]), notes["inputs"])
    except (pl.exceptions.PolarsError, KeyError, ValueError, OSError) as error:
        raise LakeError(f"{file}: is not a partition of this lake ({error}); delete it and run again") from error


def known_in(frame: pl.DataFrame, month: str, covers: date) -> pl.DataFrame:
    """The rows of `frame` that became known in `month`, up to the end of `covers`."""
    if month == UNKNOWN:
        return frame.filter(pl.col(CREATED).is_null())
    start = datetime.combine(date.fromisoformat(f"{month}-01"), time(), UTC)
    end = min(covers, month_end(start.date()))
    return frame.filter(pl.col(CREATED).is_between(instant(start), instant(cutoff(end)), closed="left"))


def _is_unknown(file: Path) -> bool:
    return file.parent.name == f"known={UNKNOWN}"


def _nothing(lake: Lake, portfolio: str, layer: Layer, table: str, as_of: date | None) -> str:
    there = [partition.month for partition in lake.partitions(portfolio, layer, table)]
    found = f"partitions {there[0]} to {there[-1]}" if there else "no partition"
    at = f" at {as_of}" if as_of else ""
    step = "build" if layer == "features" else "ingest"
    return (
        f"{portfolio}: nothing is known of {layer} {table!r}{at}; found {found}. Run {step} up to that date first; "
        f"after that: is a later date meant, or does the raw table say with {CREATED} that it is known only later?"
    )
