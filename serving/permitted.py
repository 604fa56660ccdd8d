"""Features are read only of people who consented to it, where the policy asks for that."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from serving.consents import ConsentBook, State, unknown
from serving.desk import PURPOSE_OF, Desk, Key, Kind, Looked, late, looked_at
from serving.log.database import LogUnavailable
from serving.policy import ConsentPurpose, Policy

_log = logging.getLogger("lendloop.consents")

Consents = Mapping[str, State]
NO_CONSENTS: Consents = {}


@dataclass(frozen=True)
class Permitted:
    """What was looked up about some entities, and the consents that it hung on: none where the policy asks for none."""

    looked: Looked
    consents: Sequence[Consents]


def purposes(policy: Policy, kind: Kind) -> tuple[ConsentPurpose, ...]:
    """The consents that a request of this kind needs."""
    return tuple(
        one for one in policy.consents if one == PURPOSE_OF[kind] or (one == "identity" and kind == "decision")
    )


def late_permitted(desk: Desk, kind: Kind, rows: int) -> Permitted:
    """What is known when nothing came in time."""
    return Permitted(late(rows), [unknown(purposes(desk.release.policy, kind))] * rows)


def look_up(desk: Desk, kind: Kind, entities: Sequence[Key], at: datetime, book: ConsentBook | None) -> Permitted:
    """The features of those who consented; of all others nothing is read, and they count as missing (blocks)."""
    needed = purposes(desk.release.policy, kind)
    if not needed:
        return Permitted(desk.look_up(entities, at), [NO_CONSENTS] * len(entities))
    consents = _consents(desk.release.portfolio, entities, needed, at, book)
    if PURPOSE_OF[kind] not in needed:
        return Permitted(desk.look_up(entities, at), consents)
    may = [one[PURPOSE_OF[kind]] == "granted" for one in consents]
    asked = [entity for entity, granted in zip(entities, may, strict=True) if granted]
    found = desk.look_up(asked, at) if asked else None
    return Permitted(_spread(desk, found, may, at), consents)


def _consents(
    portfolio: str, entities: Sequence[Key], needed: Sequence[ConsentPurpose], at: datetime, book: ConsentBook | None
) -> Sequence[Consents]:
    if book is not None:
        try:
            return book.states(portfolio, [str(entity) for entity in entities], needed, at)
        except LogUnavailable as error:
            _log.warning("consents not read", extra={"portfolio": portfolio, "error": type(error).__name__})
    return [unknown(needed)] * len(entities)


def _spread(desk: Desk, found: Looked | None, may: Sequence[bool], at: datetime) -> Looked:
    """What was found, with a row of nothing for each whose features were not read."""
    if found is None or not found.rows.late:
        values, times = (found.values, found.times) if found else ((), ())
        rows, seen = iter(values), iter(times)
        columns = desk.release.features.columns
        by_row = [next(rows) if granted else {} for granted in may]
        when = [next(seen) if granted else {} for granted in may]
        read = {column.name: [row.get(column.name) for row in by_row] for column in columns}
        views = dict.fromkeys(column.view for column in columns)
        return looked_at(read, {view: [row.get(view) for row in when] for view in views}, at)
    return late(len(may))
