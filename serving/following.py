"""Brings a portfolio's champion from the registry to local disk, checks it, and points the service to it."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from serving.drafts import draft
from serving.launch import Launch
from serving.pointers import WORKERS, pointed, read_workers, write_fault, write_pointer
from serving.release import ReleaseCorrupt, ReleaseError, ReleaseMissing, verify_release

if TYPE_CHECKING:
    from training.registry import Registry

_log = logging.getLogger("lendloop.supervisor")

Check = Callable[[str, Path], None]  # (portfolio, release folder); raises when the release must not be served


class Champions(Protocol):
    """Where champions come from: the registry, or a folder in tests."""

    def champion_sha(self, portfolio: str) -> str | None:
        """Digest of the release that shall be served; asked each second."""

    def fetch(self, portfolio: str, sha: str, to: Path) -> None:
        """Put the files of a release into the empty folder `to`."""


class ReleaseInRegistryDamaged(ReleaseError):
    """The registry's own copy of a release is not what its name says; the message says what to do."""


@dataclass(frozen=True)
class Followed:
    """What is current for a portfolio after a look at the registry."""

    portfolio: str
    sha: str | None
    changed: bool


def open_champions(launch: Launch) -> "Registry":
    """The registry that the launch names."""
    from training.registry import Registry

    return Registry(launch.mlflow_uri, launch.mlflow_artifacts)


def release_check(launch: Launch) -> Check:
    """What a release must pass before it is served.

    Its digests are right, its features can be read online, and are as fresh as those of the release that serves now.
    """

    def check(portfolio: str, folder: Path) -> None:
        from serving.desk import now, open_desk
        from serving.freshness import check_switch

        urls = {"registry": launch.feature_registry, "online": launch.online_store}
        open_desk(portfolio, folder, **urls).rehearse()
        served = pointed(launch.releases, portfolio)
        serving = launch.releases / served if served else None
        for warning in check_switch(folder, serving, at=None if launch.replay else now(), **urls):
            _log.warning("stale features", extra={"release": folder.name, "found": warning})

    return check


def follow(launch: Launch, champions: Champions, check: Check, portfolio: str) -> Followed | None:
    """`follow_once`, with a fault noted for the service to tell instead of raised."""
    try:
        followed = follow_once(launch.releases, portfolio, champions, check)
    except Exception as error:  # whatever a registry, a disk or a release comes up with: the last good one stays
        write_fault(launch.releases, portfolio, f"{type(error).__name__}: {error}")
        return None
    write_fault(launch.releases, portfolio, None)
    return followed


def follow_once(releases: Path, portfolio: str, champions: Champions, check: Check) -> Followed:
    """Make the registry's champion current on local disk; raises, and changes nothing, when it fails a check."""
    champion = champions.champion_sha(portfolio)
    before = pointed(releases, portfolio)
    if champion is None or (champion == before and not is_damaged(releases, portfolio, champion)):
        return Followed(portfolio, before, changed=False)
    folder = fetch_release(releases, portfolio, champion, champions, check)
    write_pointer(releases, portfolio, folder.name)
    _log.info("release is current", extra={"portfolio": portfolio, "release": folder.name, "before": before})
    return Followed(portfolio, folder.name, changed=champion != before)


def is_damaged(releases: Path, portfolio: str, sha: str, reports: str = WORKERS) -> bool:
    """Whether a release that is pointed to is gone from disk, or is not whole and some worker has not loaded it.

    Files are read only where a worker says so: a look is taken each second.
    """
    folder = releases / sha
    if not folder.is_dir():
        return True
    loaded = read_workers(releases, reports)
    if all(loaded.get(pid, {}).get(portfolio) == sha for pid in read_workers(releases)):
        return False
    try:
        verify_release(folder)
    except ReleaseError:
        return True
    return False


def fetch_release(releases: Path, portfolio: str, sha: str, champions: Champions, check: Check) -> Path:
    """The checked folder of release `sha`, fetched unless it is there already."""
    folder = releases / sha
    if folder.is_dir():
        try:
            check(portfolio, folder)
            return folder
        except ReleaseError as error:
            # A folder that a disk or a person has damaged is fetched anew: the registry has the whole one.
            _log.error("release on disk is damaged", extra={"release": sha, "fault": str(error)})
            _set_aside(folder)
    return _fetch_anew(folder, portfolio, champions, check)


def _fetch_anew(folder: Path, portfolio: str, champions: Champions, check: Check) -> Path:
    with draft(folder.parent, "incoming") as incoming:
        # The release's folder must have its final name while it is checked: the name is its digest.
        whole = incoming / folder.name
        whole.mkdir()
        champions.fetch(portfolio, folder.name, whole)
        try:
            check(portfolio, whole)
        except (ReleaseCorrupt, ReleaseMissing) as error:
            # Told by what it is a copy of: the copy itself is gone before anyone could look at it.
            found = str(error).replace(str(whole), "its copy")
            raise ReleaseInRegistryDamaged(
                f"release {folder.name[:12]} of {portfolio} is damaged in the registry: {found}; bring MLflow's "
                "artifacts back from a backup, or serve the one before by "
                f"`lendloop release rollback {portfolio} --by NAME`"
            ) from error
        _sync(whole)
        _rename(whole, folder)
    return folder


def _rename(whole: Path, folder: Path) -> None:
    try:
        whole.rename(folder)
    except OSError:
        # Another process was quicker; both hold the same bytes, because the name is their digest.
        if not folder.is_dir():
            raise


def _sync(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _set_aside(folder: Path) -> None:
    with draft(folder.parent, "damaged") as aside:
        folder.rename(aside / folder.name)
