"""What the OpenAPI document says of routes that read their own requests."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from serving.api.batches import KEY_PATTERN, DecisionsRequest, PropensitiesRequest
from serving.api.gate import BEARER, SCHEME, SECURED, SESSION, SESSION_SCHEME
from serving.api.problems import ProblemDocument
from serving.api.review_schemas import ConfirmRequest, RefusalRequest, RulingRequest
from serving.api.schemas import DecisionRequest, PropensityRequest
from serving.api.staff import LoginRequest
from serving.api.times import SAID

DESCRIPTION = """\
Decides applications for credit, and whom a campaign may contact, at once and with reasons; every answer is in a log
before it is given, and can be read and explained again.

Send the key that the lender gave you as `Authorization: Bearer …`. `GET /v1/partners/me` says what it opens,
`POST /v1/portfolios/{portfolio}/decisions` decides on one application, `…/decisions:batch` on up to 1,000. Send an
`Idempotency-Key` of your own with each. After a time-out or a 503, ask again with the same: it gets the first answer.

Errors are problem documents (RFC 9457) that name the field at fault. 429 and 503 come with `Retry-After`, in seconds.
A body has at most 16 KiB, that of a batch 2 MiB, headers 16 KiB; times are RFC 3339 with a zone.
"""
_REF = "#/components/schemas/{model}"
_READ = (
    DecisionRequest,
    PropensityRequest,
    DecisionsRequest,
    PropensitiesRequest,
    LoginRequest,
    RulingRequest,
    ConfirmRequest,
    RefusalRequest,
    ProblemDocument,
)
_PORTFOLIO = {
    "name": "portfolio",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$", "maxLength": 63, "examples": ["taiwan_cards"]},
}
TIME = {
    "name": "Lendloop-Decision-Time",
    "in": "header",
    "description": f"{SAID}; only where the service replays historic months",
    "schema": {"type": "string", "format": "date-time", "examples": ["2005-09-30T12:00:00Z"]},
}


def described(body: type[BaseModel], longest_key: int) -> dict[str, Any]:
    """OpenAPI's parameters and body of a route that decides."""
    return {
        **SECURED,
        "parameters": [_PORTFOLIO, key_parameter(longest_key), TIME],
        "requestBody": body_of(body),
    }


def key_parameter(longest: int) -> dict[str, Any]:
    """OpenAPI's parameter of a key for asking again."""
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "a key of your own: the same request with the same key gets the first answer again",
        "schema": {
            "type": "string",
            "minLength": 1,
            "maxLength": longest,
            "pattern": KEY_PATTERN,
            "examples": ["order-4711"],
        },
    }


def body_of(body: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """OpenAPI's body of a route that reads its own."""
    schema = {"$ref": _REF.format(model=body.__name__)}
    return {"required": required, "content": {"application/json": {"schema": schema}}}


def describe(app: FastAPI, body_bytes: int, batch_bytes: int) -> None:
    """Complete the application's OpenAPI document by what FastAPI does not see, such as how large bodies may be."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _, schema = models_json_schema([(model, "validation") for model in _READ], ref_template=_REF)
            document = plain()
            _limit(document["paths"], body_bytes, batch_bytes)
            components = document["components"]
            components["schemas"] = {**schema["$defs"], **components["schemas"]}
            components["securitySchemes"] = {BEARER: SCHEME, SESSION: SESSION_SCHEME}
        return plain()

    app.openapi = openapi  # type: ignore[method-assign]


def _limit(paths: dict[str, Any], body_bytes: int, batch_bytes: int) -> None:
    for path, methods in paths.items():
        most = batch_bytes if path.endswith(":batch") else body_bytes
        for operation in methods.values():
            if "requestBody" in operation:
                operation["requestBody"]["description"] = f"at most {most:,} bytes"
                operation["responses"]["413"]["description"] += f": the body is larger than {most:,} bytes"
