"""What every request must keep to before it is looked at: size, media type, how many at once, how long."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi.responses import Response

from serving.api.addresses import origin
from serving.api.problems import problem_response
from serving.api.shedding import Shedding, is_decision

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

TOKENS, FORM = "/v1/oauth/token", "application/x-www-form-urlencoded"
PROBES = ("/livez", "/readyz")
BODIED = ("POST", "PUT", "PATCH")
STRANGERS = 32  # bodies waited for at once of those who sign in or ask for a token: nobody knows yet whose they are


class Limits:
    """ASGI middleware: refuses what is too large (413), not JSON (415), sent too slowly (408), too much at once (503)
    or too slow (503).

    A body is read before its request takes a place among those at once: who sends slowly waits at their own expense,
    and their time is none that answers took. `Gate` has counted them among the requests of their partner by then; how
    many bodies of strangers are waited for is limited here: where one more comes, who has waited longest of the address
    (of IPv6 the /64) that most are of makes room. A body that was sent at once is here at once, and nobody can keep it
    out by waiting.
    """

    def __init__(
        self, app: App, shedding: Shedding, *, body_bytes: int, seconds: float, batch_bytes: int | None = None
    ) -> None:
        """`seconds`: for a request's body and its answer together."""
        self._app = app
        self._shedding = shedding
        self._body_bytes, self._batch_bytes = body_bytes, batch_bytes or body_bytes
        self._seconds = seconds
        self._strangers: dict[asyncio.Timeout, str] = {}  # whom is waited for, the longest first, and from where

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            return await self._app(scope, receive, send)
        reading = scope["method"] in BODIED and not _is_empty(scope)
        started = False

        async def note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            async with asyncio.timeout(self._seconds) as deadline:
                scope.setdefault("state", {})["until"] = deadline.when()
                found = await self._read(scope, receive, deadline) if reading else receive
                reading = False
                if isinstance(found, Response):
                    await found(scope, receive, note)
                elif found is not None:
                    await self._answer(scope, found, note)
        except TimeoutError:
            if started:
                raise
            await self._late(reading)(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        decision, began = is_decision(scope["method"], scope["path"]), time.monotonic()
        if not self._shedding.admit(decision, began):
            # Answered at once: a queue that grows only makes every answer late.
            return await _busy()(scope, receive, send)
        try:
            await self._app(scope, receive, send)
        finally:
            now = time.monotonic()
            self._shedding.done(decision, now - began, now)

    async def _read(self, scope: Scope, receive: Receive, deadline: asyncio.Timeout) -> Receive | Response | None:
        """What gives the body, once it is all here; or the refusal. None: whoever sent it is gone."""
        media_type = _header(scope, b"content-type").split(";")[0].strip().lower()
        expected = FORM if scope["path"] == TOKENS else "application/json"
        if media_type != expected:
            return problem_response(415, f"expected the header Content-Type: {expected}")
        if "caller" in scope.get("state", ()):
            return await self._body(scope, receive)
        if len(self._strangers) >= STRANGERS:
            self._make_room()
        self._strangers[deadline], until = origin((scope.get("client") or ("",))[0]), deadline.when()
        try:
            found = await self._body(scope, receive)
        finally:
            made_room = self._strangers.pop(deadline, None) is None
        if made_room:  # in this very turn of the loop: the body is here all the same, and is answered
            deadline.reschedule(until)
        return found

    def _make_room(self) -> None:
        ((most, _),) = Counter(self._strangers.values()).most_common(1)
        oldest = next(deadline for deadline, found in self._strangers.items() if found == most)
        del self._strangers[oldest]
        if not oldest.expired():  # its time may have run out in this turn of the loop, and its task not know it yet
            oldest.reschedule(asyncio.get_running_loop().time())

    async def _body(self, scope: Scope, receive: Receive) -> Receive | Response | None:
        length, most = _header(scope, b"content-length"), self._most(scope)
        too_large = length.isdigit() and int(length[:20]) > most
        body = bytearray()
        while not too_large:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            too_large = len(body) > most
            if not message.get("more_body", False) and not too_large:
                return _replay(bytes(body), receive)
        return problem_response(413, f"the body is larger than {most} bytes")

    def _most(self, scope: Scope) -> int:
        return self._batch_bytes if scope["path"].endswith(":batch") else self._body_bytes

    def _late(self, reading: bool) -> Response:
        if reading:
            # Its connection is of no further use: what is still to come of the body would be taken for a request.
            return problem_response(
                408, "the body did not arrive in time; send it at once", headers={"connection": "close"}
            )
        detail = f"no answer within {self._seconds:g} s; ask again with the same Idempotency-Key"
        return problem_response(503, detail, headers={"retry-after": "1"})


def _busy() -> Response:
    return problem_response(503, "too many requests at once; try again", headers={"retry-after": "1"})


def _is_empty(scope: Scope) -> bool:
    """Whether a request has no body (RFC 9112 §6.3): there is nothing that its type could be of."""
    return _header(scope, b"content-length") in ("", "0") and not _header(scope, b"transfer-encoding")


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
