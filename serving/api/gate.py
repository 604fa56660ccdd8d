"""Who may come in: a partner's key or a session of staff is checked before anything else of a request is read."""

import asyncio
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
from serving.log.database import LogUnavailable
from serving.partners.directory import DirectoryUnavailable
from serving.partners.partner import Limited, Partner, Quota
from serving.partners.partner import Scope as PartnerScope
from serving.partners.tokens import looks_like_token
from serving.staff.member import Member

GUARDED = "/v1/"
LOGIN, OPENID, CALLBACK = "/v1/staff/login", "/v1/staff/openid", "/v1/staff/openid/callback"
OPEN = frozenset({TOKENS, LOGIN, OPENID, CALLBACK})  # where whoever comes has nothing yet to be known by
RELEASES = "/v1/releases"
OF_STAFF = ("/v1/reviews", "/v1/staff")
HEADER_BYTES = 16 * 1024
BEARER, SESSION = "partner key", "staff session"
SECURED: dict[str, Any] = {"security": [{BEARER: []}]}
STAFF_ONLY: dict[str, Any] = {"security": [{SESSION: []}]}
EITHER: dict[str, Any] = {"security": [{BEARER: []}, {SESSION: []}]}
SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "the key that `lendloop partner add NAME --portfolios NAME` printed",
}
SESSION_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "the token that a member of the staff signed in for",
}
QUOTA, AT_ONCE = Quota(20, 1), 10  # of one member of the staff


class Gate:
    """ASGI middleware: lets only partners and staff in to `/v1/`, within their limits, and says who came.

    Staff come in where there is work for them, partners everywhere; neither's token is ever taken for the other's.
    """

    def __init__(self, app: App, clerk: Callable[[], Clerk | None]) -> None:
        self._app, self._clerk = app, clerk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on who is known, refuse a stranger."""
        if scope["type"] != "http" or not scope["path"].startswith(GUARDED) or scope["path"] in OPEN:
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
        scope.setdefault("state", {})["caller"] = found
        limited, slots = _limited(found), clerk.limits.slots
        if not await slots.enter(limited):
            return await _too_much(f"more than {limited.concurrency} requests at once", 1)(scope, receive, send)
        try:
            await self._app(scope, receive, send)
        finally:
            slots.leave(limited)


async def too_many_items(clerk: Clerk, partner: Partner, items: int, at: float) -> Response | None:
    """The refusal of a batch that the partner's quota has no room for; `Gate` has counted its first item."""
    if items > partner.quota.requests:
        detail = f"{items} items are more than your quota of {partner.quota} ever lets in; send fewer at once"
        raise Problem(422, detail, at=("body", "items"))
    wait = await clerk.limits.quotas.take(partner, at, items - 1)
    return None if wait is None else _too_much(f"more than {partner.quota} requests", wait, partner)


def caller(request: Request) -> Partner:
    """The partner that `Gate` let in with this request."""
    partner = request.scope["state"]["caller"]  # without a gate before it, a route fails and answers nobody
    assert isinstance(partner, Partner)  # staff do not come where this is asked
    return partner


def in_scope(request: Request, scope: PartnerScope) -> Partner:
    """The same, whose key must open `scope`; or the `Problem` that it does not."""
    partner = caller(request)
    if scope not in partner.scopes:
        raise Problem(403, f"your key may not do this; expected one with the scope {scope}")
    return partner


def anyone(request: Request) -> Partner | Member:
    """Whom `Gate` let in with this request."""
    found = request.scope["state"]["caller"]
    assert isinstance(found, Partner | Member)
    return found


def member(request: Request) -> Member:
    """The member of the staff that `Gate` let in with this request, or the problem that it was a partner."""
    found = request.scope["state"]["caller"]
    if not isinstance(found, Member):
        raise Problem(403, "this is for staff; expected the session of a person, not the key of a partner")
    return found


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


async def _known(clerk: Clerk, scope: Scope) -> Partner | Member | Response:
    key = bearer(scope)
    try:
        found = await _of_staff(clerk, scope, key) or (await clerk.directory.partner(key, now()) if key else None)
    except (DirectoryUnavailable, LogUnavailable):
        return _later("it cannot be looked up whose key this is; try again")
    if found is not None:
        limited = _limited(found)
        wait = await clerk.limits.quotas.take(limited, time.time())
        return found if wait is None else _too_much(f"more than {limited.quota} requests", wait, limited)
    fault = "is unknown, revoked or over" if key else "is missing"
    detail = f"the key {fault}; expected the header Authorization: Bearer <key>"
    return problem_response(401, detail, headers={"www-authenticate": "Bearer"})


async def _of_staff(clerk: Clerk, scope: Scope, key: str) -> Member | None:
    if clerk.staff is None or not _is_of_staff(scope["path"]) or not looks_like_token(key):
        return None
    return await asyncio.get_running_loop().run_in_executor(None, clerk.staff.member, key, now())


def _is_of_staff(path: str) -> bool:
    return path == RELEASES or path.startswith(OF_STAFF)


def _limited(found: Partner | Member) -> Partner | Limited:
    # No partner's name has a colon: nobody uses up what is another's.
    return found if isinstance(found, Partner) else Limited(f"staff:{found.name}", QUOTA, AT_ONCE)


def _too_much(what: str, wait: int, limited: Partner | Limited | None = None) -> Response:
    headers = {"retry-after": str(wait)}
    if limited is not None:
        quota = limited.quota
        headers["ratelimit-policy"] = f'"quota";q={quota.requests};w={quota.seconds}'
        headers["ratelimit"] = f'"quota";r=0;t={wait}'
    return problem_response(429, f"{what}; try again in {wait} s", headers=headers)


def _later(detail: str) -> Response:
    return problem_response(503, detail, headers={"retry-after": "1"})
