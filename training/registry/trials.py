"""Trials: a release that is tried beside the champion, from the first shadow score to its end.

Each move is a version of `<portfolio>.release.trials`, which the database numbers, so that a killed one has happened or
it has not; a step names the one it follows, and who was second to follow the same step has lost. The alias `challenger`
follows, for people who look at MLflow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from training.registry.history import valid
from training.registry.store import MlflowStore, RegistryError, Version
from training.registry.versions import CHALLENGER, SHA, ReleaseVersion

Action = Literal["challenge", "canary", "stop", "end"]
_TAGS = ("action", "version", "share", "began", "by", "why", "at", "until", "after")
_ACTION, _VERSION, _SHARE, _BEGAN, _BY, _WHY, _AT, _UNTIL, _AFTER = (f"lendloop.{name}" for name in _TAGS)
LONGEST_WHY = 1_000


class TrialError(RegistryError):
    """A trial cannot be moved as it was asked for; the message says why, and nothing was changed."""


@dataclass(frozen=True)
class TrialStep:
    """One move of a trial; `at` is when it was made (RFC 3339), `by` whom and `why`.

    `until`: for a canary that the service stopped itself, the time of the last decision it judged, which in a replay is
    not that of the step.
    """

    number: int
    action: Action
    sha: str
    version: int
    share: float
    began: int
    by: str
    why: str
    at: str
    after: int
    run_id: str
    until: str = ""


@dataclass(frozen=True)
class Trial:
    """The challenger, and the share of the customers who get its answer; `number` is that of the step it stands by.

    `began` is the number of the step that made it challenger: it names the trial.
    """

    sha: str
    share: float
    number: int
    began: int


@dataclass(frozen=True)
class Trials:
    """Reads and moves trials; several processes on several machines may."""

    store: MlflowStore

    def current(self, portfolio: str) -> Trial | None:
        """The trial that runs: one cheap read, for who asks each second."""
        newest = [_step(version) for version in self.store.newest(_history(portfolio), 1)]
        if newest and newest[0].after != newest[0].number - 1:
            newest = self.steps(portfolio)  # a step that lost a race stands between, or is this one
        if not newest or newest[-1].action == "end":
            return None
        last = newest[-1]
        return Trial(last.sha, last.share, last.number, last.began)

    def steps(self, portfolio: str) -> list[TrialStep]:
        """Every move that counts, oldest first."""
        return valid(_step(version) for version in self.store.versions(_history(portfolio), {}))

    def challenge(self, release: ReleaseVersion, *, by: str, why: str) -> Trial:
        """Try `release` in the shadow of the champion; a challenger before it is tried no more."""
        of = {SHA: release.sha, _VERSION: f"{release.version}", _BY: by, _WHY: why}
        steps = self.steps(release.portfolio)
        made = self._append(release.portfolio, steps, "challenge", release.run_id, of)
        self.store.point(f"{release.portfolio}.release", CHALLENGER, release.version)
        return made

    def canary(self, portfolio: str, share: float, *, by: str, why: str) -> Trial:
        """Have the challenger answer `share` (0 < share < 1) of the customers."""
        if not 0 < share < 1:
            raise TrialError(f"share: found {share:g}, expected a number over 0 and under 1, such as 0.05")
        return self._go_on(portfolio, "canary", by, why, share=share)

    def stop(self, portfolio: str, *, by: str, why: str, number: int = 0, until: str = "") -> Trial:
        """Have the champion answer everyone again; the challenger stays in its shadow.

        With `number`, only while that step stands: what the caller judged, and not what a person has decided since.
        """
        return self._go_on(portfolio, "stop", by, why, number=number, until=until)

    def end(self, portfolio: str, *, by: str, why: str, only: str = "") -> None:
        """Try the challenger no more; with `only`, when it is that release."""
        running = self.current(portfolio)
        if running is not None and only in ("", running.sha):
            self._go_on(portfolio, "end", by, why)
            self.store.unpoint(f"{portfolio}.release", CHALLENGER)

    def _go_on(
        self, portfolio: str, action: Action, by: str, why: str, *, share: float = 0.0, number: int = 0, until: str = ""
    ) -> Trial:
        steps = self.steps(portfolio)
        last = steps[-1] if steps else None
        if last is None or last.action == "end":
            raise TrialError(
                f"{portfolio!r} has no challenger; "
                f"`lendloop release challenge {portfolio} SHA --by NAME --reason TEXT` sets one, and "
                f"`lendloop release list {portfolio}` shows them"
            )
        if number and last.number != number:
            raise _moved(portfolio, last)
        of = {SHA: last.sha, _VERSION: f"{last.version}", _BEGAN: f"{last.began}", _BY: by, _WHY: why}
        return self._append(portfolio, steps, action, last.run_id, {**of, _SHARE: repr(share), _UNTIL: until})

    def _append(
        self, portfolio: str, steps: list[TrialStep], action: Action, run_id: str, described: Mapping[str, str]
    ) -> Trial:
        after = steps[-1].number if steps else 0
        at = datetime.now(UTC).isoformat(timespec="seconds")
        tags = {**described, _WHY: described[_WHY][:LONGEST_WHY], _ACTION: action, _AT: at, _AFTER: f"{after}"}
        number = self.store.append(_history(portfolio), run_id, "release", tags)
        counted = next(step for step in self.steps(portfolio) if step.after == after)
        if counted.number != number:
            raise _moved(portfolio, counted)
        return Trial(counted.sha, counted.share, counted.number, counted.began)


def _moved(portfolio: str, step: TrialStep) -> TrialError:
    who = f"{step.action} by {step.by or 'unknown'} at {step.at}"
    return TrialError(
        f"the trial of {step.sha[:12]} in {portfolio!r} was moved meanwhile ({who}): nothing else was changed; look at "
        f"`lendloop release list {portfolio}` and decide again"
    )


def _history(portfolio: str) -> str:
    return f"{portfolio}.release.trials"


def _step(version: Version) -> TrialStep:
    tags = version.tags
    return TrialStep(
        number=version.number,
        action=_action(tags[_ACTION]),
        sha=tags[SHA],
        version=int(tags[_VERSION]),
        share=float(tags.get(_SHARE) or 0),
        began=int(tags.get(_BEGAN) or version.number),  # the first step names the trial by its own number
        by=tags.get(_BY, ""),
        why=tags.get(_WHY, ""),
        at=tags[_AT],
        after=int(tags[_AFTER]),
        run_id=version.run_id,
        until=tags.get(_UNTIL, ""),
    )


def _action(text: str) -> Action:
    known: dict[str, Action] = {"challenge": "challenge", "canary": "canary", "stop": "stop"}
    return known.get(text, "end")
