"""How numbers and truth values are written in a configuration file, so that none is taken for another.

YAML 1.1, PyYAML's, reads `no` as false, `0360000` as octal and `1:30` as ninety; what is read here is what YAML 1.2 and
whoever wrote it mean. Underscores within numbers stay.
"""

import re
from typing import Any

from pydantic_core import PydanticCustomError, core_schema

_TAG = "tag:yaml.org,2002:"
_WHOLE = r"(?:0|[1-9][0-9_]*)"
_POWER = r"(?:[eE][-+]?[0-9]+)"
RESOLVERS: tuple[tuple[str, str, str], ...] = (
    (f"{_TAG}bool", "tTfF", "true|True|TRUE|false|False|FALSE"),
    (f"{_TAG}int", "-+0123456789", rf"[-+]?{_WHOLE}"),
    (
        f"{_TAG}float",
        "-+.0123456789",
        rf"[-+]?(?:{_WHOLE}?\.[0-9][0-9_]*{_POWER}?|{_WHOLE}\.?{_POWER}|{_WHOLE}\.|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)",
    ),
)
"""What a plain scalar is taken for: the tag, the characters it may begin with, and the whole of it."""

EXPECTED = "Input should be a number, written without quotes or leading zeros; a truth value is none"
_WHOLE_OR_NOT = ("int", "float")
_NO_SCHEMAS = ("default", "metadata", "serialization")  # parts of a schema that hold values, or how they are written


def resolvers(known: dict[str, list[tuple[str, Any]]]) -> dict[str, list[tuple[str, Any]]]:
    """The implicit resolvers of a loader with these numbers and truth values in the place of its own."""
    ours = {tag for tag, _, _ in RESOLVERS}
    found = {first: [one for one in listed if one[0] not in ours] for first, listed in known.items()}
    for tag, firsts, pattern in RESOLVERS:
        for first in firsts:
            found.setdefault(first, []).append((tag, re.compile(rf"(?:{pattern})\Z")))
    return found


def only_numbers(schema: Any) -> None:
    """Have every number of a model's schema refuse truth values and text, which pydantic would make numbers of."""
    if isinstance(schema, list | tuple):
        for part in schema:
            only_numbers(part)
    elif isinstance(schema, dict):
        if _is_number(schema):
            inner = dict(schema)
            schema.clear()
            schema.update(core_schema.no_info_before_validator_function(_number, inner))
        elif schema.get("type") != "function-before" or schema["function"].get("function") is not _number:
            for key, part in schema.items():
                if key not in _NO_SCHEMAS:
                    only_numbers(part)


def _is_number(schema: dict[str, Any]) -> bool:
    if schema.get("type") == "literal":
        return all(type(value) is int for value in schema["expected"])
    return schema.get("type") in _WHOLE_OR_NOT


def _number(value: object) -> object:
    if isinstance(value, bool | str):
        raise PydanticCustomError("no_number", EXPECTED)
    return value
