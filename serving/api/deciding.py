"""The routes that decide, on one request or on many at once.

A checkout waits for them, so they read the request themselves: FastAPI's own way from parameters and body to a checked
document costs more than deciding does. What it would have put into the OpenAPI document stands in `described`.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.responses import Response
from pydantic import BaseModel

from serving.answers import answer_json
from serving.api.batches import (
    KEY_PATTERN,
    DecisionsAnswer,
    DecisionsRequest,
    Items,
    PropensitiesAnswer,
    PropensitiesRequest,
)
from serving.api.bodies import checked, read_json
from serving.api.described import described
from serving.api.gate import caller, present, too_many_items
from serving.api.problems import Problem, documented
from serving.api.schemas import DecisionAnswer, DecisionRequest, PropensityAnswer, PropensityRequest
from serving.api.times import read_time
from serving.asked import Asked
from serving.clerk import Clerk
from serving.desk import Kind, now
from serving.log.batcher import paced
from serving.log.record import Record
from serving.partners.partner import Partner, Scope

_REFUSALS = documented(400, 401, 403, 404, 405, 408, 413, 415, 422, 429, 431, 500, 503)
_KEY = re.compile(KEY_PATTERN)
_PORTFOLIO = re.compile(r"[a-z][a-z0-9_]{0,62}")
LONGEST_KEY = 255
ANSWER_SECONDS = 0.5  # for the answer to 1,000 items, which takes a tenth of it where nobody else asks
LONGEST_BATCH_KEY = 250  # what an item's key is made of: the batch's own and the item's place


@dataclass(frozen=True)
class _Ask:
    """One kind of request, for one and for many."""

    kind: Kind
    scope: Scope
    path: str
    one: type[DecisionRequest] | type[PropensityRequest]
    many: type[BaseModel]
    answer: type[BaseModel]
    answers: type[BaseModel]
    summary: str


_ASKS = (
    _Ask(
        "decision", "decide", "decisions", DecisionRequest, DecisionsRequest, DecisionAnswer, DecisionsAnswer,
        "Decide on {what} for credit: approve, review or decline, with reasons.",
    ),
    _Ask(
        "propensity", "propensity", "propensities", PropensityRequest, PropensitiesRequest, PropensityAnswer,
        PropensitiesAnswer, "Say whether a campaign should contact {what}.",
    ),
)  # fmt: skip
_WHAT = {"decision": ("an application", "up to 1,000 applications"), "propensity": ("a person", "up to 1,000 persons")}


def add_deciding(app: FastAPI, clerk: Callable[[], Clerk | None]) -> None:
    """Add the routes that decide."""
    for ask in _ASKS:
        one, many = (ask.summary.format(what=what) for what in _WHAT[ask.kind])
        path = f"/v1/portfolios/{{portfolio}}/{ask.path}"
        _add(app, path, _one(ask, clerk), ask.answer, one, described(ask.one, LONGEST_KEY))
        _add(app, f"{path}:batch", _many(ask, clerk), ask.answers, many, described(ask.many, LONGEST_BATCH_KEY))


def _add(app: FastAPI, path: str, endpoint: Any, answer: type[BaseModel], summary: str, extra: dict[str, Any]) -> None:
    name = re.sub(r"\W+", "_", path.rpartition("/")[2])
    app.add_api_route(
        path,
        endpoint,
        methods=["POST"],
        name=name,
        operation_id=name,
        response_model=answer,
        responses=_REFUSALS,
        summary=summary,
        tags=["v1"],
        openapi_extra=extra,
    )


def _one(ask: _Ask, clerk: Callable[[], Clerk | None]) -> Any:
    async def answer(request: Request) -> Response:
        worker, partner, portfolio = _allowed(request, clerk(), ask)
        key, at = idempotency_key(request, LONGEST_KEY), decision_time(request, worker.replay)
        body = checked(ask.one, read_json(await request.body()))
        record = await worker.answer(Asked(partner.name, portfolio, ask.kind, body, at, key))
        return Response(answer_json(record), media_type="application/json")

    return answer


def _many(ask: _Ask, clerk: Callable[[], Clerk | None]) -> Any:
    async def answer(request: Request) -> Response:
        worker, partner, portfolio = _allowed(request, clerk(), ask)
        key, at = idempotency_key(request, LONGEST_BATCH_KEY), decision_time(request, worker.replay)
        document = read_json(await request.body())
        items = checked(Items, document).items
        if (refusal := await too_many_items(worker, partner, len(items), time.time())) is not None:
            return refusal
        if key is not None:
            await worker.claim(partner.name, key, [portfolio, ask.kind, document])
        found = [_item(ask, item, place, key) async for place, item in paced(enumerate(items))]
        asked = [
            Asked(partner.name, portfolio, ask.kind, body, at, own or used)
            for own, used, body in found
            if not isinstance(body, Problem)
        ]
        outcomes = iter(await worker.answer_all(asked, _until(request)) if asked else [])
        results = [
            _result(place, own, body if isinstance(body, Problem) else _placed(next(outcomes), place))
            async for place, (own, _, body) in paced(enumerate(found))
        ]
        return Response(b'{"results":[%b]}' % b",".join(results), media_type="application/json")

    return answer


def _until(request: Request) -> float:
    """The loop's time at which what a batch has in the log is answered, so that the answer is there in time too."""
    return float(request.scope["state"]["until"]) - ANSWER_SECONDS


