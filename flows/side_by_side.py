"""Portfolios replayed side by side, each in a process of its own: one alone leaves one of two cores idle.

Their lines are shown one portfolio after the other, as a person reads them, and under them what each is at.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.status import Status

from flows.terminal import console, errors
from infra.processes import Child, start_child

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
            self._replays.append(_Replay(name, start_child(command, log=log, env={**os.environ, **coloured})))

    def show(self) -> list[Row]:
        """Show what they tell until all have ended; what each says of its end. Raises `ReplayFailed` when one fails."""
        with errors.status("") as status:
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
        return [replay.end for replay in self._replays if replay.end is not None]

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
            raise ReplayFailed(f"{self.name}: its replay ended with code {code}; {self.child.tail()}")

    def print(self, status: Status) -> None:
        """Print what it said, above what is going on."""
        if self._said:
            status.stop()
            console.out(self._said, end="", highlight=False)
            status.start()
            self._said = ""

    def _told(self) -> Iterator[tuple[str, Any]]:
        """What it told since the last time. Anything else, such as a library's warning, is left in the log."""
        said = self.child.said()
        whole = said.rfind("\n") + 1
        for line in said[self._heard : whole].splitlines():
            if line.startswith('["'):
                yield json.loads(line)
        self._heard = max(whole, self._heard)
