import asyncio
import logging
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.api.last_resort import LastResort
from serving.api.problems import failed, handle_problems, problem_response
from serving.runtime import Runtime
from tests.serving.api.test_contract import served
from tests.serving.api.worker import Worker, problem


async def failing(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["path"] == "/late":
        start: Message = {"type": "http.response.start", "status": 200, "headers": []}
        await send(start)
    raise ZeroDivisionError("of 4711")


def ask(path: str, app: ASGIApp = failing) -> httpx.Response:
    async def one() -> httpx.Response:
        transport = httpx.ASGITransport(LastResort(app, failed))  # type: ignore[arg-type]
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


def test_it_answers_what_it_is_given() -> None:
    response = ask("/", LastResort(failing, lambda: problem_response(503, "not now")))
    assert (response.status_code, response.json()["detail"]) == (503, "not now")


def application() -> FastAPI:
    """Fails before its answer, or in the middle of it."""
    app = FastAPI()
    handle_problems(app)

    async def begun() -> Any:
        yield b"x"
        raise ZeroDivisionError("of 4711")

    @app.get("/early")
    async def early() -> None:
        raise ZeroDivisionError("of 4711")

    @app.get("/late")
    async def late() -> StreamingResponse:
        return StreamingResponse(begun())

    return app


@pytest.mark.parametrize("path", ["/early", "/late"])
def test_a_fault_is_logged_once_by_its_route_and_kind_also_when_the_answer_had_begun(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "lendloop.api")
    if path == "/early":
        assert ask(path, application()).status_code == 500
    else:
        with pytest.raises(ZeroDivisionError):
            ask(path, application())
    assert [(vars(line)["route"], vars(line)["error"]) for line in caplog.records if line.name == "lendloop.api"] == [
        (path, "ZeroDivisionError")
    ]
    assert "4711" not in caplog.text


def test_a_route_that_fails_costs_neither_the_connection_nor_a_line_that_tells_of_it(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> None:
        raise ValueError("entity 1 is Jane")

    with served(worker) as url, httpx.Client(base_url=url) as client:
        client.headers["Authorization"] = f"Bearer {worker.key}"
        with monkeypatch.context() as patch:
            patch.setattr(Runtime, "all", fail)
            problem(client.get("/v1/releases"), 500)
        answered = client.get("/v1/releases")
        assert answered.status_code == 200
        (connection,) = client._transport._pool.connections  # type: ignore[attr-defined]
        assert "Request Count: 2" in connection.info()
    assert "Jane" not in capfd.readouterr().err
