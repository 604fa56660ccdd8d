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
    columns = [f"{name} {dtype}" for name, dtype in frame.schema.items()]
    hashes = frame.hash_rows() if frame.height else pl.Series(dtype=pl.UInt64)
    return digest_of(*columns, hashlib.sha256(hashes.to_numpy().tobytes()).hexdigest())


@cache
def code_digest(*patterns: str) -> str:
    """SHA-256 of this package's source files that match: new code makes its outputs anew."""
    folder = Path(__file__).parent
    files = sorted(file for pattern in patterns for file in folder.glob(pattern))
    return digest_of(*(file.read_text(encoding="utf-8") for file in files))
