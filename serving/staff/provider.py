"""Staff sign in at the lender's own OpenID provider: authorization code flow with PKCE, state and nonce.

What the browser must bring back stands in a cookie that only this service can read and make: no worker has to remember
anything.
"""

import base64
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from serving.staff.identity import Issuer
from serving.staff.member import BadStaff, Member, Role, make_member
from serving.staff.openid import OpenId
from serving.staff.reception import NotSignedIn, Reception, SignedIn

COOKIE_SECONDS = 600  # in which somebody has signed in at the provider


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes to sign in, and the cookie that it must bring back."""

    url: str
    cookie: str


class Provider:
    """The way in by the lender's provider; every method blocks and may be called from any thread."""

    def __init__(self, openid: OpenId, reception: Reception, secret: bytes) -> None:
        self.openid, self._reception, self._issuer = openid, reception, Issuer(openid)
        key = hmac.digest(secret, b"openid cookie", "sha256")
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    @property
    def secure(self) -> bool:
        """Whether the cookie may only travel over https."""
        return self.openid.redirect.startswith("https://")

    def begin(self, at: datetime) -> Begun:
        """Send somebody to the provider; or `ProviderUnavailable`."""
        made = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
        url = self._issuer.address(**made)
        return Begun(url, self._fernet.encrypt_at_time(json.dumps(made).encode(), int(at.timestamp())).decode())

    def finish(self, cookie: str, state: str, code: str, at: datetime) -> SignedIn:
        """Let in whom the provider sent back; `NotSignedIn` or `ProviderUnavailable`."""
        made = self._opened(cookie, at)
        if not hmac.compare_digest(made["state"].encode(), state.encode()):
            raise NotSignedIn("this is not the answer to what was asked in this browser; begin again")
        return self._admit(self._issuer.claims(code, made["verifier"], made["nonce"], at), at)

    def _admit(self, claims: Mapping[str, Any], at: datetime) -> SignedIn:
        book, subject = self._reception.book, str(claims["sub"])
        roles = self._roles(claims)
        if not roles:
            raise NotSignedIn(f"your provider gives you no role here, by the claim {self.openid.claim!r}")
        known = book.find_subject(self.openid.issuer, subject)
        try:
            if known is None:
                known = self._new(claims, roles)
                book.add(known, by=self.openid.issuer, at=at, identity=(self.openid.issuer, subject))
            elif known.roles != roles:
                known = Member(known.name, roles, known.portfolios)
                book.change(known, by=self.openid.issuer, at=at)
        except BadStaff as error:
            raise NotSignedIn(f"you cannot be on the staff here: {error}") from None
        return self._reception.admit(known.name, "openid", at)

    def _new(self, claims: Mapping[str, Any], roles: frozenset[Role]) -> Member:
        if self._reception.book.has_subject(self.openid.issuer, str(claims["sub"])):
            raise BadStaff("your account was ended")
        name = str(claims.get(self.openid.name) or "").lower()
        return make_member(name, ",".join(sorted(roles)), self.openid.portfolios)

    def _roles(self, claims: Mapping[str, Any]) -> frozenset[Role]:
        given = claims.get(self.openid.claim)
        values = [given] if isinstance(given, str) else given if isinstance(given, list) else []
        return frozenset(role for value in values for role in self.openid.roles.get(str(value), ()))

    def _opened(self, cookie: str, at: datetime) -> dict[str, str]:
        try:
            found: dict[str, str] = json.loads(
                self._fernet.decrypt_at_time(cookie.encode(), COOKIE_SECONDS, int(at.timestamp()))
            )
        except (InvalidToken, UnicodeError):
            raise NotSignedIn("this browser did not begin to sign in here, or too long ago; begin again") from None
        return found
