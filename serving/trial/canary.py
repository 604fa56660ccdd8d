"""A challenger that answers some of the customers, and what becomes of those whom it fails."""

import hashlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from serving.asked import Asked
from serving.desk import Desk
from serving.log.entry import encode
from serving.log.record import Record
from serving.trial.mark import Arm, marked
from serving.trial.note import Trial

_log = logging.getLogger("lendloop.canary")

Make = Callable[[Desk, Sequence[Asked]], Awaitable[list[Record]]]
"""What makes the records of a desk's decisions."""
Drop = Callable[[Sequence[Record]], None]


@dataclass(frozen=True)
class Canary:
    """A challenger that answers some of the customers."""

    desk: Desk
    trial: Trial

    def draws(self, person: str) -> bool:
        """Whether the challenger answers this person; `person` is the keyed hash under which the log finds them."""
        return drawn(person, self.trial.sha, self.trial.share)

    async def split(
        self, champion: Desk, asked: Sequence[Asked], persons: Sequence[str], make: Make, drop: Drop
    ) -> list[Record]:
        """The records of all, its customers' by the challenger; each says whose customer it was.

        `drop` is told of those that were made and are not among them: a challenger that failed, a caller who is gone.
        """
        made = list[Record]()

        async def noted(by: Desk, some: Sequence[Asked]) -> list[Record]:
            records = await make(by, some)
            made.extend(records)
            return records

        try:
            return await self._split(champion, asked, persons, noted, drop)
        except BaseException:
            drop(made)
            raise

    async def _split(
        self, champion: Desk, asked: Sequence[Asked], persons: Sequence[str], make: Make, drop: Drop
    ) -> list[Record]:
        theirs = [self.draws(person) for person in persons]
        rest = [one for one, own in zip(asked, theirs, strict=True) if not own]
        few = [one for one, own in zip(asked, theirs, strict=True) if own]
        began = time.perf_counter()
        of_champion = iter(self._marked(await make(champion, rest), "champion", began) if rest else [])
        of_challenger = iter(await self._answer(champion, few, make, drop) if few else [])
        return [next(of_challenger if own else of_champion) for own in theirs]

    async def _answer(self, champion: Desk, asked: Sequence[Asked], make: Make, drop: Drop) -> list[Record]:
        """What the challenger decides; what it fails at is decided by the champion, and counted."""
        began, records = time.perf_counter(), list[Record]()
        try:
            records = await make(self.desk, asked)
            found = self._marked(records, "canary", began)
            for record in found:
                encode(record)  # what cannot be logged is a failure of the challenger's too
            return found
        except Exception as error:  # whatever a new release comes up with: nobody waits in vain for its answer
            name = type(error).__name__
            facts = {"portfolio": asked[0].portfolio, "release": self.trial.sha, "error": name}
            _log.warning("challenger failed", extra=facts)
            drop(records)  # before it is decided anew: what these took of a quota, nobody got
            return self._marked(await make(champion, asked), "canary", began, name)

    def _marked(self, records: Sequence[Record], arm: Arm, began: float, failed: str = "") -> list[Record]:
        return marked(records, self.trial.number, arm, began, failed)


def drawn(person: str, salt: str, share: float) -> bool:
    """Whether a person is among `share` of all people: in every process and for ever the same ones.

    A larger share keeps all who were in; another salt draws anew.
    """
    digest = hashlib.sha256(f"{salt}\0{person}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64
