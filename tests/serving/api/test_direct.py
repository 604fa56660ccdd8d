"""The short way to the routes that decide gives what FastAPI's own way gives."""

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import Response

from serving.api.direct import Direct
from serving.api.problems import Problem, handle_problems

ROUTE = "/v1/portfolios/{portfolio}/decisions"


def application() -> FastAPI:
    app = FastAPI()
    handle_problems(app)

    async def answer(request: Request) -> Response:
        body = (await request.body()).decode()
        if body == "refuse":
            raise Problem(422, "expected something else", at=("body", "amount"), headers={"retry-after": "1"})
        if body == "fail":
            raise ValueError("entity 1 is Jane")
        return Response(f"{request.path_params['portfolio']} {body} {request.scope['route'].path}")

    for path in (ROUTE, f"{ROUTE}:batch"):
        app.add_api_route(path, answer, methods=["POST"])
    return app


def ask(app: Any, method: str, path: str, body: str) -> tuple[int, dict[str, str], str]:
    async def one() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return await client.request(method, path, content=body)

    response = asyncio.run(one())
    return response.status_code, dict(response.headers), response.text


@pytest.mark.parametrize("body", ["17", "refuse", "fail"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/portfolios/cards/decisions"),
        ("POST", "/v1/portfolios/c%20a%C3%BC/decisions?more=1"),
        ("POST", "/v1/portfolios/cards/decisions:batch"),
        ("POST", "/v1/portfolios/cards/decisions/"),
        ("POST", "/v1/portfolios//decisions"),
        ("POST", "/v1/portfolios/a/b/decisions"),
        ("POST", "/v1/portfolios/cards/offers"),
        ("GET", "/v1/portfolios/cards/decisions"),
    ],
)
def test_it_answers_as_the_router_does(method: str, path: str, body: str) -> None:
    expected = ask(application(), method, path, body)
    assert ask(Direct(application(), ("decisions",)), method, path, body) == expected
    assert "Jane" not in expected[2]


def test_only_what_it_does_not_know_goes_to_the_router() -> None:
    passed = []
    app = application()
    direct = Direct(app, ("decisions",))

    async def note(scope: Any, receive: Any, send: Any) -> None:
        passed.append(scope["path"])
        await app(scope, receive, send)

    direct._app = note
    for path in ("/v1/portfolios/cards/decisions", "/v1/portfolios/cards/decisions:batch"):
        assert ask(direct, "POST", path, "17")[0] == 200
    assert passed == ["/v1/portfolios/cards/decisions:batch"]
