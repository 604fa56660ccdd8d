"""Passwords of local accounts: argon2id hashes, with the cost that RFC 9106 recommends where memory is dear."""

import os
import unicodedata
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 128


class BadPassword(ValueError):
    """A password cannot be used; what it is, the message does not say."""


class Passwords:
    """Makes and checks hashes; each takes a good part of a tenth of a second, and 64 MiB."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()

    def make(self, name: str, password: str) -> str:
        """The hash of a new password of `name`, or `BadPassword`."""
        if not SHORTEST <= len(password) <= LONGEST or not password.isprintable():
            raise BadPassword(
                f"password: found {len(password)} characters; expected {SHORTEST} to {LONGEST} printable ones"
            )
        if name in password.lower() or len(set(password)) < 5:
            raise BadPassword("password: it holds the name, or the same few characters; expected one hard to guess")
        return self._hasher.hash(_normal(password))

    def fits(self, stored: str | None, password: str) -> bool:
        """Whether the password is the stored one; None, that of nobody, takes the same time."""
        try:
            self._hasher.verify(stored or self._of_nobody, _normal(password[: LONGEST + 1]))
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None

    @cached_property
    def _of_nobody(self) -> str:
        return self._hasher.hash(os.urandom(16).hex())


def _normal(password: str) -> bytes:
    # Two keyboards may send another sequence of characters for what looks the same.
    return unicodedata.normalize("NFKC", password).encode(errors="surrogatepass")
