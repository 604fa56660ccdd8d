"""A file of the lake that grows by parts of rows: in memory while there is one, then row group by row group on disk."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl

from features.digests import RowsDigest
from features.lake import Lake
from features.lake_files import ROW_GROUP, lake_full, to_parquet
from infra.files import sync


class GrowingFile:
    """The next content of a file; nothing of what is there changes until `replace`, and `discard` leaves nothing."""

    def __init__(self, lake: Lake, portfolio: str, file: Path) -> None:
        self._lake, self._portfolio, self._file = lake, portfolio, file
        # Always the same name: what a killed writer left is overwritten by the next.
        self._part = file.with_name(f"{file.name}.growing")
        self._only: pl.DataFrame | None = None
        self._writer: Any = None
        self._digest: RowsDigest | None = None

    def add(self, rows: pl.DataFrame) -> None:
        """The next rows, behind those that were added before."""
        if self._digest is None:
            self._digest, self._only = RowsDigest(rows.schema), rows
        else:
            self._flush()
            self._write(rows)
        self._digest.add(rows)

    @property
    def digest(self) -> str:
        """`rows_digest` of all rows that were added."""
        assert self._digest is not None, "rows, or an empty frame of their types, are added first"
        return self._digest.digest()

    def replace(self, notes: dict[str, str]) -> None:
        """Put what was added in the place of the file, with `notes` in its metadata."""
        if self._writer is None:
            assert self._only is not None
            return self._lake.keep(self._portfolio, self._file, to_parquet(self._only, notes))
        self._writer.add_key_value_metadata(notes)
        with self._lake.writing(self._portfolio, self._file):
            self._writer.close()
            sync(self._part)
            os.replace(self._part, self._file)
            sync(self._file.parent)

    def discard(self) -> None:
        """Forget what was added, or was left over of it."""
        if self._writer is not None:
            with suppress(OSError):
                self._writer.close()
        with suppress(OSError):
            self._part.unlink()

    def _flush(self) -> None:
        if self._only is not None and self._writer is None:
            first, self._only = self._only, None
            self._write(first)

    def _write(self, rows: pl.DataFrame) -> None:
        from pyarrow import parquet
        from pyarrow.types import is_large_string, is_string

        table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
        try:
            if self._writer is None:
                self._part.parent.mkdir(parents=True, exist_ok=True)
                # Numbers seldom repeat: looking for those that do takes longer than all the rest. Key and times, by
                # which parts of a file are chosen, come first.
                text = [field.name for field in table.schema if is_large_string(field.type) or is_string(field.type)]
                self._writer = parquet.ParquetWriter(
                    self._part,
                    table.schema,
                    compression="zstd",
                    use_dictionary=text,
                    write_statistics=table.schema.names[:3],
                )
            if rows.height:
                self._writer.write_table(table, row_group_size=ROW_GROUP)
        except OSError as error:
            self.discard()
            raise lake_full(self._part, error) from error
