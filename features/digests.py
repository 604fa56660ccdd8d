"""Digests of what something was made from: same digest, same output."""

import hashlib
from functools import cache
from pathlib import Path

import polars as pl


def digest_of(*parts: str) -> str:
    """SHA-256 of texts, each apart from the next."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part.encode()).digest())
    return whole.hexdigest()


def rows_digest(frame: pl.DataFrame) -> str:
    """SHA-256 of a frame's columns, types and rows in their order; how they lie in memory does not matter."""
    whole = RowsDigest(frame.schema)
    whole.add(frame)
    return whole.digest()


class RowsDigest:
    """The same of rows that come in parts."""

    def __init__(self, schema: pl.Schema) -> None:
        self._columns = [f"{name} {dtype}" for name, dtype in schema.items()]
        self._rows = hashlib.sha256()

    def add(self, frame: pl.DataFrame) -> None:
        """Take in the next rows."""
        if frame.height:
            self._rows.update(frame.hash_rows().to_numpy().tobytes())

    def digest(self) -> str:
        """The digest of all rows so far."""
        return digest_of(*self._columns, self._rows.hexdigest())


@cache
def code_digest(*patterns: str) -> str:
    """SHA-256 of this package's source files that match: new code makes its outputs anew."""
    folder = Path(__file__).parent
    files = sorted(file for pattern in patterns for file in folder.glob(pattern))
    return digest_of(*(file.read_text(encoding="utf-8") for file in files))
