"""Who may come in: a partner's key is checked before anything else of a request is read."""

import time
from collections.abc import Callable
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from pydantic import BaseModel

from serving.api.limits import TOKENS, App, Receive, Scope, Send
from serving.api.problems import Problem, problem_response
from serving.clerk import Clerk
from serving.desk import now
from serving.partners.directory import DirectoryUnavailable
from serving.partners.partner import Partner

GUARDED = "/v1/"
HEADER_BYTES = 16 * 1024
BEARER = "partner key"
SECURED: dict[str, Any] = {"security": [{BEARER: []}]}
SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "the key that `lendloop partner add NAME --portfolios NAME` printed",
}


class Gate:
    """ASGI middleware: lets only partners in to `/v1/`, within their limits, and says in the scope's state who came."""

    def __init__(self, app: App, clerk: Callable[[], Clerk | None]) -> None:
        self._app, self._clerk = app, clerk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a partner's request on, refuse a stranger's."""
        if scope["type"] != "http" or not scope["path"].startswith(GUARDED) or scope["path"] == TOKENS:
            return await self._app(scope, receive, send)
        if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADER_BYTES:
            return await problem_response(431, f"the headers are larger than {HEADER_BYTES} bytes")(
                scope, receive, send
            )
        clerk = self._clerk()
        if clerk is None:
            return await _later("the worker is starting or stopping; try again")(scope, receive, send)
        found = await _known(clerk, scope)
        if isinstance(found, Response):
            return await found(scope, receive, send)
        scope.setdefault("state", {})["partner"] = found
        slots = clerk.limits.slots
        if not await slots.enter(found):
            return await _too_much(f"more than {found.concurrency} requests at once", 1)(scope, receive, send)
        try:
            await self._app(scope, receive, send)
        finally:
            slots.leave(found)


async def too_many_items(clerk: Clerk, partner: Partner, items: int, at: float) -> Response | None:
    """The refusal of a batch that the partner's quota has no room for; `Gate` has counted its first item."""
    if items > partner.quota.requests:
        detail = f"{items} items are more than your quota of {partner.quota} ever lets in; send fewer at once"
        raise Problem(422, detail, at=("body", "items"))
    wait = await clerk.limits.quotas.take(partner, at, items - 1)
    return None if wait is None else _too_much(f"more than {partner.quota} requests", wait, partner)


def caller(request: Request) -> Partner:
    """The partner that `Gate` let in with this request."""
    partner = request.scope["state"]["partner"]  # without a gate before it, a route fails and answers nobody
    assert isinstance(partner, Partner)
    return partner


def present(clerk: Clerk | None) -> Clerk:
    """The worker's clerk, or the problem that there is none yet or any more."""
    if clerk is None:
        raise Problem(503, "the worker is starting or stopping; try again", headers={"retry-after": "1"})
    return clerk


def json_response(document: BaseModel) -> Response:
    """The answer with a document."""
    return Response(document.model_dump_json(), media_type="application/json")


def bearer(scope: Scope) -> str:
    """The key in the header Authorization; empty: there is none, or more than one."""
    given: list[Any] = [value for name, value in scope["headers"] if name == b"authorization"]
    scheme, _, key = given[0].decode("latin-1").partition(" ") if len(given) == 1 else ("", "", "")
    return key.strip() if scheme.lower() == "bearer" else ""


async def _known(clerk: Clerk, scope: Scope) -> Partner | Response:
    key = bearer(scope)
    try:
        partner = await clerk.directory.partner(key, now()) if key else None
    except DirectoryUnavailable:
        return _later("it cannot be looked up whose key this is; try again")
    if partner is not None:
        wait = await clerk.limits.quotas.take(partner, time.time())
        return partner if wait is None else _too_much(f"more than {partner.quota} requests", wait, partner)
    fault = "is unknown, revoked or over" if key else "is missing"
    detail = f"the key {fault}; expected the header Authorization: Bearer <key>"
    return problem_response(401, detail, headers={"www-authenticate": "Bearer"})


def _too_much(what: str, wait: int, partner: Partner | None = None) -> Response:
    headers = {"retry-after": str(wait)}
    if partner is not None:
        quota = partner.quota
        headers["ratelimit-policy"] = f'"quota";q={quota.requests};w={quota.seconds}'
        headers["ratelimit"] = f'"quota";r=0;t={wait}'
    return problem_response(429, f"{what}; try again in {wait} s", headers=headers)


def _later(detail: str) -> Response:
    return problem_response(503, detail, headers={"retry-after": "1"})
