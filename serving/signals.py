"""Identity signals of a request: results a partner brings, or tokens that a vendor is asked about in time."""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, model_validator

from serving.lists.entry import Named
from serving.policy import Signal

_log = logging.getLogger("lendloop.signals")

Result = Literal["passed", "failed", "unanswered"]
VENDOR_SECONDS = 0.2

_Text = Annotated[str, Field(min_length=1, max_length=128, strict=True, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Evidence(BaseModel):
    """One check of an identity: its result, or the token by which the vendor that made it is asked."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "oneOf": [{"required": [name], "properties": {name: {"type": "string"}}} for name in ("result", "token")]
        },
    )

    result: Literal["passed", "failed"] | None = Field(None, description="as the partner's own vendor found it")
    token: _Text | None = Field(None, description="names the check at the lender's vendor")

    @model_validator(mode="after")
    def _one(self) -> "Evidence":
        if (self.result is None) == (self.token is None):
            raise ValueError("expected either a result or a token")
        return self


class Identity(BaseModel):
    """Who asks, as far as lists and identity signals look at it; kept encrypted, shown to nobody."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: _Text | None = None
    phone: _Text | None = None
    document: _Text | None = Field(None, description="number of an identity document")
    company: _Text | None = None
    device: _Text | None = Field(None, description="fingerprint of the device, as text")
    liveness: Evidence | None = None
    voice_print: Evidence | None = None
    device_check: Evidence | None = Field(None, description="what the device's fingerprint was found to be")

    @property
    def evidence(self) -> dict[Signal, Evidence]:
        """The signals that were brought."""
        brought: tuple[tuple[Signal, Evidence | None], ...] = (
            ("liveness", self.liveness),
            ("voice_print", self.voice_print),
            ("device", self.device_check),
        )
        return {signal: one for signal, one in brought if one is not None}

    @property
    def named(self) -> list[Named]:
        """What the lists are searched for."""
        brought = (
            Named("name", self.name or ""),
            Named("phone", self.phone or ""),
            Named("document", self.document or ""),
            Named("company", self.company or ""),
            Named("device", self.device or ""),
        )
        return [one for one in brought if one.value]


class Vendor(Protocol):
    """Who made an identity check; one for each signal."""

    async def check(self, token: str) -> bool:
        """Whether the check that `token` names passed; raises where the vendor cannot say."""

    async def close(self) -> None:
        """Let go of its connections."""


async def results(
    evidence: Mapping[Signal, Evidence], vendors: Mapping[Signal, Vendor], seconds: float = VENDOR_SECONDS
) -> dict[str, Result]:
    """The result of each signal that was brought; all vendors are asked at once, and nobody waits longer.

    Where the lender has a vendor of its own, a result that somebody else states counts for nothing.
    """
    found = await asyncio.gather(*(_result(name, one, vendors.get(name), seconds) for name, one in evidence.items()))
    return {str(name): one for name, one in zip(evidence, found, strict=True)}


async def _result(signal: Signal, one: Evidence, vendor: Vendor | None, seconds: float) -> Result:
    if vendor is None:
        return one.result or "unanswered"
    if one.token is None:
        return "unanswered"
    try:
        return "passed" if await asyncio.wait_for(vendor.check(one.token), seconds) is True else "failed"
    except Exception as error:  # whatever a vendor's client comes up with must not become an approval
        _log.warning("signal unanswered", extra={"signal": signal, "error": type(error).__name__})
        return "unanswered"


def names_of(portfolio: str, entity: int | str, identity: Identity | None) -> Iterable[Named]:
    """All that the lists are searched for: the entity itself, and what is known of the person."""
    return [Named("entity", str(entity), portfolio), *(identity.named if identity else ())]
