"""What each month of a view was built from: a fingerprint of each entity's rows, beside the partition.

They tell which entities' rows have changed since, so that only their features are computed again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from features.customers import Customers
from features.lake import Lake, LakeError, Partition
from features.lake_files import read_file

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

    def known(self, built: Mapping[str, Partition]) -> set[str]:
        """Of which partitions it is known what they were made from, by this very definition."""
        return {month for month, partition in built.items() if self._is_of(month, partition)}

    def changed(self, now: Month, customers: Customers) -> pl.DataFrame | None:
        """The keys whose rows are other than the partition was made from; None: nobody can tell."""
        try:
            within = None if customers.everyone else customers.within(self.key)
            before = read_file(self.file(now.name), within=within)
        except LakeError:
            return None
        if before.schema != now.fingerprints.schema:
            return None
        both = before.join(now.fingerprints, on=self.key, how="full", suffix="_now", coalesce=True)
        return both.filter(~pl.col(_HASH).eq_missing(pl.col(f"{_HASH}_now"))).select(self.key)

    def notes(self, built: Partition) -> dict[str, str]:
        """What stands beside the fingerprints that `built` was made from."""
        return {"definition": self.definition, "built": built.inputs}

    def file(self, month: str) -> Path:
        """Where the fingerprints of a month are."""
        return self.lake.file(self.portfolio, "features", self.view, month).with_name("made_from.fingerprints")

    def _is_of(self, month: str, built: Partition) -> bool:
        try:
            found = pl.read_parquet_metadata(self.file(month))
        except (OSError, pl.exceptions.PolarsError):
            return False
        # A build that was stopped after this partition and before its note: what the note says is of another one.
        return self.notes(built).items() <= found.items()


def _none(rows: pl.DataFrame, key: str) -> pl.DataFrame:
    return pl.DataFrame(schema={key: rows.schema[key], _HASH: pl.UInt64})
