"""Errors of the API as RFC 9457 problem documents that name the field; nothing a caller sent is echoed."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from serving.api.last_resort import LastResort
from serving.api.problem_examples import EXAMPLES

MEDIA_TYPE = "application/problem+json"
LONGEST_NAME = 128

_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}
_OBJECTS = ("model_type", "model_attributes_type", "dict_type")
_PROBLEM = {"$ref": "#/components/schemas/ProblemDocument"}

_HEADERS = {
    "Retry-After": {"description": "seconds to wait before asking again", "schema": {"type": "string"}},
    "RateLimit": {"description": "what is left of the quota, and when it begins anew", "schema": {"type": "string"}},
    "RateLimit-Policy": {"description": "the quota", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "how to authenticate", "schema": {"type": "string"}},
    "Allow": {"description": "methods that there are", "schema": {"type": "string"}},
}
_HEADERS_OF = {
    401: ("WWW-Authenticate",),
    405: ("Allow",),
    429: ("Retry-After", "RateLimit", "RateLimit-Policy"),
    503: ("Retry-After",),
}


class FieldFault(BaseModel):
    """One thing wrong with a request."""

    field: str = Field(description="the field, as a path in the place named by `location`")
    location: str = Field(description="body, path, query or header")
    message: str = Field(description="what was expected")


class ProblemDocument(BaseModel):
    """An error, after RFC 9457."""

    model_config = ConfigDict(json_schema_extra={"examples": [{
        "type": "about:blank", "title": "Unprocessable Content", "status": 422,
        "detail": "body.amount: Input should be greater than 0",
        "errors": [{"field": "amount", "location": "body", "message": "Input should be greater than 0"}],
    }]})  # fmt: skip

    type: str = "about:blank"
    title: str = Field(description="the status in words")
    status: int
    detail: str = Field(description="what was found and what was expected")
    errors: list[FieldFault] = Field(default=[], description="the fields at fault, where the fault is in a field")


class Problem(Exception):
    """Raised by a route: answered as a problem document."""

    def __init__(
        self, status: int, detail: str, *, at: tuple[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        """`at`: (location, field) of the fault, where one field has it."""
        super().__init__(detail)
        faults = [FieldFault(location=at[0], field=at[1], message=detail)] if at else []
        self._set(_document(status, detail, faults), headers)

    @classmethod
    def of_fields(cls, faults: Sequence[FieldFault]) -> "Problem":
        """The problem of a request with these faults."""
        detail = "; ".join(f"{fault.location}.{fault.field}: {fault.message}" for fault in faults)
        made = cls(422, detail)
        made._set(_document(422, detail, faults))
        return made

    @property
    def response(self) -> Response:
        """The answer to a request that has the problem."""
        return _response(self.document, self._headers)

    def of_item(self, place: int) -> "Problem":
        """The same as the problem of one item of a batch, whose headers are fields of its own."""
        names = {"Idempotency-Key": "idempotency_key"}
        faults = [
            FieldFault(
                location="body", field=f"items.{place}.{names.get(fault.field, fault.field)}", message=fault.message
            )
            for fault in self.document.errors
        ]
        self._set(self.document.model_copy(update={"errors": faults}), self._headers)
        return self

    def _set(self, document: ProblemDocument, headers: Mapping[str, str] | None = None) -> None:
        self.document, self._headers = document, headers


def problem_response(
    status: int, detail: str, errors: Sequence[FieldFault] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """The answer for an error."""
    return _response(_document(status, detail, errors), headers)


def _document(status: int, detail: str, errors: Sequence[FieldFault]) -> ProblemDocument:
    return ProblemDocument(title=title(status), status=status, detail=detail, errors=list(errors))


def _response(document: ProblemDocument, headers: Mapping[str, str] | None) -> Response:
    content = document.model_dump_json(exclude=None if document.errors else {"errors"})
    return Response(content, document.status, dict(headers or {}), media_type=MEDIA_TYPE)


def title(status: int) -> str:
    """The status in words, as RFC 9110 has them: Python's may be older."""
    return _TITLES.get(status) or HTTPStatus(status).phrase


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` for the problems a route can answer."""
    return {
        status: {
            "description": title(status),
            "content": {MEDIA_TYPE: {"schema": _PROBLEM, "example": example(status)}},
            "headers": {name: _HEADERS[name] for name in _HEADERS_OF.get(status, ())},
        }
        for status in statuses
    }


def example(status: int) -> dict[str, Any]:
    """The document of a problem of that status."""
    detail = EXAMPLES[status]
    faults = [FieldFault(field="amount", location="body", message=detail)] if status == 422 else []
    document = _document(status, f"body.amount: {detail}" if faults else detail, faults)
    return document.model_dump(exclude=None if faults else {"errors"})


def handle_problems(app: FastAPI) -> None:
    """Answer every error of `app` as a problem document."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    # Not a handler of `Exception`: Starlette raises again what such a one has answered, and the server writes it down.
    app.add_middleware(LastResort, answer=failed)


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(fault["type"] == "json_invalid" for fault in found):
        return problem_response(400, "the body is not valid JSON; expected one JSON object")
    return invalid(found).response


def invalid(found: Sequence[Mapping[str, Any]]) -> Problem:
    """The problem of what pydantic found; each `loc` begins with body, path, query or header."""
    return Problem.of_fields(_by_field([_fault(fault) for fault in found]))


def _by_field(faults: Sequence[FieldFault]) -> list[FieldFault]:
    """One fault for each field: every variant of a union brings one of its own."""
    messages: dict[tuple[str, str], list[str]] = {}
    for fault in faults:
        messages.setdefault((fault.location, fault.field), []).append(fault.message)
    return [FieldFault(location=key[0], field=key[1], message=" or: ".join(found)) for key, found in messages.items()]


def _fault(fault: Mapping[str, Any]) -> FieldFault:
    location, *path = (str(part) for part in fault["loc"])
    # The tag of a union's variant is pydantic's, not the caller's: it is no part of the field's name.
    names = [part for part in path if not part.startswith(("constrained-", "function-")) and part not in ("int", "str")]
    # Pydantic names the class that it would have made of an object.
    message = "Input should be an object" if fault["type"] in _OBJECTS else fault["msg"]
    return FieldFault(field=shown_name(".".join(names)) or "(whole body)", location=location, message=message)


def shown_name(name: str) -> str:
    """A caller's name of a field, as an answer can hold it: short, and no lone surrogates."""
    return name[:LONGEST_NAME].encode(errors="replace").decode()


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    # Neither path nor method is repeated: a wrong path may hold a person's id as well as a right one.
    detail = {
        404: "no such resource; GET /openapi.json lists what there is",
        405: "the path has not this method; see the Allow header",
    }.get(error.status_code, str(error.detail))
    headers = {"allow": _allowed(request)} if error.status_code == 405 else error.headers
    return problem_response(error.status_code, detail, headers=headers)


def _allowed(request: Request) -> str:
    """The methods of a path, which may have several routes: Starlette names those of the first."""
    routes = [
        route
        for route in request.app.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
    ]
    return ", ".join(sorted({method for route in routes for method in route.methods or ()}))


def failed() -> Response:
    """The answer to a request at which the service itself failed."""
    return problem_response(500, "the service failed; nothing was decided, and a retry is safe")
