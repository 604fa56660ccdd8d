"""HMAC-SHA-256 of a short text, as RFC 2104 defines it, without letting go of the interpreter.

`hmac.digest` lets other threads in, however short the text is, and may wait until they are done: beside threads that
read features and commit, that costs a request far more than the digest does. A test holds the two together.
"""

from hashlib import sha256

BLOCK_BYTES = 64
_INNER = bytes(value ^ 0x36 for value in range(256))
_OUTER = bytes(value ^ 0x5C for value in range(256))


def keyed_digest(key: bytes, text: bytes) -> bytes:
    """HMAC-SHA-256 of `text` under `key`."""
    padded = (key if len(key) <= BLOCK_BYTES else sha256(key).digest()).ljust(BLOCK_BYTES, b"\0")
    return sha256(padded.translate(_OUTER) + sha256(padded.translate(_INNER) + text).digest()).digest()
