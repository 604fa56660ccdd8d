"""The desk of one portfolio: a release in memory with the features it reads online; decides, and keeps nothing."""

import logging
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from serving.applications import NOTHING, Application, Applications, Circumstances, Context
from serving.decide import FeatureRows, decide, late_rows, online_rows, target
from serving.decisions import Decision, Decisions
from serving.policy import ConsentPurpose
from serving.release import LoadedRelease, load_release
from serving.scoring import Column
from serving.single import decide_single

if TYPE_CHECKING:
    from features.store.online import OnlineRows, Way

_log = logging.getLogger("lendloop.desk")
_INTEGER = re.compile("0|[1-9][0-9]{0,18}")
_TEXT = re.compile(r"[^\x00-\x1f\x7f]{1,128}")

Key = int | str
Times = list[datetime | None]
Kind = Literal["decision", "propensity"]

PURPOSE_OF: Mapping[Kind, ConsentPurpose] = {"decision": "credit", "propensity": "marketing"}
"""What features are read for."""


class Reader(Protocol):
    """Reads features online: Feast's store, or a dictionary in tests."""

    way: "Way" = "in_thread"

    def read(self, keys: Sequence[Key]) -> "OnlineRows":
        """The features of each key (blocks)."""

    async def read_soon(self, key: Key) -> "OnlineRows":
        """The features of one key; an event loop goes on meanwhile, where that is the reader's way."""
        return self.read([key])


class DeskError(ValueError):
    """A release must not be served; the message says why."""


@dataclass(frozen=True)
class Looked:
    """What was found about some entities: as the model reads it, and by row as it is written to the log."""

    rows: FeatureRows
    values: Sequence[Mapping[str, float | str | None]]
    times: Sequence[Mapping[str, datetime | None]]


def looked_at(values: Mapping[str, Column], times: Mapping[str, Times], at: datetime) -> Looked:
    """What was found about some entities, by column, aged at `at`."""
    rows = online_rows(values, times, at)
    return Looked(
        rows,
        [_logged(values, row) for row in range(rows.rows)],
        [{view: column[row] for view, column in times.items()} for row in range(rows.rows)],
    )


def late(rows: int) -> Looked:
    """What is known of entities whose features did not come in time: nothing."""
    return Looked(late_rows(rows), [NOTHING] * rows, [NOTHING] * rows)


LATE = late(1)
REHEARSAL_SECONDS = 3.0  # how long a store may fail to answer before a release counts as one that cannot be served
PROBE_SECONDS = 0.2
NOTHING_ASKED = Application()
NOTHING_KNOWN = Circumstances()


