"""The trial of a portfolio on local disk, beside the champion's pointer, for the processes of the service.

`<releases>/<portfolio>/trial` says which challenger is tried and what share of the customers it answers;
`<releases>/<portfolio>/stopped` that the service has stopped it: it holds at once, the registry knows a moment later.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from serving.pointers import PointerError, is_sha, write_whole

TRIAL, STOPPED = "trial", "stopped"
REPORTS = ".challengers"
"""Where each worker says which challengers it has loaded."""


@dataclass(frozen=True)
class Trial:
    """The challenger `sha`, and the share of the customers who get its answer.

    `number` is that of the step in the registry that says so, `began` of the one that made it challenger.
    """

    sha: str
    share: float
    number: int
    began: int


@dataclass(frozen=True)
class Stop:
    """The service has stopped the canary of the step `number`, since it broke a `limit`; `why` has the figures.

    `until` is the time of the last decision that was judged.
    """

    number: int
    limit: str
    why: str
    until: str


def tried_portfolios(releases: Path) -> list[str]:
    """Names of the portfolios in which a challenger is tried, sorted."""
    return sorted(path.parent.name for path in releases.glob(f"*/{TRIAL}"))


def read_trial(releases: Path, portfolio: str) -> Trial | None:
    """The trial of a portfolio, its share 0 when the service has stopped it; None: no challenger is tried."""
    text = _read(releases / portfolio / TRIAL)
    if text is None:
        return None
    try:
        trial = Trial(**json.loads(text))
    except (ValueError, TypeError):
        trial = None
    if trial is None or not (isinstance(trial.sha, str) and is_sha(trial.sha)):
        raise PointerError(f"{releases / portfolio / TRIAL}: found no trial there; the follower writes it anew")
    stop = read_stop(releases, portfolio)
    return replace(trial, share=0.0) if stop is not None and stop.number == trial.number else trial


def write_trial(releases: Path, portfolio: str, trial: Trial | None) -> None:
    """Say which challenger is tried, all at once; None: none."""
    path = releases / portfolio / TRIAL
    if trial is None:
        path.unlink(missing_ok=True)
    elif _read(path) != (text := json.dumps(asdict(trial))):
        write_whole(path, text)


def read_stop(releases: Path, portfolio: str) -> Stop | None:
    """The last stop that the service made itself; one that cannot be read counts as none."""
    text = _read(releases / portfolio / STOPPED)
    try:
        return None if text is None else Stop(**json.loads(text))
    except (ValueError, TypeError):
        return None


def write_stop(releases: Path, portfolio: str, stop: Stop) -> None:
    """Stop the canary of a portfolio, from the next look of each worker on."""
    write_whole(releases / portfolio / STOPPED, json.dumps(asdict(stop)))


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
