"""How a portfolio writes the ids of its people: its releases tell it, also one that cannot be loaded."""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from serving.manifest import FEATURES, ReleaseError, read_features, read_manifest
from serving.pointers import is_sha, pointed

IdType = Literal["int", "string"]


def id_type(releases: Path, portfolio: str) -> IdType | None:
    """The type of a portfolio's ids as its current release says, or any other of its own; None: none can be read."""
    for folder in _folders(releases, portfolio):
        try:
            manifest = read_manifest(folder)
            digest = hashlib.sha256((folder / FEATURES).read_bytes()).hexdigest()
            if (manifest.portfolio, manifest.components.get(FEATURES)) == (portfolio, digest):
                return read_features(folder).entity_type
        except (ReleaseError, OSError):
            continue
    return None


def _folders(releases: Path, portfolio: str) -> Iterator[Path]:
    with suppress(OSError):  # where the pointer cannot be read, the others may be
        current = pointed(releases, portfolio)
        if current is not None:
            yield releases / current
    with suppress(OSError):
        yield from (folder for folder in sorted(releases.iterdir()) if is_sha(folder.name))
