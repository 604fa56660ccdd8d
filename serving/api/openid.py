"""Staff sign in at the lender's OpenID provider: there and back again, in a browser."""

import time
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import Cookie, FastAPI, Query
from fastapi.responses import Response

from serving.api.gate import CALLBACK, OPENID, present
from serving.api.problems import Problem, documented
from serving.api.staff import ATTEMPTS, SessionAnswer, session_response, signed_in
from serving.clerk import Clerk
from serving.desk import now
from serving.staff.identity import ProviderUnavailable
from serving.staff.provider import COOKIE_SECONDS, Provider

T = TypeVar("T")
COOKIE = "lendloop_openid"
_REFUSALS = documented(400, 401, 405, 422, 429, 500, 503)
Text = Annotated[str | None, Query(max_length=4096, pattern=r"^[\x20-\x7e]+$")]


def add_openid(app: FastAPI, clerk: Callable[[], Clerk | None]) -> None:
    """Add the routes by which staff come in over the lender's provider."""

    @app.get(
        OPENID,
        status_code=303,
        response_class=Response,
        responses={303: {"description": "to the provider"}, **_REFUSALS},
        tags=["v1"],
    )
    async def begin() -> Response:
        """Send a browser to the lender's OpenID provider."""
        provider = await _provider(clerk())
        begun = await _asked(lambda: provider.begin(now()))
        response = Response(status_code=303, headers={"location": begun.url, "cache-control": "no-store"})
        response.set_cookie(
            COOKIE, begun.cookie, COOKIE_SECONDS, path=OPENID, secure=provider.secure, httponly=True, samesite="lax"
        )
        return response

    @app.get(CALLBACK, response_model=SessionAnswer, responses=_REFUSALS, tags=["v1"])
    async def callback(
        state: Text = None,
        code: Text = None,
        error: Text = None,
        cookie: Annotated[str | None, Cookie(alias=COOKIE, max_length=4096)] = None,
    ) -> Response:
        """Give a session to whom the provider sent back."""
        provider = await _provider(clerk())
        if error is not None:
            raise Problem(401, "the provider let nobody in; begin again", headers={"www-authenticate": "Bearer"})
        if state is None or code is None or cookie is None:
            raise Problem(400, f"expected what the provider sends back, in the browser that began at {OPENID}")
        given = (cookie, state, code)
        response = session_response(await _asked(lambda: provider.finish(*given, now())))
        response.delete_cookie(COOKIE, path=OPENID, secure=provider.secure, httponly=True, samesite="lax")
        return response


async def _provider(clerk: Clerk | None) -> Provider:
    worker = present(clerk)
    if worker.provider is None:
        raise Problem(503, "this service has no OpenID provider", headers={"retry-after": "60"})
    if (wait := await worker.limits.quotas.take(ATTEMPTS, time.time())) is not None:
        raise Problem(429, "too many people sign in; try again", headers={"retry-after": str(wait)})
    return worker.provider


async def _asked(work: Callable[[], T]) -> T:
    try:
        return await signed_in(work)
    except ProviderUnavailable:
        detail = "the OpenID provider cannot be asked, or does not answer as it should; try again"
        raise Problem(503, detail, headers={"retry-after": "5"}) from None
