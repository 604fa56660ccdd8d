"""The lender's OpenID provider as it describes itself, and what its tokens say: nothing of one is believed unchecked.

Its documents are read when they are needed, and its keys again when a token names one that is not known.
"""

import threading
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from serving.staff.openid import OpenId, is_safe, on_this_machine
from serving.staff.reception import NotSignedIn

ALGORITHMS = ("RS256", "ES256")
LEEWAY_SECONDS = 30
TIMEOUT = 2.0
KNOWN_SECONDS = 3600.0  # how long the provider's documents are believed
AGAIN_SECONDS = 5.0  # how often its keys are read again at most, whatever tokens name


class ProviderUnavailable(RuntimeError):
    """The provider does not answer, or not as OpenID Connect Discovery says."""


class Issuer:
    """The provider; every method blocks and may be called from any thread."""

    def __init__(self, openid: OpenId) -> None:
        self.openid = openid
        self._lock = threading.Lock()
        self._metadata: tuple[float, dict[str, Any]] = (float("-inf"), {})
        self._keys: tuple[float, dict[str, Any]] = (float("-inf"), {})

    def address(self, state: str, nonce: str, verifier: str) -> str:
        """Where a browser goes to sign in."""
        with self._session() as session:
            url, _ = session.create_authorization_url(
                self._discovered()["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
            )
        return str(url)

    def claims(self, code: str, verifier: str, nonce: str, at: datetime) -> Mapping[str, Any]:
        """What the provider says of whom it sent back with a code; every claim that matters is checked."""
        return self._checked(self._exchanged(code, verifier), nonce, at)

    def _exchanged(self, code: str, verifier: str) -> dict[str, Any]:
        from authlib.integrations.base_client.errors import OAuthError
        from requests import RequestException

        endpoint = self._discovered()["token_endpoint"]
        try:
            with self._session() as session:
                token = session.fetch_token(
                    endpoint, code=code, code_verifier=verifier, grant_type="authorization_code", timeout=TIMEOUT
                )
        except OAuthError:
            raise NotSignedIn("the provider does not take this code; begin again") from None
        except (RequestException, ValueError) as error:
            raise ProviderUnavailable(f"the provider gave no token: {type(error).__name__}") from None
        return dict(token)

    def _checked(self, token: dict[str, Any], nonce: str, at: datetime) -> Mapping[str, Any]:
        """The claims of an identity token, every one that matters checked."""
        from authlib.oidc.core import CodeIDToken
        from joserfc.errors import JoseError

        openid = self.openid
        expected = {
            "iss": {"essential": True, "value": self._discovered()["issuer"]},
            "aud": {"essential": True, "value": openid.client},
        }
        params = {"nonce": nonce, "client_id": openid.client, "access_token": token.get("access_token")}
        try:
            found = self._verified(str(token.get("id_token", "")))
            claims: Mapping[str, Any] = CodeIDToken(found.claims, found.header, expected, params)
            claims.validate(int(at.timestamp()), LEEWAY_SECONDS)  # type: ignore[attr-defined]
        except (JoseError, ValueError, TypeError) as error:
            raise NotSignedIn(f"the provider's token is not to be trusted: {type(error).__name__}") from None
        if not claims["sub"] or len(str(claims["sub"])) > 255:
            raise NotSignedIn("the provider's token names nobody")
        return claims

    def _verified(self, token: str) -> Any:
        from joserfc import jwt
        from joserfc.errors import InvalidKeyIdError
        from joserfc.jwk import KeySet

        try:
            return jwt.decode(token, KeySet.import_key_set(self._key_set()), list(ALGORITHMS))  # type: ignore[arg-type]
        except InvalidKeyIdError:
            keys = KeySet.import_key_set(self._key_set(again=True))  # type: ignore[arg-type]
            return jwt.decode(token, keys, list(ALGORITHMS))

    def _discovered(self) -> dict[str, Any]:
        issuer = self.openid.issuer
        with self._lock:
            looked, found = self._metadata
            if time.monotonic() - looked > KNOWN_SECONDS:
                found = self._read(f"{issuer}/.well-known/openid-configuration")
                ends = ("authorization_endpoint", "token_endpoint", "jwks_uri")
                if str(found.get("issuer", "")).rstrip("/") != issuer or not all(
                    is_safe(str(found.get(end, ""))) for end in ends
                ):
                    raise ProviderUnavailable(f"{issuer} describes another provider, or endpoints that are not safe")
                self._metadata = (time.monotonic(), found)
            return found

    def _key_set(self, *, again: bool = False) -> dict[str, Any]:
        place = self._discovered()["jwks_uri"]
        with self._lock:
            looked, found = self._keys
            if time.monotonic() - looked > (AGAIN_SECONDS if again else KNOWN_SECONDS):
                found = self._read(place)
                self._keys = (time.monotonic(), found)
            return found

    def _read(self, url: str) -> dict[str, Any]:
        from requests import RequestException

        try:
            with self._session() as session:
                answer = session.get(url, withhold_token=True, timeout=TIMEOUT, allow_redirects=False)
                answer.raise_for_status()
                found = answer.json()
        except (RequestException, ValueError) as error:
            raise ProviderUnavailable(f"{url}: cannot be read: {type(error).__name__}") from None
        if not isinstance(found, dict):
            raise ProviderUnavailable(f"{url}: found no JSON object")
        return found

    def _session(self) -> Any:
        from authlib.integrations.requests_client import OAuth2Session

        openid = self.openid
        scope, pkce = "openid profile email", "S256"
        session = OAuth2Session(
            openid.client, openid.secret, scope=scope, redirect_uri=openid.redirect, code_challenge_method=pkce
        )
        session.trust_env = not on_this_machine(openid.issuer)  # no proxy stands before one's own machine
        return session
