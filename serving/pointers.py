"""Releases on local disk: a folder named by the digest for each, and for each portfolio a pointer to one.

`<releases>/<sha>/` is a release, `<releases>/<portfolio>/current` names the one that is served, in one line of text;
`<releases>/.workers/<pid>-<start time>` says what a worker serves. A challenger has a note: `serving.trial.note`.
"""

import json
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from infra.processes import is_running, start_time

WORKERS = ".workers"
FAULT, CHALLENGER_FAULT = "fault", "challenger-fault"
_SHA = re.compile(r"[0-9a-f]{64}")


class PointerError(ValueError):
    """A pointer does not name a release; the message says what stands there."""


def pointer(releases: Path, portfolio: str) -> Path:
    """The pointer file of a portfolio."""
    return releases / portfolio / "current"


def pointed_portfolios(releases: Path) -> list[str]:
    """Names of the portfolios that have a pointer, sorted."""
    return sorted(path.parent.name for path in releases.glob("*/current"))


def is_sha(text: str) -> bool:
    """Whether it is the name of a release."""
    return _SHA.fullmatch(text) is not None


def read_pointer(releases: Path, portfolio: str) -> str | None:
    """Digest of the release that is current for a portfolio; None: there is none yet."""
    path = pointer(releases, portfolio)
    try:
        found = path.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return None
    if not is_sha(found):
        raise PointerError(f"{path}: found {found[:80]!r}, expected the SHA-256 of a release; promote one to mend it")
    return found


def pointed(releases: Path, portfolio: str) -> str | None:
    """`read_pointer`, for who is about to write a new one: a damaged pointer counts as none."""
    try:
        return read_pointer(releases, portfolio)
    except PointerError:
        return None


def write_pointer(releases: Path, portfolio: str, sha: str) -> None:
    """Make release `sha` current for a portfolio, all at once."""
    write_whole(pointer(releases, portfolio), sha + "\n")


def write_fault(releases: Path, portfolio: str, fault: str | None, of: str = FAULT) -> None:
    """Note, for people and for the service's own word of itself, why the champion cannot be served; None: it is.

    With `of` `CHALLENGER_FAULT`, why the challenger cannot be tried.
    """
    path = releases / portfolio / of
    if fault is None:
        path.unlink(missing_ok=True)
    elif read_fault(releases, portfolio, of) != fault:
        write_whole(path, fault)


def read_fault(releases: Path, portfolio: str, of: str = FAULT) -> str | None:
    """Why the champion of a portfolio cannot be served, or the challenger not be tried; None: nothing is wrong."""
    try:
        return (releases / portfolio / of).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def report_worker(releases: Path, served: Mapping[str, str], reports: str = WORKERS) -> None:
    """Note for everyone what this process serves: the release of each portfolio."""
    pid = os.getpid()
    write_whole(releases / reports / f"{pid}-{start_time(pid)}", json.dumps(dict(served), sort_keys=True))


def read_workers(releases: Path, reports: str = WORKERS) -> dict[int, dict[str, str]]:
    """What each living worker serves, by process id; notes of dead workers are removed."""
    found = {}
    for path in (releases / reports).glob("*-*"):
        pid, _, started = path.name.partition("-")
        if not (pid.isdigit() and started.isdigit()):
            continue
        if not is_running(int(pid), int(started)):
            path.unlink(missing_ok=True)
            continue
        with suppress(FileNotFoundError):  # it ended since, and another who looked has removed its note
            found[int(pid)] = json.loads(path.read_text(encoding="utf-8"))
    return found


def write_whole(path: Path, text: str) -> None:
    """Write a small file so that its readers find it as it was or as it is, and never in between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".new-", delete=False, encoding="utf-8") as new:
        new.write(text)
        new.flush()
        os.fsync(new.fileno())
    os.replace(new.name, path)
