"""The protocol of the world's processes: what happens to people in a day, one idea a process."""

from collections.abc import Iterable, Mapping
from typing import Protocol

import numpy as np

from simulation.calendar import Day
from simulation.columns import Frame
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.state import State

Events = Mapping[str, Frame]
"""Rows by table of `simulation.schema`, raw and true alike. What a row needs:

- a column for each of the table's, as an array: enumerated ones as codes (`LEVELS.code("name")`), dates as int32 days
  since 1970, money as floats or as whole cents in `<column>_cents`, a missing number as NaN;
- `event_timestamp` in microseconds since 1970 UTC (`day.at(seconds)`); `created_timestamp` where it is not the same.
"""


class Process(Protocol):
    """One kind of thing that happens. Processes run one after another each day, in the order of the world's list.

    Rules that keep a world the same however it is divided:
    - randomness only from `draws`, by stream names that no other process uses (`"fraud.ring"`), with people's ids;
    - nothing of a person may depend on another row of `state`: who is whose neighbour is found by hashing ids;
    - all that is remembered is in `state`: own columns in `state.own[self.name]`, arrays that checkpoints keep.
    """

    name: str

    def begin(self, state: State, draws: Draws) -> None:
        """Before the first day: make own columns (`state.own[self.name] = {...}`), mark people."""

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """One day: change the state, act on decisions, post money (`state.postings`), tell what happened."""


def merged(parts: Iterable[Events]) -> dict[str, Frame]:
    """The rows of several processes, or of several parts of the people, by table."""
    gathered: dict[str, list[Frame]] = {}
    for events in parts:
        for table, rows in events.items():
            if len(rows["event_timestamp"]):
                gathered.setdefault(table, []).append(rows)
    return {table: _stacked(frames) for table, frames in gathered.items()}


def _stacked(frames: list[Frame]) -> Frame:
    if len(frames) == 1:
        return frames[0]
    return {name: np.concatenate([frame[name] for frame in frames]) for name in frames[0]}
