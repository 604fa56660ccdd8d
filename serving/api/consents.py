"""The consents of a person, told by the partner that asked for them, and read again; nothing else of the person."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request
from fastapi import Path as InPath
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from serving.api.bodies import checked, read_json
from serving.api.gate import SECURED, caller, json_response, present
from serving.api.problems import Problem, documented
from serving.api.times import SAID, SentTime
from serving.clerk import Clerk
from serving.consents import LONGEST_SOURCE, Consent, ConsentBook
from serving.desk import is_id, now
from serving.ids import IdType, IdTypes
from serving.log.database import LogUnavailable
from serving.policy import ConsentPurpose
from serving.undecided import misfit

Entity = Annotated[
    str,
    InPath(
        min_length=1,
        max_length=128,
        # U+FFFD is what stands where a path has bytes that are no UTF-8: it may be anybody.
        pattern=r"^[^\x00-\x1f\x7f/\ufffd]+$",
        description="as in decisions, written as they give it again: integers without leading zeros",
        examples=["17"],
    ),
]
Portfolio = Annotated[str, Query(pattern=r"^[a-z][a-z0-9_]{0,62}$", examples=["taiwan_cards"])]
_PATH = "/v1/consents/{entity}"
_AHEAD = timedelta(minutes=5)  # how far a partner's clock may be before ours


class ConsentRequest(BaseModel):
    """What a person said about one purpose."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"purpose": "credit", "state": "granted", "source": "checkout form v3"}]},
    )

    purpose: ConsentPurpose
    state: Literal["granted", "withdrawn"]
    source: str = Field(
        min_length=1, max_length=LONGEST_SOURCE, strict=True, pattern=r"^[\x20-\x7e]+$", description="how it was given"
    )
    at: SentTime | None = Field(
        None, description=f"when it was given, {SAID}; default: now", examples=["2005-09-30T12:00:00Z"]
    )


class ConsentAnswer(BaseModel):
    """One word of a person."""

    purpose: ConsentPurpose
    state: Literal["granted", "withdrawn"]
    at: datetime
    source: str


class ConsentsAnswer(BaseModel):
    """All that a person said about each purpose, oldest first; the last word on a purpose holds."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "portfolio": "taiwan_cards",
                    "consents": [
                        {"purpose": "credit", "state": "granted", "at": "2026-03-02T09:30:00Z", "source": "checkout"}
                    ],
                }
            ]
        }
    )

    portfolio: str
    consents: list[ConsentAnswer]


def add_consents(app: FastAPI, clerk: Callable[[], Clerk | None], releases: Path) -> None:
    """Add the routes about consents, which a release that cannot be loaded does not close: they are people's rights."""
    schema, types = ConsentRequest.model_json_schema(), IdTypes(releases)
    body = {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}

    @app.put(
        _PATH,
        response_model=ConsentsAnswer,
        responses=documented(400, 401, 403, 404, 405, 408, 413, 415, 422, 429, 431, 500, 503),
        tags=["v1"],
        openapi_extra={**SECURED, **body},
    )
    async def record_consent(request: Request, entity: Entity, portfolio: Portfolio) -> Response:
        """Record that a person granted or withdrew consent; a word told again, even once erased, changes nothing."""
        book, partner = await _book(request, present(clerk()), types, portfolio, entity)
        told, at = checked(ConsentRequest, read_json(await request.body())), now()
        if told.at is not None and told.at > at + _AHEAD:
            raise Problem(422, "expected a time that is not still to come", at=("body", "at"))
        given = Consent(told.purpose, told.state, told.at or at, told.source)

        def work() -> ConsentsAnswer:
            book.record(portfolio, entity, given, by=partner, at=at)
            return _answer(book, portfolio, entity)

        return json_response(await _asked(work))

    @app.get(
        _PATH,
        response_model=ConsentsAnswer,
        responses=documented(401, 403, 404, 405, 422, 429, 431, 500, 503),
        tags=["v1"],
        openapi_extra=SECURED,
    )
    async def read_consents(request: Request, entity: Entity, portfolio: Portfolio) -> Response:
        """Say what a person consented to, and when and how."""
        book, _ = await _book(request, present(clerk()), types, portfolio, entity)
        return json_response(await _asked(lambda: _answer(book, portfolio, entity)))


async def _book(request: Request, clerk: Clerk, types: IdTypes, portfolio: str, entity: str) -> tuple[ConsentBook, str]:
    partner = caller(request)
    if not partner.may("consents", portfolio):
        raise Problem(403, "your key may not read or record consents of this portfolio")
    served = clerk.runtime.get(portfolio)
    if served is None:
        raise Problem(404, "no such portfolio is served; GET /v1/releases lists them", at=("query", "portfolio"))
    if served.loaded is not None:
        of: IdType | None = served.loaded.release.features.entity_type
    else:
        of = await types.of(portfolio)
    # Where nothing tells how ids are written, a word is kept of whoever it is: better one too many than a right denied.
    if not is_id(entity, of or "string"):
        raise misfit(of or "string", ("path", "entity"))
    if clerk.inquiry.consents is None:
        raise Problem(503, "this service keeps no consents", headers={"retry-after": "60"})
    return clerk.inquiry.consents, partner.actor


async def _asked(work: Callable[[], ConsentsAnswer]) -> Any:
    try:
        return await asyncio.get_running_loop().run_in_executor(None, work)
    except LogUnavailable:
        detail = "consents cannot be read or written; nothing was recorded; try again"
        raise Problem(503, detail, headers={"retry-after": "1"}) from None


def _answer(book: ConsentBook, portfolio: str, entity: str) -> ConsentsAnswer:
    said = (one.consent for one in book.history(portfolio, entity))
    found = [ConsentAnswer(purpose=one.purpose, state=one.state, at=one.at, source=one.source) for one in said]
    return ConsentsAnswer(portfolio=portfolio, consents=found)
