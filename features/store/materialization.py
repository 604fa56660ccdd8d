"""Write what became known to the online store: incremental, in slices of time, counted, and read back."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from feast import FeatureStore, FeatureView
from feast.infra.online_stores.online_store import OnlineStore

from features.calendar import cutoff, month_of
from features.customers import EVERYONE, Customers, split
from features.digests import RowsDigest, digest_of
from features.lake import Lake, NoData
from features.lake_files import in_groups
from features.portfolio import Portfolio
from features.spec import CREATED, EVENT
from features.store.progress import Progress, ProgressNotes
from features.store.rows import in_utc, plain, write_rows
from features.store.slices import Slice, Window, slices, window
from features.store.workers import ROWS, PartWriter, Workers, Written, place_of, sample_of

_log = logging.getLogger(__name__)


class MaterializeError(RuntimeError):
    """The online store does not hold what was written; the message says which view, and what was found."""


@dataclass(frozen=True)
class Materialized:
    """What a run did with one view: rows written now, the time they became known in, rows read back and equal."""

    view: str
    rows: int
    since: datetime | None
    until: datetime
    read_back: int
    note: str = ""


def silent(_: str) -> None:
    """The progress of a caller who does not watch."""


@dataclass(frozen=True)
class Materializer:
    """Writes the views of one portfolio, a slice of time after the other, a large slice in ranges of customers."""

    feast: FeatureStore
    store: OnlineStore
    lake: Lake
    portfolio: Portfolio
    workers: Workers | None = None
    """Who writes large slices; None: this process, range by range."""
    progress: Callable[[str], None] = silent
    """Told of every slice, and of every range of a large one."""

    def run(self, views: list[FeatureView], as_of: date) -> list[Materialized]:
        """Bring every view up to what was known at the end of `as_of`."""
        notes = ProgressNotes(self.store, self.feast.config)
        notes.prepare()
        # The file or database may be new since the views were registered.
        self.store.update(self.feast.config, [], views, [], [], True)
        return [self._view(notes, view, as_of) for view in views]

    def _view(self, notes: ProgressNotes, view: FeatureView, as_of: date) -> Materialized:
        done = notes.read(view.name)
        held = done.held if done else None
        if done and done.until and cutoff(as_of) < done.until:
            note = f"nothing written: {view.name} is materialized up to {_day(done.until)}, later than {as_of}"
            _log.info(note)
            return Materialized(view.name, 0, done.until, done.until, 0, note)
        until = min(cutoff(as_of), self._covered(view))
        note, ever = "", sorted({*_names(view), *(done.features if done else ())})
        if done and done.until and done.made_from != self._made_from(view, done.until):
            note = f"all of {view.name} written again: its definition or its data have changed"
            _log.info(note)
            done = None
        since = done.until if done else None
        if since == until:
            return Materialized(view.name, 0, since, until, 0)
        wanted = window(as_of, since, until, view.ttl or timedelta.max)
        rows, read_back = self._write_all(notes, view, wanted, ever, held)
        return Materialized(view.name, rows, since, until, read_back, note)

    def _write_all(
        self, notes: ProgressNotes, view: FeatureView, wanted: Window, ever: list[str], held: datetime | None
    ) -> tuple[int, int]:
        rows = read_back = 0
        done, retired = wanted.since, [name for name in ever if name not in _names(view)]
        for part in slices(self.lake, self.portfolio.name, view.name, view.join_keys[0], wanted, held):
            # Before the rows what the store may hold from now on, after them what it does hold: a run that is killed
            # writes the slice again, loses nothing, and puts nothing older over what the killed one wrote.
            held = max(part.done, held or part.done)
            many = part.count() > (self.workers.rows if self.workers else ROWS)
            if many or part.rows.height:
                notes.write(view.name, Progress(done, self._made_from(view, done), tuple(ever), held))
            for written in self._in_ranges(view, part, retired) if many else [self._write(view, part, retired)]:
                _check(view, part, written)
                rows += written.rows
                self.progress(f"{view.name}: {rows:,} rows, up to those known on {_day(part.done)}")
                read_back += self._read_back(view, written.sample)
            done = max(part.done, done or part.done)
        if done:
            notes.write(view.name, Progress(done, self._made_from(view, done), tuple(ever), held or done))
        return rows, read_back

    def _write(self, view: FeatureView, part: Slice, retired: list[str], customers: Customers = EVERYONE) -> Written:
        rows = part.rows if customers.everyone else part.of(customers)
        taken = write_rows(self.store, self.feast.config, view, rows, retired)
        return Written(rows.height, taken, sample_of(rows))

    def _in_ranges(self, view: FeatureView, part: Slice, retired: list[str]) -> Iterator[Written]:
        """A slice in ranges of customers; it is whole when all of them are written."""
        if self.workers is None:
            return (self._write(view, part, retired, some) for some in split([part.file], part.key, ROWS))
        online = self.workers.online
        writer = PartWriter(self.portfolio, self.lake, view.name, part, retired, online, place_of(online()))
        return self.workers.each(writer, split([part.file], part.key, self.workers.rows))

    def _read_back(self, view: FeatureView, sample: pl.DataFrame) -> int:
        """Read a sample through Feast as a client would, and compare every value; the size of the sample."""
        if sample.is_empty():
            return 0
        key, refs = view.join_keys[0], [f"{view.name}:{name}" for name in _names(view)]
        found = self.feast.get_online_features(features=refs, entity_rows={key: sample[key].to_list()}).proto
        for name, column in zip(found.metadata.feature_names.val, found.results, strict=True):
            if name == key:
                continue
            _compare(view.name, name, sample[name].to_list(), [plain(value) for value in column.values])
            times = [in_utc(time.ToDatetime()) for time in column.event_timestamps]
            _compare(view.name, f"{EVENT} of {name}", sample[EVENT].to_list(), times)
        return sample.height

    def _covered(self, view: FeatureView) -> datetime:
        there = self.lake.partitions(self.portfolio.name, "features", view.name)
        if not there:
            raise NoData(f"{self.portfolio.name}: the lake has no features of view {view.name!r}; run the build first")
        return cutoff(max(one.covers for one in there))

    def _made_from(self, view: FeatureView, until: datetime | None) -> str:
        if until is None:
            return ""
        # By the rows known before `until`: a month that fills up afterwards has the same ones, and a partition's own
        # digest would be another.
        last = month_of((until - timedelta(microseconds=1)).date())
        parts = [one for one in self.lake.partitions(self.portfolio.name, "features", view.name) if one.month <= last]
        made = [f"{one.month} {one.inputs}" for one in parts if one.month < last]
        if parts and parts[-1].month == last:
            file = self.lake.file(self.portfolio.name, "features", view.name, last)
            made.append(f"{last} {_known_digest(file, until)}")
        return digest_of(*[f"{field.name} {field.dtype}" for field in view.features], *made)


def _check(view: FeatureView, part: Slice, written: Written) -> None:
    if written.taken != written.rows:
        raise MaterializeError(
            f"{view.name}: the online store took {written.taken:,} of {written.rows:,} rows known before {part.done}; "
            "the run stops here. Run materialize again: it goes on from the last whole slice"
        )


def _known_digest(file: Path, until: datetime) -> str:
    """The digest of the rows known before `until`, of which one group is in memory at once."""
    whole = RowsDigest(pl.Schema(pl.read_parquet_schema(file)))
    for group in in_groups(file):
        whole.add(group.filter(pl.col(CREATED) < until))
    return whole.digest()


def _compare(view: str, what: str, written: list[Any], found: list[Any]) -> None:
    for expected, value in zip(written, found, strict=True):
        if expected != value:
            raise MaterializeError(
                f"{view}: {what} was written as {expected!r} and read back as {value!r}; "
                "look for another writer to this online store, and run materialize again"
            )


def _names(view: FeatureView) -> list[str]:
    return [field.name for field in view.features]


def _day(until: datetime) -> date:
    return (until - timedelta(microseconds=1)).date()
