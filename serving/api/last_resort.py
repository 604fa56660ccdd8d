"""An answer for what nobody else caught: BentoML leaves a request without one when the application raises."""

import logging

from serving.api.limits import App, Message, Receive, Scope, Send
from serving.api.problems import problem_response

_log = logging.getLogger("lendloop.api")


class LastResort:
    """ASGI middleware: a fault that comes out of the application is logged by its kind and answered with 500."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; answer it when the application did not."""
        started = False

        async def note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, note)
        except Exception as error:
            _log.error("request failed", extra={"error": type(error).__name__})
            if started:
                raise
            await problem_response(500, "the service failed; nothing was decided")(scope, receive, send)
