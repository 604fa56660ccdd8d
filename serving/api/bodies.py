"""Bodies of requests: JSON in UTF-8 with every field once, read into a checked document or refused by field."""

import json
from collections.abc import Sequence
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from serving.api.problems import Problem, invalid, shown_name

Model = TypeVar("Model", bound=BaseModel)


def read_json(body: bytes) -> Any:
    """The JSON value of a body; a `Problem` for one that is not JSON, nested too deeply, or has a field twice."""
    try:
        found = orjson.loads(body)
        fields = _fields(found)
    except ValueError:
        return _read_slowly(body)  # which tells NaN, that a field is at fault for, from what is not JSON at all
    except RecursionError:
        raise _unreadable() from None  # orjson goes deeper than Python does
    # Every field has a colon of its own: with no more of them than there are fields, none was given twice.
    return found if body.count(b":") == fields else _read_slowly(body)


def checked(model: type[Model], document: Any, at: Sequence[str] = ()) -> Model:
    """The document as a `model`, or a `Problem` that names its fields; `at`: where in the body it stands."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise invalid([{**fault, "loc": ("body", *at, *fault["loc"])} for fault in found]) from None


def _fields(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(_fields(one) for one in value.values() if isinstance(one, dict | list))
    if isinstance(value, list):
        return sum(_fields(one) for one in value if isinstance(one, dict | list))
    return 0


def _read_slowly(body: bytes) -> Any:
    twice: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            seen: set[str] = set()
            twice.extend(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        return fields

    try:
        found = json.loads(body.decode(), object_pairs_hook=note)
    except (ValueError, RecursionError):
        raise _unreadable() from None
    if twice:
        # Two readers of such a body may each see another value: which one was meant cannot be known.
        raise Problem(422, "a field is given more than once; expected once", at=("body", shown_name(twice[0])))
    return found


def _unreadable() -> Problem:
    return Problem(400, "the body is not JSON in UTF-8, or is nested too deeply; expected one JSON object")
