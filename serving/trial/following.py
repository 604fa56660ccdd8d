"""Brings the challenger of a portfolio to local disk, as the champion is brought, and never in its way."""

import json
from pathlib import Path
from typing import Protocol

from serving.following import Champions, Check, fetch_release, is_damaged
from serving.log.record import PLATFORM
from serving.manifest import ReleaseError, read_features
from serving.pointers import CHALLENGER_FAULT, PointerError, pointed, write_fault
from serving.trial.note import REPORTS, Trial, read_stop, read_trial, write_trial


class Standing(Protocol):
    """A trial as the registry has it."""

    @property
    def sha(self) -> str:
        """The challenger."""

    @property
    def share(self) -> float:
        """The share of the customers it answers."""

    @property
    def number(self) -> int:
        """The step it stands by."""

    @property
    def began(self) -> int:
        """The step that made it challenger."""


class Trials(Protocol):
    """Where trials are kept: the registry, or a dictionary in tests."""

    def current(self, portfolio: str) -> Standing | None:
        """The trial that runs; asked each second."""

    def stop(self, portfolio: str, *, by: str, why: str, number: int, until: str) -> Standing:
        """Have the champion answer everyone again, while the step `number` stands."""


class Unfit(ReleaseError):
    """A challenger cannot stand in for the champion; the message says why."""


def follow_challenger(releases: Path, portfolio: str, trials: Trials, champions: Champions, check: Check) -> bool:
    """`follow_challenger_once`, with a fault noted for the service to tell; False: there is one."""
    try:
        follow_challenger_once(releases, portfolio, trials, champions, check)
    except Exception as error:  # whatever a registry, a disk or a release comes up with: the champion goes on
        write_fault(releases, portfolio, f"{type(error).__name__}: {error}", CHALLENGER_FAULT)
        return False
    write_fault(releases, portfolio, None, CHALLENGER_FAULT)
    return True


def follow_challenger_once(
    releases: Path, portfolio: str, trials: Trials, champions: Champions, check: Check
) -> Trial | None:
    """Make the registry's trial known on local disk, and a stop that the service made known to the registry.

    A challenger is fetched and checked first; one that fails is not tried, and raises.
    """
    found, champion, stop = trials.current(portfolio), pointed(releases, portfolio), read_stop(releases, portfolio)
    if found is not None and stop is not None and stop.number == found.number:
        why = f"{stop.limit}: {stop.why}"
        found = trials.stop(portfolio, by=PLATFORM, why=why, number=found.number, until=stop.until)
    if found is None or champion is None or found.sha == champion:
        write_trial(releases, portfolio, None)
        return None
    trial = Trial(found.sha, found.share, found.number, found.began)
    pointed_to = _is_pointed(releases, portfolio, trial)
    if not pointed_to or is_damaged(releases, portfolio, trial.sha, REPORTS):
        if not pointed_to:
            write_trial(releases, portfolio, None)  # of another challenger, while this one is fetched
        fetch_release(releases, portfolio, trial.sha, champions, check)
        fits(releases / trial.sha, releases / champion)
    write_trial(releases, portfolio, trial)
    return trial


def fits(challenger: Path, champion: Path) -> None:
    """Raise `Unfit` unless the challenger answers all that the champion does, about the same kind of people."""
    mine, theirs = (json.loads((folder / "policy.json").read_bytes()) for folder in (challenger, champion))
    lacks = [kind for kind in ("risk", "propensity") if theirs.get(kind) and not mine.get(kind)]
    if lacks:
        raise Unfit(
            f"release {challenger.name[:12]} has no {' and no '.join(lacks)} policy; the champion answers by one"
        )
    keys = [read_features(folder).entity_type for folder in (challenger, champion)]
    if keys[0] != keys[1]:
        raise Unfit(f"release {challenger.name[:12]} takes keys of type {keys[0]}; expected {keys[1]}, as the champion")


def _is_pointed(releases: Path, portfolio: str, trial: Trial) -> bool:
    try:
        known = read_trial(releases, portfolio)
    except PointerError:
        return False
    return known is not None and known.sha == trial.sha
