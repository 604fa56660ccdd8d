"""Sessions of staff: signed tokens that say who signed in and until when; what they may do is looked up each time."""

import hmac
from datetime import datetime, timedelta

import jwt

from serving.staff.member import Member

LIFE_SECONDS = 3600
_AUDIENCE = "lendloop staff"
_HEAD = ["exp", "iat", "sub", "gen", "aud"]


def make_session(secret: bytes, member: Member, at: datetime) -> str:
    """A token for who has just signed in."""
    end = at + timedelta(seconds=LIFE_SECONDS)
    claims = {"sub": member.name, "gen": member.generation, "iat": at, "exp": end, "aud": _AUDIENCE}
    return jwt.encode(claims, _signing(secret), "HS256")


def read_session(secret: bytes, token: str, at: datetime) -> tuple[str, int] | None:
    """Name and generation of whom a token stands for; None: it is not ours, not of staff, or over."""
    # The time is the caller's, so it is compared here.
    options = {"require": _HEAD, "verify_exp": False, "verify_iat": False}
    try:
        claims = jwt.decode(token, _signing(secret), ["HS256"], options, audience=_AUDIENCE)  # type: ignore[arg-type]
    except jwt.InvalidTokenError:
        return None
    if not isinstance(claims["exp"], int) or claims["exp"] <= at.timestamp():
        return None
    return str(claims["sub"]), int(claims["gen"])


def _signing(secret: bytes) -> bytes:
    """A key of its own: what signs a partner's token opens nothing here."""
    return hmac.digest(secret, b"staff sessions", "sha256")
