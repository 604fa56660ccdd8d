"""The HTTP adapter of identity vendors against a real server that is right, wrong, slow, or dead."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable

import pytest

from serving.applications import Application, Circumstances
from serving.decide import Applications, Context, decide
from serving.policy import Signal
from serving.signals import Evidence, results
from serving.vendors import LARGEST_ANSWER, BadVendor, HttpVendor, http_vendors
from tests.serving.test_decide import rows
from tests.serving.test_reasons import WHOLE, Release, model

Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]
SECONDS = 0.3


def reply(body: bytes, status: str = "200 OK", head: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{head}\r\n".encode() + body


def ask(handler: Handler, evidence: Evidence | None = None, signal: Signal = "liveness") -> str:
    """What the signal becomes when a real server on this machine answers as `handler` does."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-l"))
        try:
            await handler(head + await reader.readexactly(length), writer)
            await writer.drain()
        except ConnectionError:
            pass  # the client has gone: it had waited long enough
        finally:
            writer.close()

    async def all_of_it() -> str:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/checks"
        vendors = http_vendors({signal: url}, {signal: "secret"}, SECONDS)
        try:
            return (await results({signal: evidence or Evidence(token="t-1")}, vendors, SECONDS))[signal]
        finally:
            await vendors[signal].close()
            server.close()

    return asyncio.run(all_of_it())


def says(content: bytes) -> Handler:
    async def handler(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(content)

    return handler


def test_it_is_asked_with_the_key_about_the_token_and_believed() -> None:
    seen = []

    async def handler(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(request)
        writer.write(reply(b'{"passed": true, "score": 0.98}'))

    assert ask(handler) == "passed"
    head, _, body = seen[0].partition(b"\r\n\r\n")
    assert json.loads(body) == {"signal": "liveness", "token": "t-1"}
    assert b"Bearer secret" in head
    assert ask(says(reply(b'{"passed": false}'))) == "failed"


@pytest.mark.parametrize(
    "content",
    [
        reply(b'{"passed": true}', "500 Oops"),
        reply(b'{"passed": true}', "202 Accepted"),
        reply(b"", "302 Found", "location: http://127.0.0.1:9/\r\n"),
        reply(b"<html>passed</html>"),
        reply(b""),
        reply(b"true"),
        reply(b"{}"),
        reply(b'{"passed": 1}'),
        reply(b'{"passed": "true"}'),
        reply(b'{"passed": null}'),
        reply(b'[{"passed": true}]'),
        reply(b"[" * 10_000),
        reply(b'{"passed": true, "more": "' + b"x" * LARGEST_ANSWER + b'"}'),
        reply(b'{"passed": true}')[:-4],  # it hangs up in the middle
        b"SMTP ready\r\n",
        b"",
    ],
)
def test_an_answer_that_is_not_clear_is_none(content: bytes) -> None:
    assert ask(says(content)) == "unanswered"


@pytest.mark.parametrize("trickles", [False, True])
def test_a_slow_vendor_is_not_waited_for(trickles: bool) -> None:
    ended: list[bool] = []

    async def handler(_: bytes, writer: asyncio.StreamWriter) -> None:
        whole = reply(b'{"passed": true}')
        for place in range(len(whole)):
            if trickles:
                writer.write(whole[place : place + 1])
                await writer.drain()
            await asyncio.sleep(SECONDS / 4)
        ended.append(True)

    assert ask(handler) == "unanswered"
    assert not ended  # nobody waited for the whole of it


def test_a_dead_vendor_leaves_the_signal_open() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused

        async def check() -> dict[str, str]:
            vendor = HttpVendor("device", f"http://127.0.0.1:{taken.getsockname()[1]}/", "", SECONDS)
            try:
                return dict(await results({"device": Evidence(token="x")}, {"device": vendor}, SECONDS))
            finally:
                await vendor.close()

        assert asyncio.run(check()) == {"device": "unanswered"}


@pytest.mark.parametrize(("result", "code"), [("unanswered", "SIGNAL_MISSING"), ("failed", "SIGNAL_FAILED")])
def test_without_a_passed_check_nobody_is_approved(result: str, code: str) -> None:
    safe = rows({"utilisation": 0.1, "late_streak": 0.0, "payment_ratio": 1.0, "job": "clerk", "channel": "web"})
    made = decide(
        Release("a" * 64, WHOLE, {"risk": model("risk")}),
        Applications.of([Application()]),
        safe,
        Context.of([Circumstances(signals={"device": result})]),
    ).one(0)
    assert made.outcome != "approve"
    assert code in {reason.code for reason in made.reasons}


@pytest.mark.parametrize(
    ("urls", "keys", "fault"),
    [
        ({"smile": "https://vendor.example/"}, {}, "smile"),
        ({"device": "http://vendor.example/"}, {}, "https"),
        ({"device": "vendor"}, {}, "https"),
        ({}, {"device": "k-secret"}, "LENDLOOP_VENDORS"),
    ],
)
def test_a_vendor_that_cannot_be_asked_safely_is_refused(
    urls: dict[str, str], keys: dict[str, str], fault: str
) -> None:
    with pytest.raises(BadVendor, match=fault) as found:
        http_vendors(urls, keys)
    assert "k-secret" not in str(found.value)
