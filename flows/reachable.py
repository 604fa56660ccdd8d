"""Whether the stores and servers in the settings answer, asked in a second or two and without their frameworks."""

import socket
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

Status = Literal["ok", "warn", "fail"]
SECONDS = 2.0
REDIS_PORT = 6379


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's: what was looked at, what was found, and what to do when it is not ok."""

    status: Status
    what: str
    found: str
    remedy: str = ""


def look_at(what: str, url: str, variable: str) -> Finding:
    """Ask the store at `url`, which environment variable `variable` sets."""
    scheme = urlsplit(url).scheme.partition("+")[0]
    ask = _ASK.get(scheme)
    if ask is None:
        expected = ", ".join(f"{one}://" for one in _ASK)
        return Finding("fail", what, f"cannot read the URL {masked(url)!r}", f"set {variable} to one of {expected}…")
    try:
        return Finding("ok", what, ask(url))
    except Exception as error:  # any driver's own kind of refusal is the finding
        return Finding("fail", what, f"{masked(url)}: {first_line(error)}", _remedy(scheme, variable))


def masked(url: str) -> str:
    """`url` without its password."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    return url.replace(f":{parts.password}@", ":***@")


def answers(url: str) -> bool:
    """Whether an HTTP GET of `url` gives 200."""
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def listens(host: str, port: int) -> bool:
    """Whether anything takes connections at this address."""
    try:
        with socket.create_connection((host, port), timeout=SECONDS):
            return True
    except OSError:
        return False


def _ask_sqlite(url: str) -> str:
    path = Path(unquote(urlsplit(url).path[1:]))
    if not path.exists():
        return f"{path}: not there yet; the first run makes it"
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=SECONDS)) as connection:
        tables = connection.execute("select count(*) from sqlite_master where type = 'table'").fetchone()[0]
    return f"{path}: {tables} tables, {path.stat().st_size / 2**20:,.1f} MiB"


def _ask_postgres(url: str) -> str:
    import psycopg

    plain = url.replace(f"{urlsplit(url).scheme}://", "postgresql://", 1)
    with psycopg.connect(plain, connect_timeout=int(SECONDS)) as connection:
        version = connection.info.server_version
    return f"{masked(url)}: Postgres {version // 10000}.{version % 10000}"


def _ask_redis(url: str) -> str:
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname or "localhost", parts.port or REDIS_PORT), timeout=SECONDS) as wire:
        if parts.password:
            user = [parts.username] if parts.username else []
            _redis_call(wire, "AUTH", *user, unquote(parts.password))
        _redis_call(wire, "PING")
    return f"{masked(url)}: answers"


def _redis_call(wire: socket.socket, *words: str) -> None:
    parts = b"".join(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words)
    wire.sendall(b"*%d\r\n%s" % (len(words), parts))
    reply = wire.recv(1024)
    if not reply.startswith(b"+"):
        raise ConnectionError(reply.decode(errors="replace").strip().lstrip("-") or "closed the connection")


def _ask_http(url: str) -> str:
    health = f"{url.rstrip('/')}/health"
    with urllib.request.urlopen(health, timeout=SECONDS) as answer:
        return f"{masked(url)}: answers {answer.status}"


_ASK: dict[str, Callable[[str], str]] = {
    "sqlite": _ask_sqlite,
    "postgresql": _ask_postgres,
    "redis": _ask_redis,
    "http": _ask_http,
    "https": _ask_http,
}


def _remedy(scheme: str, variable: str) -> str:
    if scheme == "sqlite":
        return "the file is damaged or not readable: restore it, or move it away and run again"
    return f"start the server, or correct {variable}, or unset it to use a file in LENDLOOP_HOME"


def first_line(error: Exception) -> str:
    """The first line of what an error says, or what it is."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
