import asyncio

import httpx
import pytest

from serving.api.last_resort import LastResort
from serving.api.limits import Message, Receive, Scope, Send


async def failing(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/late":
        start: Message = {"type": "http.response.start", "status": 200, "headers": []}
        await send(start)
    raise ZeroDivisionError("of 4711")


def ask(path: str) -> httpx.Response:
    async def one() -> httpx.Response:
        transport = httpx.ASGITransport(LastResort(failing))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return await client.get(path)

    return asyncio.run(one())


def test_a_fault_that_nobody_caught_is_answered_and_not_told() -> None:
    response = ask("/")
    assert (response.status_code, response.headers["content-type"]) == (500, "application/problem+json")
    assert "4711" not in response.text


def test_an_answer_that_began_is_broken_off() -> None:
    with pytest.raises(ZeroDivisionError):
        ask("/late")
