"""The rows of a file decided in parts, a commit each; rows that were decided before are answered from the log."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from serving.answers import record_of
from serving.asked import Asked
from serving.desk import Desk
from serving.inquiry import Inquiry
from serving.log.commit import Appended
from serving.log.decision_log import DecisionLog
from serving.log.entry import encode
from serving.log.record import Record
from serving.log.vault import Vault
from serving.making import made_in
from serving.pauses import Pauses
from serving.permitted import look_up

PART = 500
"""Rows a commit: what a run that is killed has to decide again at most."""


class OtherRequest(ValueError):
    """A row was decided before, by a Lendloop that read it otherwise."""


@dataclass(frozen=True)
class DecidedRow:
    """The record of a row, and whether it was in the log before; that of a person erased since tells nothing."""

    record: Record
    before: bool


@dataclass(frozen=True)
class RowDecider:
    """Decides the rows of one file and logs them."""

    desk: Desk
    log: DecisionLog
    pauses: Pauses
    inquiry: Inquiry

    async def decide(self, asked: Sequence[Asked]) -> list[DecidedRow]:
        """What answers each of `asked`, all of one time; those that the log has not are one commit."""
        found = self.log.find_keys(asked[0].partner, [str(one.idempotency_key) for one in asked])
        for one in asked:
            _refuse_other(one, found.get(str(one.idempotency_key)))
        fresh = [one for one in asked if one.idempotency_key not in found]
        made = dict(zip((one.idempotency_key for one in fresh), await self._decided(fresh), strict=True))
        return [
            made[one.idempotency_key]
            if one.idempotency_key in made
            else DecidedRow(found[str(one.idempotency_key)], True)
            for one in asked
        ]

    async def _decided(self, asked: Sequence[Asked]) -> list[DecidedRow]:
        outcomes = self.log.commit([encode(record) for record in await self._made(asked)]) if asked else []
        return [_kept(outcome) for outcome in outcomes]

    async def _made(self, asked: Sequence[Asked]) -> list[Record]:
        desk, first, risk = self.desk, asked[0], self.desk.release.policy.risk
        paused = self.pauses.active_pause(first.portfolio, first.at) is not None
        entities = [one.request.entity_id for one in asked]
        permitted = look_up(desk, first.kind, entities, first.at, self.inquiry.consents)
        # One after the other: a vendor is not asked about a whole part at once.
        found = [
            await self.inquiry.circumstances(one, risk, paused, said)
            for one, said in zip(asked, permitted.consents, strict=True)
        ]
        decided = desk.decide_all(first.kind, permitted.looked, [one.application for one in asked], found, in_turn=True)
        held = made_in(found, decided)
        records = [
            record_of(one, desk, permitted.looked, decided.one(row), held[row], row) for row, one in enumerate(asked)
        ]
        if self.inquiry.counts(first, risk):
            self.inquiry.took(records)
        return records


def row_keys(vault: Vault, portfolio: str, file: Path, at: datetime | date) -> Iterator[str]:
    """The idempotency key of each row of `file`: the same bytes, decided at the same time, are the same requests.

    Where no time was given, on the same day: a list that is scored each month is decided each month. The key stands
    open in the log, where what it is made of must not be tried.
    """
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    mark = vault.mark(["file", portfolio, digest, at.isoformat()])
    row = 0
    while True:
        row += 1
        yield f"file {mark} {row}"


def parts(asked: Sequence[Asked]) -> list[Sequence[Asked]]:
    """The rows in parts, in their order."""
    return [asked[first : first + PART] for first in range(0, len(asked), PART)]


def _refuse_other(asked: Asked, found: Record | None) -> None:
    if found is not None and not found.erased and found.request_digest != asked.digest():
        row = str(asked.idempotency_key).rpartition(" ")[2]
        raise OtherRequest(
            f"row {row} was decided before as another request ({found.decision_id}), by another version of Lendloop; "
            "give another --at to decide the file anew"
        )


def _kept(outcome: object) -> DecidedRow:
    if isinstance(outcome, Appended):
        return DecidedRow(outcome.record, not outcome.ours)
    assert isinstance(outcome, BaseException)
    raise outcome
