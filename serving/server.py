"""One worker's HTTP server: the BentoML application on a socket that other workers share, drained before it ends."""

import asyncio
import socket
import time

import uvicorn

from serving.logs import log_to_stderr

DRAIN_SECONDS = 20  # for the answers that are due when a worker is told to end
KEEP_ALIVE_SECONDS = 30
# Clients commonly drop a connection that was idle for 5 s: one that we close later meets no request under way.
LINGER_SECONDS = 6.0


class DrainingServer(uvicorn.Server):
    """Ends without breaking a connection that is in use.

    New connections are left to the other workers at once; those that are open get `Connection: close` with their next
    answer, so that clients go elsewhere by themselves. What stays idle is closed in the end.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, then end as uvicorn does."""
        for server in self.servers:
            server.close()
        state = self.server_state
        state.default_headers = [*state.default_headers, (b"connection", b"close")]
        until = time.monotonic() + LINGER_SECONDS
        await asyncio.sleep(0.1)  # what was accepted a moment ago becomes a connection
        while state.connections and time.monotonic() < until:
            await asyncio.sleep(0.05)
        await super().shutdown(sockets)


def answer_requests(listener: socket.socket) -> None:
    """Be a worker: answer what arrives on `listener` until SIGTERM, then finish and return."""
    log_to_stderr()  # before libraries are imported, which warn of one another
    from serving.service import application

    config = uvicorn.Config(
        application(),
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="on",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )
    DrainingServer(config).run(sockets=[listener])
