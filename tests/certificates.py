"""Certificates are read once: each `httpx.get` would read all of the system's, 34 ms of CPU, to ask over plain HTTP."""

import os
import ssl
from functools import cache
from typing import Any

import httpx._transports.default as transports

_READ_FROM = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_made = transports.create_ssl_context


@cache
def _shared(trust_env: bool, *_read_from: str | None) -> ssl.SSLContext:
    return _made(trust_env=trust_env)


def _context(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
    """What httpx makes; where nothing of its own is asked for, all clients share one of the same certificates."""
    if verify is not True or cert is not None:
        return _made(verify, cert, trust_env)
    return _shared(trust_env, *map(os.environ.get, _READ_FROM))


def read_once() -> None:
    """Have all clients of this process share what they verify servers by."""
    transports.create_ssl_context = _context  # type: ignore[attr-defined]
