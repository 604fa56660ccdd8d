"""What every request must keep to before it is looked at: size, media type, how many at once, how long."""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from serving.api.problems import problem_response
from serving.api.shedding import Shedding, is_decision

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

TOKENS, FORM = "/v1/oauth/token", "application/x-www-form-urlencoded"
PROBES = ("/livez", "/readyz")


class Limits:
    """ASGI middleware: refuses what is too large (413), not JSON (415), too much at once (503) or too slow (503)."""

    def __init__(
        self, app: App, shedding: Shedding, *, body_bytes: int, seconds: float, batch_bytes: int | None = None
    ) -> None:
        self._app = app
        self._shedding = shedding
        self._body_bytes, self._batch_bytes = body_bytes, batch_bytes or body_bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            return await self._app(scope, receive, send)
        decision = is_decision(scope["method"], scope["path"])
        if not self._shedding.admit(decision):
            # Answered at once: a queue that grows only makes every answer late.
            refusal = problem_response(503, "too many requests at once; try again", headers={"retry-after": "1"})
            return await refusal(scope, receive, send)
        began = time.monotonic()
        try:
            await self._within_time(scope, receive, send)
        finally:
            now = time.monotonic()
            self._shedding.done(decision, now - began, now)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("POST", "PUT", "PATCH") or _has_no_body(scope):
            return await self._app(scope, receive, send)
        media_type = _header(scope, b"content-type").split(";")[0].strip().lower()
        expected = FORM if scope["path"] == TOKENS else "application/json"
        if media_type != expected:
            refusal = problem_response(415, f"expected the header Content-Type: {expected}")
            return await refusal(scope, receive, send)
        body = await self._body(scope, receive)
        if body is None:
            refusal = problem_response(413, f"the body is larger than {self._most(scope)} bytes")
            return await refusal(scope, receive, send)
        await self._app(scope, _replay(body, receive), send)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        length, most = _header(scope, b"content-length"), self._most(scope)
        if length.isdigit() and int(length[:20]) > most:
            return None
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > most:
                return None
            if not message.get("more_body", False):
                return bytes(body)

    def _most(self, scope: Scope) -> int:
        return self._batch_bytes if scope["path"].endswith(":batch") else self._body_bytes

    async def _within_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            async with asyncio.timeout(self._seconds):
                await self._admit(scope, receive, note)
        except TimeoutError:
            if started:
                raise
            late = problem_response(503, f"no answer within {self._seconds:g} s; ask again with the same "
                                    "Idempotency-Key", headers={"retry-after": "1"})  # fmt: skip
            await late(scope, receive, send)


def _has_no_body(scope: Scope) -> bool:
    """Whether none is announced: then its media type is not what is wrong, but the method may be."""
    named = any(_header(scope, name) for name in (b"content-type", b"transfer-encoding"))
    return not named and _header(scope, b"content-length") in ("", "0")


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def next_message() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return next_message
