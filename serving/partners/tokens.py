"""Short-lived tokens in place of a key (OAuth 2, RFC 6749 §4.4): signed by the server, open no longer than the key."""

import hmac
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import jwt

from serving.partners.partner import SCOPES, Partner

LIFE_SECONDS = 600
_AUDIENCE = "lendloop"
_HEAD = ["exp", "iat", "sub", "scope", "aud"]


def looks_like_token(text: str) -> bool:
    """Whether this may be a token; no key has a dot."""
    return text.count(".") == 2


def make_token(secret: bytes, key: str, scopes: Iterable[str], at: datetime) -> str:
    """A token for who has the key of this public part, for these scopes."""
    end = at + timedelta(seconds=LIFE_SECONDS)
    claims = {"sub": key, "scope": " ".join(sorted(scopes)), "iat": at, "exp": end, "aud": _AUDIENCE}
    return jwt.encode(claims, _signing(secret), "HS256")


def read_token(secret: bytes, token: str, at: datetime) -> tuple[str, frozenset[str]] | None:
    """The public part of the key that a token stands for, and its scopes; None: it is not ours, or over."""
    # The time is the caller's, so it is compared here.
    options = {"require": _HEAD, "verify_exp": False, "verify_iat": False}
    try:
        claims = jwt.decode(token, _signing(secret), ["HS256"], options, audience=_AUDIENCE)  # type: ignore[arg-type]
    except jwt.InvalidTokenError:
        return None
    if not isinstance(claims["exp"], int) or claims["exp"] <= at.timestamp():
        return None
    return str(claims["sub"]), frozenset(str(claims["scope"]).split())


def narrowed(partner: Partner, scopes: frozenset[str]) -> Partner:
    """The partner with no more than these scopes."""
    return replace(partner, scopes=frozenset(scope for scope in SCOPES if scope in scopes & partner.scopes))


def _signing(secret: bytes) -> bytes:
    """A key of its own: what signs tokens hashes no key."""
    return hmac.digest(secret, b"tokens", "sha256")
