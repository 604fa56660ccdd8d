"""What each month of a view was built from: a fingerprint of each entity's rows, beside the partition.

They tell which entities' rows have changed since, so that only their features are computed again.
"""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from features.lake import Lake, Partition, to_parquet

_HASH = "fingerprint"


@dataclass(frozen=True)
class Month:
    """One month of a view's source: the rows that became known in it, and a fingerprint of each entity's."""

    name: str
    rows: pl.DataFrame
    fingerprints: pl.DataFrame


@dataclass(frozen=True)
class Fingerprints:
    """The fingerprints of one view's partitions; `definition` is the digest of what computes its features."""

    lake: Lake
    portfolio: str
    view: str
    key: str
    definition: str

    def take(self, month: str, rows: pl.DataFrame) -> Month:
        """The month's rows (only the columns that features read) with a fingerprint of each entity's, sorted by key."""
        # Added up, since an entity may have several rows in a month; their order does not matter.
        hashed = rows.select(self.key, rows.hash_rows().alias(_HASH)) if rows.height else _none(rows, self.key)
        return Month(month, rows, hashed.group_by(self.key).agg(pl.col(_HASH).sum()).sort(self.key))

    def changed(self, now: Month, built: Partition | None) -> pl.DataFrame | None:
        """The keys whose rows are other than `built` was made from; None: it was made of something else altogether."""
        before = self._read(now, built) if built else None
        if before is None:
            return None
        both = before.join(now.fingerprints, on=self.key, how="full", suffix="_now", coalesce=True)
        return both.filter(~pl.col(_HASH).eq_missing(pl.col(f"{_HASH}_now"))).select(self.key)

    def note(self, now: Month, built: Partition) -> None:
        """Note what `built` was made from; only once every partition that these rows reach is written."""
        notes = {"definition": self.definition, "built": built.inputs}
        self.lake.keep(self.portfolio, self._file(now.name), to_parquet(now.fingerprints, notes))

    def _read(self, now: Month, built: Partition) -> pl.DataFrame | None:
        file = self._file(now.name)
        try:
            notes, found = pl.read_parquet_metadata(file), pl.read_parquet(file, hive_partitioning=False)
        except (OSError, pl.exceptions.PolarsError):
            return None
        # A build that was stopped after this partition and before its note: what the note says is of another one.
        same = (notes.get("definition"), notes.get("built")) == (self.definition, built.inputs)
        return found if same and found.schema == now.fingerprints.schema else None

    def _file(self, month: str) -> Path:
        return self.lake.file(self.portfolio, "features", self.view, month).with_name("made_from.fingerprints")


def _none(rows: pl.DataFrame, key: str) -> pl.DataFrame:
    return pl.DataFrame(schema={key: rows.schema[key], _HASH: pl.UInt64})
