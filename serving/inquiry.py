"""What is looked up about a request before it is decided: negative lists, identity signals, quotas; nothing unasked."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from serving.answers import Asked
from serving.api.schemas import DecisionRequest
from serving.applications import Circumstances
from serving.consents import ConsentBook, open_consents
from serving.lists.book import open_lists
from serving.lists.watch import ListWatch
from serving.log.database import open_database
from serving.log.vault import Vault
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

    async def circumstances(
        self, asked: Asked, risk: RiskPolicy | None, paused: bool, consents: Consents = NO_CONSENTS
    ) -> Circumstances:
        """What the policy looks at, each part None or absent where it could not be looked up."""
        request = asked.request
        if risk is None or not isinstance(request, DecisionRequest):
            return asked.circumstances(paused, consents=consents)
        hits, signals, used = None, {}, {}
        if self.lists is not None and (risk.lists or "context.listed" in risk.names):
            hits = await self.lists.hits(names_of(asked.portfolio, request.entity_id, request.identity), asked.day)
        identity = request.identity if consents.get("identity", "granted") == "granted" else None
        if identity is not None and (risk.signals or not _OF_SIGNALS.isdisjoint(risk.names)):
            signals = await results(identity.evidence, self.vendors, self.vendor_seconds)
        if self.quotas is not None and risk.quotas:
            used = await self._used(self.quotas, asked, risk)
        return asked.circumstances(paused, lists=hits, signals=signals, used=used, consents=consents)

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

    @staticmethod
    async def _used(quotas: QuotaCounts, asked: Asked, risk: RiskPolicy) -> dict[str, float]:
        given = (asked.portfolio, risk.quotas, asked.day)
        if quotas.due(asked.portfolio, asked.day):
            return await asyncio.to_thread(quotas.used, *given)
        return quotas.used(*given)


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
