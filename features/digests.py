"""Digests of what something was made from: same digest, same output."""

import hashlib
from functools import cache
from pathlib import Path


def digest_of(*parts: str) -> str:
    """SHA-256 of texts, each apart from the next."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part.encode()).digest())
    return whole.hexdigest()


@cache
def code_digest(*patterns: str) -> str:
    """SHA-256 of this package's source files that match: new code makes its outputs anew."""
    folder = Path(__file__).parent
    files = sorted(file for pattern in patterns for file in folder.glob(pattern))
    return digest_of(*(file.read_text(encoding="utf-8") for file in files))
