"""How a portfolio writes the ids of its people: its releases tell it, also one that cannot be loaded."""

import asyncio
import hashlib
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from serving.manifest import FEATURES, ReleaseError, read_features, read_manifest
from serving.pointers import is_sha, pointed

IdType = Literal["int", "string"]
REMEMBERED_SECONDS = 2.0  # so that a release that can be read again is seen soon; a worker loads it within 5 s


class IdTypes:
    """`id_type` of each portfolio, for one event loop: who asks meanwhile, or soon after, shares one look.

    A look reads every release that there is while none can be read: many requests must not each pay for it.
    """

    def __init__(self, releases: Path) -> None:
        self._releases = releases
        self._looks: dict[str, tuple[float, asyncio.Future[IdType | None]]] = {}

    async def of(self, portfolio: str) -> IdType | None:
        """What `id_type` found of a portfolio, `REMEMBERED_SECONDS` ago at most."""
        until, look = self._looks.get(portfolio, (float("-inf"), None))
        if look is None or (look.done() and (time.monotonic() > until or _failed(look))):
            look = asyncio.get_running_loop().run_in_executor(None, id_type, self._releases, portfolio)
            self._looks[portfolio] = (time.monotonic() + REMEMBERED_SECONDS, look)
        return await asyncio.shield(look)  # whoever gives up takes nothing from the others


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


def _failed(look: "asyncio.Future[IdType | None]") -> bool:
    return look.cancelled() or look.exception() is not None


def _folders(releases: Path, portfolio: str) -> Iterator[Path]:
    with suppress(OSError):  # where the pointer cannot be read, the others may be
        current = pointed(releases, portfolio)
        if current is not None:
            yield releases / current
    with suppress(OSError):
        yield from (folder for folder in sorted(releases.iterdir()) if is_sha(folder.name))
