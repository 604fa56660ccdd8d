"""Keys of partners: `ll_<id>_<secret>`, of which only a keyed hash is stored."""

import hashlib
import hmac
import os
import re
from pathlib import Path

from infra.files import name_first, private_draft
from serving.log.keyed import keyed_digest

SECRET_BYTES = 32
_KEY = re.compile(r"ll_([a-z0-9]{8,32})_([0-9a-f]{64})")


class BadServerSecret(ValueError):
    """The server's secret is too short to keep keys by."""


def make_key() -> str:
    """A new key, from the operating system's randomness."""
    return f"ll_{os.urandom(6).hex()}_{os.urandom(SECRET_BYTES).hex()}"


def own_key(secret: bytes, name: str) -> str:
    """The key by which the platform itself calls as `name`: made of the server's secret, so that none is on disk."""
    name_tag = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"ll_{name_tag}_{hmac.digest(secret, b'own key' + name.encode(), 'sha256').hex()}"


def key_id(key: str) -> str | None:
    """The public part of a key; None: this is no key."""
    found = _KEY.fullmatch(key)
    return found[1] if found else None


def keyed_hash(secret: bytes, key: str) -> str:
    """What is stored of a key: HMAC-SHA-256 under the server's secret; the key has 256 bits, so no slow hash is due."""
    return keyed_digest(secret, key.encode()).hex()


def server_secret(given: str, file: Path, variable: str = "LENDLOOP_PARTNER_SECRET") -> bytes:
    """The secret that was given as hexadecimal digits, or else the one in `file`, made on first use (mode 0600)."""
    if not given and not file.exists():
        _make(file)
    text = given or file.read_text().strip()
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) < SECRET_BYTES:
        where = variable if given else str(file)
        raise BadServerSecret(f"{where}: expected at least {2 * SECRET_BYTES} hexadecimal digits, found no such secret")
    return secret


def _make(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # Of two processes that start together, one secret wins for both.
    name_first(private_draft(file, os.urandom(SECRET_BYTES).hex() + "\n"), file)
