"""OAuth 2 client credentials (RFC 6749 §4.4): a partner's key against a token that is open for ten minutes."""

import base64
import binascii
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from serving.api.gate import present
from serving.api.limits import TOKENS
from serving.api.problems import Problem, documented
from serving.clerk import Clerk
from serving.desk import now
from serving.partners.directory import DirectoryUnavailable
from serving.partners.tokens import LIFE_SECONDS

_FIELD = {"type": "string", "maxLength": 512}
_FORM = {
    "type": "object",
    "required": ["grant_type"],
    "properties": {
        "grant_type": {"type": "string", "enum": ["client_credentials"]},
        "client_id": {**_FIELD, "description": "the partner's name; or both in the header, as Basic"},
        "client_secret": {**_FIELD, "description": "the partner's key"},
        "scope": {**_FIELD, "description": "some of the partner's scopes, with blanks between; none: all of them"},
    },
    "additionalProperties": {"type": "string"},  # what is unknown is ignored (RFC 6749 §3.2), but is given once
}


class TokenAnswer(BaseModel):
    """A token to be sent as `Authorization: Bearer …`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"access_token": "eyJ…", "token_type": "Bearer", "expires_in": 600, "scope": "decide read"}]
        }
    )

    access_token: str
    token_type: str = "Bearer"
    expires_in: int = Field(LIFE_SECONDS, description="seconds")
    scope: str


class TokenRefusal(BaseModel):
    """Why there is no token, after RFC 6749 §5.2."""

    error: str
    error_description: str


def add_tokens(app: FastAPI, clerk: Callable[[], Clerk | None]) -> None:
    """Add the route that gives tokens."""
    form = {"requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": _FORM}}}}
    refusals: dict[int | str, dict[str, Any]] = {status: {"model": TokenRefusal} for status in (400, 401, 429)}

    @app.post(
        TOKENS,
        response_model=TokenAnswer,
        responses={**documented(405, 408, 413, 415, 500, 503), **refusals},
        tags=["v1"],
        openapi_extra=form,
    )
    async def token(request: Request) -> Response:
        """Give a token for a partner's key."""
        worker = present(clerk())
        try:
            fields = {name: found for name, (found,) in parse_qs((await request.body()).decode()).items()}
        except ValueError:  # not UTF-8, or a field twice
            return _refused(400, "invalid_request", "expected a form with every field once")
        if fields.get("grant_type") != "client_credentials":
            return _refused(400, "unsupported_grant_type", "expected grant_type=client_credentials")
        name, key = _client(request, fields)
        try:
            partner = await worker.directory.partner(key, now())
        except DirectoryUnavailable:
            why = "it cannot be looked up whose key this is; try again"
            raise Problem(503, why, headers={"retry-after": "1"}) from None
        if partner is None or partner.name != name or "." in key:
            return _refused(401, "invalid_client", "expected a partner's name and its key")
        wanted = frozenset(fields["scope"].split()) if fields.get("scope") else frozenset(partner.scopes)
        if not wanted <= partner.scopes:
            return _refused(400, "invalid_scope", "expected scopes that the partner has")
        if (wait := await worker.limits.quotas.take(partner, time.time())) is not None:
            return _refused(429, "slow_down", f"more than {partner.quota} requests", {"retry-after": str(wait)})
        made = TokenAnswer(access_token=worker.directory.token(key, wanted, now()), scope=" ".join(sorted(wanted)))
        return JSONResponse(made.model_dump(), headers={"cache-control": "no-store"})


def _client(request: Request, fields: dict[str, str]) -> tuple[str, str]:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return fields.get("client_id", ""), fields.get("client_secret", "")
    try:
        name, _, key = base64.b64decode(given.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return unquote_plus(name), unquote_plus(key)


def _refused(status: int, error: str, why: str, headers: dict[str, str] | None = None) -> Response:
    more = {"www-authenticate": "Basic"} if status == 401 else {}
    document = TokenRefusal(error=error, error_description=why).model_dump()
    return JSONResponse(document, status, {"cache-control": "no-store", **more, **(headers or {})})
