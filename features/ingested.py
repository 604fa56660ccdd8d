"""Up to which date the lake's tables say what the raw files say; a file beside them, written after them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from features.lake import Lake


@dataclass(frozen=True)
class Ingested:
    """All partitions up to `as_of` were made from the raw files, contract and code of digest `inputs`.

    `files`: the SHA-256 of each raw file; None: noted before that was kept.
    """

    inputs: str
    as_of: date
    files: Mapping[str, str] | None = None


def read_ingested(lake: Lake, portfolio: str) -> Ingested | None:
    """What was noted last; None when nothing was, or what was noted cannot be read: it is then checked anew."""
    try:
        noted = json.loads(_file(lake, portfolio).read_text(encoding="utf-8"))
        return Ingested(noted["inputs"], date.fromisoformat(noted["as_of"]), noted.get("files"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def note_ingested(lake: Lake, portfolio: str, done: Ingested) -> None:
    """Note what the lake holds; only after it does."""
    content = json.dumps({"inputs": done.inputs, "as_of": done.as_of.isoformat(), "files": done.files})
    lake.keep(portfolio, _file(lake, portfolio), content.encode())


def forget_ingested(lake: Lake, portfolio: str) -> None:
    """Before partitions are rewritten: a run that stops half-way must not pass for the one before it."""
    _file(lake, portfolio).unlink(missing_ok=True)


def _file(lake: Lake, portfolio: str) -> Path:
    return lake.root / portfolio / "ingested.json"
