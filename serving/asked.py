"""A request as it arrived, and the circumstances it is decided in."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from serving.api.schemas import DecisionRequest, PropensityRequest
from serving.applications import NOTHING, Application, Circumstances
from serving.desk import PURPOSE_OF, Kind
from serving.log.canonical import canonical

_INEXACT = 2**53


@dataclass(frozen=True)
class Asked:
    """A request as it arrived: by which partner, for whom, what, when, and the caller's key for repeating it."""

    partner: str
    portfolio: str
    kind: Kind
    request: DecisionRequest | PropensityRequest
    at: datetime
    idempotency_key: str | None = None
    again: bool = False
    """Whether the log has an answer under the key, so that this one takes nothing of a quota."""

    @property
    def application(self) -> Application:
        """What is asked for."""
        asked = self.request
        if not isinstance(asked, DecisionRequest):
            return Application()
        return Application(
            asked.amount,
            asked.purpose,
            asked.term_months,
            asked.annual_rate,
            asked.fees,
            asked.monthly_income,
            asked.exposure,
        )

    @property
    def day(self) -> date:
        """The business date it is decided on."""
        return self.at.astimezone(UTC).date()

    def circumstances(
        self,
        paused: bool,
        *,
        lists: frozenset[str] | None = None,
        signals: Mapping[str, str] = NOTHING,
        used: Mapping[str, float] = NOTHING,
        consents: Mapping[str, str] = NOTHING,
    ) -> Circumstances:
        """What was looked up about it."""
        mine = consents.get(PURPOSE_OF[self.kind], "unknown")
        return Circumstances(
            paused=paused,
            business_date=self.day,
            lists=lists,
            signals=signals,
            used=used,
            consented=None if mine == "unknown" else mine == "granted",
            automation_refused=isinstance(self.request, DecisionRequest) and self.request.refuse_automation,
            consents=dict(consents),
        )

    def body(self) -> dict[str, Any]:
        """The request as JSON."""
        return self.request.model_dump(mode="json")

    def digest(self, body: Mapping[str, Any] | None = None) -> str:
        """SHA-256 of what was asked, `body`: the same key with another digest is another request."""
        asked = {"portfolio": self.portfolio, "kind": self.kind, **(self.body() if body is None else body)}
        for later, unsaid in (("refuse_automation", False), ("exposure", None)):
            if asked.get(later, unsaid) is unsaid:
                asked.pop(later, None)  # a request that does not say it has the digest it always had
        if isinstance(self.request.entity_id, int) and self.request.entity_id >= _INEXACT:
            asked["entity_id"] = str(self.request.entity_id)  # canonical JSON has no such number
        return hashlib.sha256(canonical(asked)).hexdigest()