@dataclass(frozen=True)
class Desk:
    """Decides for one portfolio by one release."""

    release: LoadedRelease
    reader: Reader

    def takes(self, kind: Kind) -> bool:
        """Whether the release decides this kind of request."""
        policy = self.release.policy
        return (policy.risk if kind == "decision" else policy.propensity) is not None

    def accepts(self, entity: Key) -> bool:
        """Whether `entity` is of the type of the portfolio's keys."""
        return isinstance(entity, int) == (self.release.features.entity_type == "int")

    def look_up(self, entities: Sequence[Key], at: datetime) -> Looked:
        """The features of `entities`, aged at `at`; when they cannot be read, it is decided without (blocks)."""
        try:
            found = self.reader.read(entities)
        except Exception as error:  # whatever a store comes up with must not become an approval, nor an error 500
            return self._not_read(error, len(entities))
        return looked_at(found.values, found.event_timestamps, at)

    async def look_up_soon(self, entity: Key, at: datetime) -> Looked:
        """The same of one entity, while an event loop goes on."""
        try:
            found = await self.reader.read_soon(entity)
        except Exception as error:  # as in `look_up`
            return self._not_read(error)
        return looked_at(found.values, found.event_timestamps, at)

    def _not_read(self, error: Exception, rows: int = 1) -> Looked:
        _log.warning("features not read", extra={"portfolio": self.release.portfolio, "error": _name(error)})
        return late(rows)

    def look_up_each(self, asked: Sequence[tuple[Key, datetime]]) -> list[Looked]:
        """The features of each entity, aged at a time of its own, read in one go (blocks)."""
        if len(asked) > 1:
            try:
                return self._read_each(asked)
            except Exception as error:  # as in `look_up`
                if store_failed(error):
                    _log.warning("features not read", extra={"portfolio": self.release.portfolio})
                    return [LATE] * len(asked)
        # One that nobody can read, as a key that is no Unicode, takes no other along.
        return [self.look_up([entity], at) for entity, at in asked]

    def _read_each(self, asked: Sequence[tuple[Key, datetime]]) -> list[Looked]:
        found = self.reader.read([entity for entity, _ in asked])
        return [
            looked_at(
                {name: [column[row]] for name, column in found.values.items()},
                {view: [times[row]] for view, times in found.event_timestamps.items()},
                at,
            )
            for row, (_, at) in enumerate(asked)
        ]

    def decide(
        self,
        kind: Kind,
        looked: Looked,
        *,
        application: Application = NOTHING_ASKED,
        circumstances: Circumstances = NOTHING_KNOWN,
    ) -> Decision:
        """The decision on what was looked up about one entity, with the same bits as in a batch; pure."""
        if kind == "decision":
            found = decide_single(self.release, application, looked.rows, circumstances)
            if found is not None:
                return found
        return self.decide_all(kind, looked, [application], [circumstances]).one(0)

    def decide_all(
        self,
        kind: Kind,
        looked: Looked,
        asked: Sequence[Application],
        found: Sequence[Circumstances],
        in_turn: bool = False,
    ) -> Decisions:
        """The decisions on what was looked up, in the same order; the same bits for a row alone. Pure.

        `in_turn`: each finds the quotas as those before it leave them.
        """
        context = Context.of(found)
        if kind == "propensity":
            return target(self.release, looked.rows, context)
        return decide(self.release, Applications.of(asked), looked.rows, context, in_turn=in_turn)

    def rehearse(self, patience: float = REHEARSAL_SECONDS) -> None:
        """Raise `DeskError` unless the features can be read within `patience`, and nobody is approved without any."""
        try:
            self._probe(time.monotonic() + patience)
        except Exception as error:
            of = self.release.manifest
            raise DeskError(
                f"release {self.release.sha}: its features cannot be read online ({_name(error)}: {error}); "
                f"materialize them with `lendloop run materialize --portfolio {of.portfolio} --as-of {of.as_of}`, "
                "and check that the online store runs"
            ) from error
        for kind in ("decision", "propensity"):
            if self.takes(kind) and (outcome := self.decide(kind, LATE).outcome) in ("approve", "contact"):
                raise DeskError(f"release {self.release.sha}: without features it would {outcome}; it must not")

    def _probe(self, until: float) -> None:
        """Read somebody's features, again and again until then: a checkout has to be quick, a rehearsal has not."""
        probe: Key = 0 if self.release.features.entity_type == "int" else "lendloop-rehearsal"
        while True:
            try:
                self.reader.read([probe])
                return
            except Exception as error:
                if not _silent(error) or time.monotonic() > until:
                    raise
            time.sleep(PROBE_SECONDS)


def open_desk(portfolio: str, folder: Path, *, registry: str, online: str) -> Desk:
    """The desk for the release in `folder`, its digests verified and its feature store opened."""
    from features.store.online import open_online

    release = load_release(folder)
    if release.portfolio != portfolio:
        raise DeskError(f"release {release.sha} is of portfolio {release.portfolio!r}; expected {portfolio!r}")
    features = release.features
    reader = open_online(portfolio, features.entity_key, features.columns, registry=registry, online=online)
    return Desk(release, reader)


def is_id(text: str, entity_type: str) -> bool:
    """Whether `text` writes an id of that type, in the one way there is: 01 would be another person than 1."""
    if entity_type == "int":
        return _INTEGER.fullmatch(text) is not None and int(text) < 2**63
    return _TEXT.fullmatch(text) is not None


def store_failed(error: Exception) -> bool:
    """Whether the online store itself did not answer, so that asking again for less is of no use."""
    from features.store.failures import OnlineStoreError

    return isinstance(error, OnlineStoreError)


def _silent(error: Exception) -> bool:
    from features.store.failures import OnlineStoreSilent

    return isinstance(error, OnlineStoreSilent)


def now() -> datetime:
    """The wall clock, read at the edge of the service only."""
    return datetime.now(UTC)


def _logged(values: Mapping[str, Column], row: int) -> dict[str, float | str | None]:
    """A row for the log: no NaN and no infinity; that there was one is in the decision's problems."""
    return {
        name: None if isinstance(value := column[row], float) and not isfinite(value) else value
        for name, column in values.items()
    }


def _name(error: Exception) -> str:
    return type(error).__name__
