"""Every HTTP request counted, timed and, where tracing is on, traced; and the page that Prometheus reads."""

import ipaddress
import time
from collections.abc import Callable
from typing import Any

from serving.api.limits import App, Message, Receive, Scope, Send
from serving.api.problems import problem_response
from serving.telemetry.counters import CONTENT_TYPE
from serving.telemetry.telemetry import Told, unharmed

PAGE = "/metrics"
NO_ROUTE = "-"
"""The route of a request that was refused before one was found: a path that somebody made up is no label."""


class Watched:
    """ASGI middleware: counts what passes, by the template of its route; `told()` is None until the worker runs."""

    def __init__(self, app: App, told: Callable[[], Told | None]) -> None:
        self._app, self._told = app, told

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and count its answer."""
        told = self._told()
        if scope["type"] != "http" or told is None:
            await self._app(scope, receive, send)
        elif scope["path"] == PAGE:
            await _page(told, scope, send)
        elif told.tracer is None:
            await self._counted(told, scope, receive, send)
        else:
            with told.tracer.start_as_current_span("request", context=_context(scope), record_exception=False) as span:
                status = await self._counted(told, scope, receive, send)
                span.update_name(f"{scope['method']} {_route(scope)}")
                span.set_attribute("http.response.status_code", status)
                span.set_attribute("http.route", _route(scope))

    async def _counted(self, told: Told, scope: Scope, receive: Receive, send: Send) -> int:
        status, counters = 499, told.counters  # 499: nobody waited for the answer

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = time.perf_counter()
        counters.running.inc()
        try:
            await self._app(scope, receive, note)
        finally:
            counters.running.dec()
            route = _route(scope)
            with unharmed():
                counters.request_seconds.labels(route).observe(time.perf_counter() - began)
                counters.requests.labels(_method(scope), route, str(status)).inc()
        return status


async def _page(told: Told, scope: Scope, send: Send) -> None:
    """The counters, for whoever asks from this machine: partners have no business with each other's traffic."""
    if not _is_here(scope):
        return await problem_response(404, "no such resource")(scope, _nothing, send)
    body = told.counters.text()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", CONTENT_TYPE.encode())]})
    await send({"type": "http.response.body", "body": body})


def _is_here(scope: Scope) -> bool:
    client: Any = scope.get("client")
    try:
        return client is not None and ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False


def _route(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", NO_ROUTE))


def _method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in ("GET", "POST", "PUT", "DELETE") else "other"


def _context(scope: Scope) -> Any:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return TraceContextTextMapPropagator().extract(headers)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
