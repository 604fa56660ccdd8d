"""The routes a checkout waits for, answered without a router: finding one and setting its request up costs 50 µs.

They are FastAPI's routes all the same: its document describes them, and it answers whatever is not plainly for them.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute

from serving.api.last_resort import tell
from serving.api.limits import App, Receive, Scope, Send
from serving.api.problems import Problem, failed

_PATH = re.compile(r"(/v1/portfolios/)([^/]+)(/[a-z]+)")

Endpoint = Callable[[Request], Awaitable[Response]]


class Direct:
    """ASGI middleware: POST to a route `/v1/portfolios/{portfolio}/…` of `app` that needs nothing but its request."""

    def __init__(self, app: FastAPI, names: tuple[str, ...]) -> None:
        """`names`: the last parts of the routes' paths."""
        self._app: App = app
        self._routes: dict[str, tuple[APIRoute, Endpoint]] = {}
        for route in app.routes:
            if isinstance(route, APIRoute) and route.path.rpartition("/")[2] in names:
                self._routes[f"/{route.path.rpartition('/')[2]}"] = (route, route.endpoint)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        path = _PATH.fullmatch(scope["path"]) if scope["method"] == "POST" and not scope.get("root_path") else None
        found = self._routes.get(path[3]) if path is not None else None
        if path is None or found is None:
            return await self._app(scope, receive, send)
        scope["route"], scope["path_params"] = found[0], {"portfolio": path[2]}
        response = await _answer(found[1], Request(scope, receive))
        await response(scope, receive, send)


async def _answer(endpoint: Endpoint, request: Any) -> Response:
    try:
        return await endpoint(request)
    except Problem as problem:
        return problem.response
    except Exception as error:  # as FastAPI's own handler of whatever nobody foresaw
        tell(request.scope, error)
        return failed()
