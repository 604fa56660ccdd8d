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
        "schema": {"type": "string", "minLength": 1, "maxLength": longest, "pattern": KEY_PATTERN},
    }


def body_of(body: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """OpenAPI's body of a route that reads its own."""
    schema = {"$ref": _REF.format(model=body.__name__)}
    return {"required": required, "content": {"application/json": {"schema": schema}}}


def describe(app: FastAPI) -> None:
    """Complete the application's OpenAPI document by what FastAPI does not see."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            _, schema = models_json_schema([(model, "validation") for model in _READ], ref_template=_REF)
            components = plain()["components"]
            components["schemas"] = {**schema["$defs"], **components["schemas"]}
            components["securitySchemes"] = {BEARER: SCHEME, SESSION: SESSION_SCHEME}
        return plain()

    app.openapi = openapi  # type: ignore[method-assign]
