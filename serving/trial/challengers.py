"""The challengers a worker has in memory, each with the share of the customers it answers; nearly always none."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from serving.desk import Desk
from serving.pointers import PointerError, report_worker
from serving.runtime import Load, Runtime, Served
from serving.trial.canary import Canary
from serving.trial.note import REPORTS, Trial, read_trial, tried_portfolios


@dataclass(frozen=True)
class Tried:
    """A trial as last looked at, and what is in memory of its challenger."""

    portfolio: str
    trial: Trial
    served: Served[Desk] | None

    @property
    def current(self) -> bool:
        """Whether the challenger that is to be tried is loaded."""
        return self.served is not None and self.served.current and self.served.sha == self.trial.sha


class Challengers(Runtime[Desk]):
    """Follows the trials as the champions are followed, from a thread of its own."""

    def __init__(self, releases: Path, load: Load[Desk]) -> None:
        super().__init__(releases, load)
        self._trials: dict[str, Trial] = {}
        self._told: dict[str, str] = {}

    def start(self) -> None:
        """Follow the trials; a worker answers by its champion without waiting for a challenger."""
        self._thread.start()

    def canary(self, portfolio: str) -> Canary | None:
        """The challenger that answers some of the customers of a portfolio; None: the champion answers all."""
        if not self._trials:
            return None
        trial, served = self._trials.get(portfolio), self.get(portfolio)
        if trial is None or trial.share <= 0 or served is None or served.loaded is None or served.sha != trial.sha:
            return None
        return Canary(served.loaded, trial)

    def tried(self) -> list[Tried]:
        """Every trial, by portfolio."""
        return [Tried(name, trial, self.get(name)) for name, trial in sorted(self._trials.items())]

    def refresh(self) -> None:
        """Look at every trial, load and swap challengers, and forget those that are tried no more."""
        self._trials = dict(self._found())
        self._served = {name: served for name, served in self._served.items() if name in self._trials}
        super().refresh()
        served = {one.portfolio: one.sha for one in self.all() if one.sha}
        if served != self._told:
            report_worker(self._releases, served, REPORTS)
            self._told = served

    def _found(self) -> Iterator[tuple[str, Trial]]:
        for name in tried_portfolios(self._releases):
            with suppress(PointerError):  # a damaged note is no trial, until the follower has written it anew
                if (trial := read_trial(self._releases, name)) is not None:
                    yield name, trial

    def _names(self) -> list[str]:
        return list(self._trials)

    def _wanted(self, portfolio: str) -> str | None:
        trial = self._trials.get(portfolio)
        return trial.sha if trial else None

    def _report(self, served: Mapping[str, str]) -> None:
        """Nothing: `refresh` reports, and only what is new."""
