"""Read a YAML file into a frozen model; every error names file, line, key and what was expected."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from copy import deepcopy
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

import yaml
from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, PydanticCustomError

from features.written import only_numbers, resolvers

Key = tuple[str | int, ...]

DEEPEST = 5_000
"""Levels that libyaml's reader may be given: it calls itself at each, and at some 30,000 its stack is full."""


class Document(BaseModel):
    """Base of every configuration model: frozen, strict about unknown keys and about what a number is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        only_numbers(schema)
        return schema


AnyDocument = TypeVar("AnyDocument", bound=Document)


class DocumentError(ValueError):
    """A configuration file cannot be used; the message has a line `file:line: key: problem` for each fault."""


def misplaced(faults: Sequence[tuple[Key, str]]) -> PydanticCustomError:
    """What a validator of a whole document raises: each fault with the key it is about, so that its line is shown."""
    listed = [{"at": list(key), "problem": problem} for key, problem in faults]
    return PydanticCustomError("misplaced", "{first}", {"first": faults[0][1], "faults": listed})


def place(path: Path, key: Key) -> str:
    """`file:line: key` of a key of the document at `path`, for errors found after it was parsed."""
    _, lines = _loaded(path.read_text(encoding="utf-8"))
    return _place(key, lines, str(path))


def read_document(path: Path, model: type[AnyDocument], *, context: Any = None) -> AnyDocument:
    """Parse `path` into `model`, or raise `DocumentError` with every fault and its line.

    `context` reaches the model's validators as `info.context`: what another file holds that this one refers to.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DocumentError(f"{path}: no such file; expected the {model.__name__} of the portfolio") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DocumentError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    return parse_document(text, model, str(path), context=context)


def parse_document(text: str, model: type[AnyDocument], name: str, *, context: Any = None) -> AnyDocument:
    """Parse YAML `text` into `model`; `name` stands for the file in errors."""
    try:
        data, lines = _loaded(text)
        # A copy: a model may keep a list or a mapping of the data as it is, and the text is read again by others.
        data = deepcopy(data)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # What lacks at the end libyaml misses on the line after the last.
        line = min(mark.line, text.count("\n")) + 1 if mark else 1
        raise DocumentError(f"{name}:{line}: not valid YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # ValueError: a value that looks like a date and is none, such as 2005-13-45.
        raise DocumentError(f"{name}: not valid YAML: {error}") from error
    if not isinstance(data, dict):
        raise DocumentError(f"{name}:1: found {type(data).__name__}, expected a mapping of keys")
    try:
        return model.model_validate(data, context=context)
    except ValidationError as error:
        faults = [line for fault in error.errors(include_url=False) for line in _describe(fault, lines, name, model)]
        raise DocumentError("\n".join(faults)) from None


@lru_cache(maxsize=64)
def _loaded(text: str) -> tuple[Any, dict[Key, int]]:
    """The data of a YAML text and the line of every key; by its text, since each step of a flow opens its portfolio."""
    _check_depth(text)
    loader = _LineLoader(text)
    return loader.get_single_data(), loader.lines


def _check_depth(text: str) -> None:
    """Raise where a text is nested deeper than a process survives; Python's own bound is met first where it is not."""
    # A bracket opens one level, a column of a line two at most: of an ordinary file that is all there is to look at.
    if text.count("[") + text.count("{") + 2 * max(map(len, text.splitlines()), default=0) <= DEEPEST:
        return
    depth, events = 0, cast("Iterator[Any]", yaml.parse(text, Loader=yaml.CSafeLoader))
    for event in events:
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=event.start_mark)


def _describe(fault: Any, lines: dict[Key, int], name: str, model: type[Document]) -> list[str]:
    if fault["type"] == "misplaced":
        return [f"{_place(tuple(one['at']), lines, name)}: {one['problem']}" for one in fault["ctx"]["faults"]]
    if fault["type"] == "extra_forbidden":
        return [f"{_place(tuple(fault['loc']), lines, name)}: {_unknown(tuple(fault['loc']), model)}"]
    found = f"; found {fault['input']!r}" if not isinstance(fault["input"], dict | list) else ""
    return [f"{_place(tuple(fault['loc']), lines, name)}: {fault['msg']}{found}"]


def _unknown(where: Key, model: type[Document]) -> str:
    """What is said of a key that none of the models at its place has."""
    there: set[type[BaseModel]] = {model}
    for step in where[:-1]:
        # A step that is no field is a key of a mapping, a place in a list or the tag of a union's variant.
        fields = [each.model_fields[step] for each in there if isinstance(step, str) and step in each.model_fields]
        there = {found for field in fields for found in _models(field.annotation)} or there
    return "unknown key; " + expected_of(str(where[-1]), there)


def expected_of(name: str, models: Iterable[type[BaseModel]]) -> str:
    """What may stand where `name` does, which none of `models` has, and which of it was meant."""
    known = sorted({field.alias or name for each in models for name, field in each.model_fields.items()})
    near = get_close_matches(name, known, 1)
    return f"expected one of {', '.join(known)}" + (f"; did you mean {near[0]!r}?" if near else "")


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in a type, such as those that a mapping or a list holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _place(where: Key, lines: dict[Key, int], name: str) -> str:
    # pydantic adds the tag of a union's variant, which the file has not: the line is that of the nearest known key.
    known = where
    while known and known not in lines:
        known = known[:-1]
    return f"{name}:{lines.get(known, 1)}: {'.'.join(map(str, where)) or '(whole file)'}"


class _LineLoader(yaml.CSafeLoader):
    """A safe loader, libyaml's, that refuses duplicate keys and remembers the line of every key."""

    yaml_implicit_resolvers = resolvers(yaml.CSafeLoader.yaml_implicit_resolvers)

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lines: dict[Key, int] = {}
        self._above: set[int] = set()

    def get_single_data(self) -> Any:
        node = self.get_single_node()
        if node is None:
            return None
        self._note(node, ())
        return self.construct_document(node)

    def _note(self, node: yaml.Node, path: Key) -> None:
        self.lines[path] = node.start_mark.line + 1
        if id(node) in self._above:
            raise yaml.constructor.ConstructorError(None, None, "a value holds itself", node.start_mark)
        self._above.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            for position, item in enumerate(node.value):
                self._note(item, (*path, position))
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    raise yaml.constructor.ConstructorError(None, None, "a key must be plain text", key.start_mark)
                self._note(value, (*path, key.value))
                self.lines[(*path, key.value)] = key.start_mark.line + 1
        self._above.discard(id(node))

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key.value!r}", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)
