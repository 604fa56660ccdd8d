"""An answer for what nobody else caught: Starlette writes such a fault down, BentoML leaves it without an answer."""

import logging
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger("lendloop.api")
_TOLD = "lendloop.told"


class LastResort:
    """ASGI middleware: a fault that comes out of the application is logged by its kind, and answered by what it is
    given.

    It stands inside an application and once more outside of all: what had begun to be answered passes both.
    """

    def __init__(self, app: ASGIApp, answer: Callable[[], ASGIApp]) -> None:
        self._app, self._answer = app, answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; answer it when the application did not."""
        began = False

        async def note(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self._app(scope, receive, note)
        except Exception as error:
            tell(scope, error)
            if began or scope["type"] != "http":
                raise
            await self._answer()(scope, receive, send)


def tell(scope: Scope, error: Exception) -> None:
    """Log a request at which the service itself failed, once: by its route and the kind of the fault."""
    if scope.get(_TOLD):
        return
    scope[_TOLD] = True
    # Only the class is logged: an exception's message may quote what the applicant sent.
    route = getattr(scope.get("route"), "path", "")
    _log.error("unexpected error", extra={"route": route, "error": type(error).__name__})
