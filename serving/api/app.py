"""The HTTP contract: routes, their documents and their problems; a `Clerk` does the work."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Header, Request
from fastapi import Path as InPath
from fastapi.responses import Response

from serving.answers import Asked
from serving.api.gate import BEARER, SCHEME, SECURED, Gate, caller, json_response, present
from serving.api.limits import Limits
from serving.api.problems import Problem, ProblemDocument, documented, handle_problems
from serving.api.reading import add_reading
from serving.api.schemas import (
    DecisionAnswer,
    DecisionRequest,
    LiveAnswer,
    PropensityAnswer,
    PropensityRequest,
    ReadyAnswer,
    ReleaseAnswer,
    ReleasesAnswer,
)
from serving.clerk import Clerk
from serving.desk import Kind, now
from serving.partners.partner import Scope
from serving.pointers import read_fault, read_workers

BODY_BYTES = 16 * 1024
CONCURRENCY = 256  # requests at once in one worker; more are refused before they queue
SECONDS = 5.0

Portfolio = Annotated[str, InPath(pattern=r"^[a-z][a-z0-9_]*$", max_length=63, examples=["taiwan_cards"])]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="a key of your own: the same request with the same key gets the first answer again",
    ),
]
DecisionTime = Annotated[
    str | None,
    Header(alias="Lendloop-Decision-Time", description="RFC 3339; only where the service replays historic months"),
]
Body = DecisionRequest | PropensityRequest
_REFUSALS = documented(400, 401, 403, 404, 405, 413, 415, 422, 429, 500, 503)
_NEEDED: dict[Kind, Scope] = {"decision": "decide", "propensity": "propensity"}


def create_app(clerk: Callable[[], Clerk | None], releases: Path) -> Any:
    """The ASGI application; `clerk()` is None until the worker has started."""
    app = FastAPI(
        title="Lendloop decision service", version="1", docs_url=None, redoc_url=None, description=__doc__ or ""
    )
    handle_problems(app)
    _add_decisions(app, clerk)
    add_reading(app, clerk)
    _add_state(app, clerk, releases)
    _describe_problems(app)
    # The gate stands before the limits: nothing is read of a request from someone unknown.
    return Gate(Limits(app, body_bytes=BODY_BYTES, concurrency=CONCURRENCY, seconds=SECONDS), clerk)


def _add_decisions(app: FastAPI, clerk: Callable[[], Clerk | None]) -> None:
    async def answer(
        request: Request, kind: Kind, portfolio: str, body: Body, key: str | None, at: str | None
    ) -> Response:
        worker, partner = present(clerk()), caller(request)
        if not partner.may(_NEEDED[kind], portfolio):
            # The same for a portfolio that there is not: nobody learns of another's.
            raise Problem(403, "your key may not ask this of this portfolio", at=("path", "portfolio"))
        asked = Asked(partner.name, portfolio, kind, body, _time(at, worker.replay), key)
        return json_response(await worker.answer(asked))

    @app.post(
        "/v1/portfolios/{portfolio}/decisions",
        response_model=DecisionAnswer,
        responses=_REFUSALS,
        tags=["v1"],
        openapi_extra=SECURED,
    )
    async def decisions(
        request: Request,
        portfolio: Portfolio,
        body: DecisionRequest,
        idempotency_key: IdempotencyKey = None,
        decision_time: DecisionTime = None,
    ) -> Response:
        """Decide on an application for credit: approve, review or decline, with reasons."""
        return await answer(request, "decision", portfolio, body, idempotency_key, decision_time)

    @app.post(
        "/v1/portfolios/{portfolio}/propensities",
        response_model=PropensityAnswer,
        responses=_REFUSALS,
        tags=["v1"],
        openapi_extra=SECURED,
    )
    async def propensities(
        request: Request,
        portfolio: Portfolio,
        body: PropensityRequest,
        idempotency_key: IdempotencyKey = None,
        decision_time: DecisionTime = None,
    ) -> Response:
        """Say whether a campaign should contact a person."""
        return await answer(request, "propensity", portfolio, body, idempotency_key, decision_time)


def _add_state(app: FastAPI, clerk: Callable[[], Clerk | None], releases: Path) -> None:
    @app.get(
        "/v1/releases",
        response_model=ReleasesAnswer,
        responses=documented(401, 405, 429, 500, 503),
        tags=["v1"],
        openapi_extra=SECURED,
    )
    def list_releases(request: Request) -> Response:
        """What each portfolio that is open to you is served with, and why not with something newer."""
        sees = caller(request).sees
        found = [release for release in _releases(present(clerk()), releases) if sees(release.portfolio)]
        workers = {
            str(pid): {portfolio: sha for portfolio, sha in served.items() if sees(portfolio)}
            for pid, served in read_workers(releases).items()
        }
        return json_response(ReleasesAnswer(releases=found, workers=workers))

    @app.get("/livez", response_model=LiveAnswer, tags=["probes"])
    async def livez() -> Response:
        """Whether the worker runs."""
        return json_response(LiveAnswer())

    @app.get("/readyz", response_model=ReadyAnswer, responses=documented(503), tags=["probes"])
    def readyz() -> Response:
        """Whether the worker can decide; `degraded` when a release that is wanted cannot be served."""
        found = _releases(present(clerk()), releases)
        if not any(release.release for release in found):
            faults = "; ".join(f"{release.portfolio}: {release.fault}" for release in found)
            raise Problem(503, f"no release is loaded: {faults or 'no portfolio has one'}")
        degraded = [release.portfolio for release in found if release.fault]
        return json_response(ReadyAnswer(status="degraded" if degraded else "ready", degraded=degraded))


def _releases(clerk: Clerk, releases: Path) -> list[ReleaseAnswer]:
    return [
        ReleaseAnswer(
            portfolio=served.portfolio,
            release=served.sha,
            wanted=served.wanted,
            current=served.current,
            fault=served.fault or read_fault(releases, served.portfolio),
        )
        for served in clerk.runtime.all()
    ]


def _time(given: str | None, replay: bool) -> datetime:
    if given is None:
        return now()
    where = ("header", "Lendloop-Decision-Time")
    if not replay:
        raise Problem(400, "this service decides at the present time only; leave the header out", at=where)
    try:
        when = datetime.fromisoformat(given)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise Problem(400, "expected a time with its zone, as in 2005-09-30T12:00:00Z", at=where)
    return when.astimezone(UTC)


def _describe_problems(app: FastAPI) -> None:
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
            parts = schema.pop("$defs")
            components = plain()["components"]
            components["schemas"] |= {**parts, "ProblemDocument": schema}
            components["securitySchemes"] = {BEARER: SCHEME}
        return plain()

    app.openapi = openapi  # type: ignore[method-assign]
