"""What is looked up about a request before it is decided: negative lists, identity signals, quotas; nothing unasked."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from serving import quotas
from serving.api.schemas import DecisionRequest
from serving.applications import Circumstances
from serving.asked import Asked
from serving.consents import ConsentBook, open_consents
from serving.lists.book import open_lists
from serving.lists.watch import ListWatch
from serving.log.commit import Appended
from serving.log.database import open_database
from serving.log.entry import RecordError
from serving.log.record import Record
from serving.log.vault import Vault
from serving.lookups import in_time
from serving.permitted import NO_CONSENTS, Consents
from serving.policy import SIGNALS, RiskPolicy, Signal
from serving.quotas import QuotaCounts
from serving.signals import VENDOR_SECONDS, Vendor, names_of, results

_OF_SIGNALS = frozenset(f"context.{signal}" for signal in SIGNALS)


@dataclass
class Inquiry:
    """Looks up circumstances for one event loop; without lists, vendors or quotas, what they would say is not known."""

    lists: ListWatch | None = None
    quotas: QuotaCounts | None = None
    vendors: Mapping[Signal, Vendor] = field(default_factory=dict)
    consents: ConsentBook | None = None
    vendor_seconds: float = VENDOR_SECONDS
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def circumstances(
        self, asked: Asked, risk: RiskPolicy | None, paused: bool, consents: Consents = NO_CONSENTS
    ) -> Circumstances:
        """What the policy looks at, each part None or absent where it could not be looked up, however long it takes."""
        found = await self.checked(asked, risk, paused, consents)
        return replace(found, used=await self.used(asked, risk, in_turn=False))

    async def checked(
        self, asked: Asked, risk: RiskPolicy | None, paused: bool, consents: Consents = NO_CONSENTS
    ) -> Circumstances:
        """The circumstances but for what quotas have granted."""
        request = asked.request
        if risk is None or not isinstance(request, DecisionRequest):
            return asked.circumstances(paused, consents=consents)
        hits, signals = None, {}
        if self.lists is not None and (risk.lists or "context.listed" in risk.names):
            hits = await self.lists.hits(names_of(asked.portfolio, request.entity_id, request.identity), asked.day)
        identity = request.identity if consents.get("identity", "granted") == "granted" else None
        if identity is not None and (risk.signals or not _OF_SIGNALS.isdisjoint(risk.names)):
            signals = await results(identity.evidence, self.vendors, self.vendor_seconds)
        return asked.circumstances(paused, lists=hits, signals=signals, consents=consents)

    def counts(self, asked: Asked, risk: RiskPolicy | None) -> bool:
        """Whether quotas are looked at, so that requests of the portfolio have to be decided in turn."""
        return bool(self.quotas and risk and risk.quotas and isinstance(asked.request, DecisionRequest))

    async def used(self, asked: Asked, risk: RiskPolicy | None, *, in_turn: bool = True) -> dict[str, float]:
        """What each quota has granted in its period; empty where that is not known, or nobody asks.

        `in_turn`: others wait for whoever asks, who does not wait for what comes too late to count.
        """
        if risk is None or self.quotas is None or not self.counts(asked, risk):
            return {}
        given = (asked.portfolio, risk.quotas, asked.day)
        ready = self.quotas.ready(*given)
        if ready is not None:
            return ready
        reading = asyncio.get_running_loop().run_in_executor(None, self.quotas.used, *given)
        return reading.result() if await in_time(reading, quotas.STALE_SECONDS if in_turn else math.inf) else {}

    def turn(self, portfolio: str) -> asyncio.Lock:
        """Held from looking up what quotas have left until what is taken of it is counted."""
        return self._turns.setdefault(portfolio, asyncio.Lock())

    def took(self, records: Sequence[Record]) -> None:
        """Have quotas count what was approved before it is in the log."""
        if self.quotas is not None:
            self.quotas.took(records)

    def settled(self, records: Sequence[Record], outcomes: Sequence[Appended | BaseException | None]) -> None:
        """Have quotas count no more what was not logged; what may have been, a look at the log will tell.

        None: it was never given to the log.
        """
        if self.quotas is not None and records:
            pairs = zip(records, outcomes, strict=True)
            told = [(record.decision_id, outcome) for record, outcome in pairs if not _is_ours(outcome)]
            if told:
                portfolio = records[0].portfolio
                lost = [name for name, outcome in told if _not_logged(outcome)]
                if lost:  # counting anew costs 2 ms where thousands wait: never for nothing, on the event loop
                    self.quotas.took_not(portfolio, lost)
                self.quotas.doubt(portfolio, [name for name, outcome in told if not _not_logged(outcome)])

    async def close(self) -> None:
        """Stop following the lists and the log."""
        if self.lists is not None:
            await self.lists.close()
        for vendor in self.vendors.values():
            await vendor.close()
        if self.quotas is not None:
            self.quotas.close()
        if self.consents is not None:
            self.consents.close()


def _is_ours(outcome: Appended | BaseException | None) -> bool:
    return isinstance(outcome, Appended) and outcome.ours


def _not_logged(outcome: Appended | BaseException | None) -> bool:
    """Whether it is certain that the log has no such record: another came first, or it was refused or never came."""
    if isinstance(outcome, Appended):
        return not outcome.ours
    return outcome is None or isinstance(outcome, RecordError)


def open_inquiry(
    url: str,
    list_secret: bytes,
    vault: Vault,
    vendors: Mapping[Signal, Vendor] | None = None,
    vendor_seconds: float = VENDOR_SECONDS,
) -> Inquiry:
    """The inquiry on the decision log's database; or `LogUnavailable`."""
    return Inquiry(
        ListWatch(open_lists(url, list_secret)),
        QuotaCounts(open_database(url), vault),
        vendors or {},
        open_consents(url, vault),
        vendor_seconds,
    )
