"""The event loop's own connection to Redis: encrypted, given up when nobody asks, made again when it is needed."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import hiredis
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from redis.exceptions import ConnectionError as Gone

from features.store import line as module
from features.store.line import RedisLine
from tests.servers import RedisServer

pytestmark = pytest.mark.integration
PING = hiredis.pack_command(("PING",))


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of 127.0.0.1 with its key, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file = tmp_path / "server.pem"
    file.write_bytes(made.public_bytes(pem) + key.private_bytes(pem, private, serialization.NoEncryption()))
    return file


@asynccontextmanager
async def encrypted(server: RedisServer, certificate: Path) -> AsyncIterator[int]:
    """The port of a TLS server in front of Redis, which this Redis was built without."""

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except (ConnectionError, ssl.SSLError):
            pass  # ended by the other side
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside, out = await asyncio.open_connection("127.0.0.1", server.port)
        await asyncio.gather(pass_on(reader, out), pass_on(inside, writer))

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        await asyncio.sleep(0.05)


def test_redis_is_reached_over_tls_when_its_certificate_is_trusted(
    redis_server: RedisServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask() -> object:
        async with encrypted(redis_server, certificate) as port:
            line = RedisLine({"host": "127.0.0.1", "port": port, "db": "0", "ssl": True}, 1.0)
            try:
                return await line.ask(PING)
            finally:
                line.close()
                await asyncio.sleep(0.05)

    with pytest.raises(Gone, match="certificate verify failed"):
        asyncio.run(ask())
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert asyncio.run(ask()) == b"PONG"


def test_a_connection_that_nobody_asks_is_ended_and_made_again_when_somebody_does(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.05)

    async def work() -> None:
        line = RedisLine({"host": "127.0.0.1", "port": redis_server.port}, 1.0)
        for _ in range(2):
            assert await line.ask(PING) == b"PONG"
            connection = line._open
            assert connection is not None
            assert connection.usable(1.0)
            async with asyncio.timeout(5):
                while connection.usable(1.0):
                    await asyncio.sleep(0.01)
        line.close()
        await asyncio.sleep(0)

    asyncio.run(work())


def test_a_late_reply_that_is_there_when_the_loop_looks_again_ends_nothing(redis_server: RedisServer) -> None:
    async def work() -> None:
        line = RedisLine({"host": "127.0.0.1", "port": redis_server.port}, 0.01)
        await line.ask(PING)
        connection = line._open
        assert connection is not None
        asked = connection.send(PING)
        await asyncio.sleep(0)  # it is sent; then this process stalls, and the reply waits in the socket
        time.sleep(0.05)
        assert connection._is_overdue(0.01)
        assert connection.usable(0.01)
        assert await asked == b"PONG"
        await asyncio.sleep(5 * module.LOOK_SECONDS)
        assert line._open is connection
        assert connection.usable(0.01)
        line.close()
        await asyncio.sleep(0)

    asyncio.run(work())


def test_a_connection_lost_before_it_is_asked_fails_at_once(redis_server: RedisServer) -> None:
    """Between being made and being asked the loop may have seen its end: a future then would have no end."""

    async def work() -> None:
        line = RedisLine({"host": "127.0.0.1", "port": redis_server.port}, 1.0)
        await line.ask(PING)
        lost = line._open
        assert lost is not None
        lost.end()
        await asyncio.sleep(0.01)
        with pytest.raises(Gone, match="lost before it was asked"):
            async with asyncio.timeout(1):
                await lost.send(PING)
        assert not lost._waiting
        assert await line.ask(PING) == b"PONG"  # on a new connection
        line.close()
        await asyncio.sleep(0)

    asyncio.run(work())
