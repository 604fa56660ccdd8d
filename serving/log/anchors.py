"""Signed anchors outside the database: who rewrites the whole chain, or cuts its end, is found by them.

An anchor says where the chain ended at a time: number, records and hash of its head, signed with Ed25519 (RFC 8032).
The file `anchors.jsonl` only grows, a line for each, and each line has the hash of the one before.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from serving.log.canonical import canonical
from serving.log.chain import Head, Link
from serving.log.keys import open_keys
from serving.log.record import time_text

FILE = "anchors.jsonl"
FIRST = "0" * 64


class AnchorBroken(ValueError):
    """The anchors were changed, or signed by another key; the message names the line."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where the chain ended at a time."""

    number: int
    records: int
    hash: str
    at: str

    def problem(self, link: Link) -> str | None:
        """What is wrong with the batch of this number."""
        if (link.head.records, link.hash) == (self.records, self.hash):
            return None
        return f"an anchor of {self.at} has {self.records} records and hash {self.hash}: the chain was rewritten"


class Anchors:
    """The anchors in a folder, signed by the key in a file of its own, which is made on first use."""

    def __init__(self, folder: Path, key_file: Path) -> None:
        self._file, self._key_file = folder / FILE, key_file

    def append(self, head: Head, at: datetime) -> Anchor | None:
        """Sign the head and keep it on disk; None when it is anchored already, or the chain is empty."""
        if head.number == 0:
            return None  # and no key is made: it is a sign of anchors
        key = Ed25519PrivateKey.from_private_bytes(self._secret())
        with self._locked():
            lines = self._lines()
            known = _checked(lines, self.public_key())
            if known and known[-1].number >= head.number:
                return None
            anchor = Anchor(head.number, head.records, head.hash, time_text(at))
            body = _body(anchor, lines[-1] if lines else None)
            signature = key.sign(canonical(body)).hex()
            self._write(sum(len(line) + 1 for line in lines), canonical({**body, "signature": signature}) + b"\n")
            return anchor

    def read(self, public_key: bytes | None = None) -> list[Anchor]:
        """All anchors, their signatures and order checked (with the auditor's own copy of the key, if given)."""
        lines = self._lines()
        return _checked(lines, public_key or self.public_key()) if lines else []

    def public_key(self) -> bytes:
        """The key that the anchors are checked with: an auditor should keep a copy."""
        secret = Ed25519PrivateKey.from_private_bytes(self._secret())
        return secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def _secret(self) -> bytes:
        ring = open_keys("", self._key_file)
        return ring.key(ring.current)

    def _lines(self) -> list[bytes]:
        """The whole lines; one that a kill cut short was never an anchor."""
        content = self._file.read_bytes() if self._file.exists() else b""
        return content.split(b"\n")[:-1]

    def _write(self, end: int, line: bytes) -> None:
        handle = os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.ftruncate(handle, end)
            os.pwrite(handle, line, end)
            os.fsync(handle)
        finally:
            os.close(handle)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with (self._file.parent / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _body(anchor: Anchor, before: bytes | None) -> dict[str, Any]:
    previous = FIRST if before is None else sha256(before).hexdigest()
    return {name: getattr(anchor, name) for name in Anchor.__slots__} | {"previous": previous}


def _checked(lines: Sequence[bytes], public_key: bytes) -> list[Anchor]:
    key = Ed25519PublicKey.from_public_bytes(public_key)
    found: list[Anchor] = []
    for place, line in enumerate(lines, 1):
        try:
            stored = orjson.loads(line)
            anchor = Anchor(*(stored[name] for name in Anchor.__slots__))
            body = _body(anchor, lines[place - 2] if place > 1 else None)
            key.verify(bytes.fromhex(stored["signature"]), canonical(body))
        except (ValueError, KeyError, TypeError, InvalidSignature):
            raise AnchorBroken(
                f"{FILE}, line {place}: not signed by this key, or the line before was changed; expected the anchors "
                "as they were written: compare with a copy"
            ) from None
        found.append(anchor)
    return found
