"""Portfolios replayed side by side, each in a process of its own: one alone leaves one of two cores idle.

Their lines are shown one portfolio after the other, as a person reads them, and under them what each is at.
"""

import json
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.status import Status

from flows.replaying import TOLD
from flows.terminal import console, errors
from infra.processes import Child, last_words, start_child

POLL_SECONDS = 0.1
Row = tuple[str, ...]


class ReplayFailed(RuntimeError):
    """A replay ended early; the message is what its process said."""


class SideBySide:
    """The replays of some portfolios: `commands` by portfolio, what each tells in a file of `logs`."""

    def __init__(self, commands: Mapping[str, Sequence[str]], logs: Path) -> None:
        self._commands = commands
        self._logs = logs
        self._replays: list[_Replay] = []

    def start(self) -> None:
        """Start every replay."""
        coloured = {"FORCE_COLOR": "1"} if console.is_terminal else {}
        for name, command in self._commands.items():
            log = self._logs / f"demo-{name}.log"
            log.unlink(missing_ok=True)
            # With -9: one that tidied up would go on for a minute without the servers that end with this process.
            child = start_child(command, log=log, env={**os.environ, **coloured}, sign=signal.SIGKILL)
            self._replays.append(_Replay(name, child))

    def show(self) -> list[Row]:
        """Show what they tell until all have ended; what each says of its end. Raises `ReplayFailed` when one fails."""
        with errors.status("") as status:
            try:
                self._show(status)
            except ReplayFailed:
                for replay in self._replays:
                    replay.print(status)
                raise
        return [replay.end for replay in self._replays if replay.end is not None]

    def _show(self, status: Status) -> None:
        waiting = list(self._replays)
        while waiting:
            for replay in self._replays:
                replay.listen()
            waiting[0].print(status)
            if waiting[0].end is not None:
                del waiting[0]
                continue
            status.update(" · ".join(replay.at for replay in self._replays if replay.end is None))
            time.sleep(POLL_SECONDS)

    @property
    def pids(self) -> list[int]:
        """The processes, in the order of the portfolios."""
        return [replay.child.pid for replay in self._replays]

    def stop(self) -> None:
        """End those that still run."""
        for replay in self._replays:
            replay.child.stop()


class _Replay:
    """A running replay: what it is at, how it ended, and what it said that is not shown yet."""

    def __init__(self, name: str, child: Child) -> None:
        self.name = name
        self.child = child
        self.at = name
        self.end: Row | None = None
        self._said = ""
        self._heard = 0
        self._others: list[str] = []

    def listen(self) -> None:
        """Take in what it told since the last time."""
        code = self.child.process.poll()
        for kind, what in self._told():
            match kind:
                case "step":
                    self.at = f"{self.name} {what}"
                case "said":
                    self._said += what
                case "end":
                    self.end = tuple(what)
                case "fault":
                    raise ReplayFailed(f"{self.name}: {what}")
        if code is not None and self.end is None:
            words = last_words("\n".join(self._others))
            raise ReplayFailed(
                f"{self.at}: the replay ended there with code {code} and said: {words}; all of it: {self.child.log}"
            )

    def print(self, status: Status) -> None:
        """Print what it said, above what is going on."""
        if self._said:
            status.stop()
            console.out(self._said, end="", highlight=False)
            status.start()
            self._said = ""

    def _told(self) -> Iterator[tuple[str, Any]]:
        """What it told since the last time; anything else, such as a library's warning, is kept for a bad end."""
        said = self.child.said()
        whole = said.rfind("\n") + 1
        for line in said[self._heard : whole].splitlines():
            if line.startswith(TOLD):
                yield json.loads(line.removeprefix(TOLD))
            else:
                self._others.append(line)
        self._heard = max(whole, self._heard)