def _item(ask: _Ask, item: Any, place: int, key: str | None) -> tuple[str | None, str | None, Any]:
    """The item's own key, the one that the batch's key gives it, and the checked request or its `Problem`."""
    # No caller can send a key with a blank: an item of a batch is never taken for a request for one.
    used, own = None if key is None else f"{key} {place}", None
    try:
        if isinstance(item, dict) and "idempotency_key" in item:
            item = dict(item)
            own = _checked_key(item.pop("idempotency_key"), LONGEST_KEY, ("body", f"items.{place}.idempotency_key"))
        return own, used, checked(ask.one, item, ("items", str(place)))
    except Problem as problem:
        return own, used, problem


def _result(place: int, key: str | None, found: Record | Problem) -> bytes:
    """The result of an item as JSON, without the detour by a document, as for one (`answer_json`)."""
    if isinstance(found, Problem):
        status, told = found.document.status, b'"problem":' + found.document.model_dump_json().encode()
    else:
        status, told = 200, b'"answer":' + answer_json(found)
    return b'{"index":%d,"idempotency_key":%b,"status":%d,%b}' % (place, orjson.dumps(key), status, told)


def _placed(found: Record | Problem, place: int) -> Record | Problem:
    return found.of_item(place) if isinstance(found, Problem) else found


def _allowed(request: Request, clerk: Clerk | None, ask: _Ask) -> tuple[Clerk, Partner, str]:
    worker, partner, portfolio = present(clerk), caller(request), request.path_params["portfolio"]
    if not _PORTFOLIO.fullmatch(portfolio):
        raise Problem(422, f"expected a name of {_PORTFOLIO.pattern}", at=("path", "portfolio"))
    if not partner.may(ask.scope, portfolio):
        # The same for a portfolio that there is not: nobody learns of another's.
        raise Problem(403, "your key may not ask this of this portfolio", at=("path", "portfolio"))
    return worker, partner, portfolio


def idempotency_key(request: Request, longest: int) -> str | None:
    """The caller's key for asking again."""
    given = _header(request, "Idempotency-Key")
    return None if given is None else _checked_key(given, longest, ("header", "Idempotency-Key"))


def _checked_key(given: Any, longest: int, at: tuple[str, str]) -> str | None:
    if given is None or (isinstance(given, str) and len(given) <= longest and _KEY.fullmatch(given)):
        return given
    raise Problem(422, f"expected 1 to {longest} visible ASCII characters", at=at)


def _header(request: Request, name: str) -> str | None:
    wanted = name.lower().encode()
    given: Sequence[bytes] = [value for found, value in request.scope["headers"] if found == wanted]
    if len(given) > 1:
        raise Problem(400, "given more than once; expected once", at=("header", name))
    return given[0].decode("latin-1") if given else None


def decision_time(request: Request, replay: bool) -> datetime:
    """The time at which a request acts: now, or in a replay what its header says."""
    name = "Lendloop-Decision-Time"
    given = _header(request, name)
    if given is None:
        return now()
    if not replay:
        raise Problem(400, "this service decides at the present time only; leave the header out", at=("header", name))
    try:
        return read_time(given)
    except ValueError as error:
        raise Problem(400, str(error), at=("header", name)) from None
