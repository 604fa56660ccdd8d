"""Read a YAML file into a frozen model; every error names file, line, key and what was expected."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

Key = tuple[str | int, ...]


class Document(BaseModel):
    """Base of every configuration model: frozen, strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


AnyDocument = TypeVar("AnyDocument", bound=Document)


class DocumentError(ValueError):
    """A configuration file cannot be used; the message has a line `file:line: key: problem` for each fault."""


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
        loader = _LineLoader(text)
        data = loader.get_single_data()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise DocumentError(f"{name}:{line}: not valid YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise DocumentError(f"{name}: not valid YAML: {error}") from error
    if not isinstance(data, dict):
        raise DocumentError(f"{name}:1: found {type(data).__name__}, expected a mapping of keys")
    try:
        return model.model_validate(data, context=context)
    except ValidationError as error:
        faults = [_describe(fault, loader.lines, name) for fault in error.errors(include_url=False)]
        raise DocumentError("\n".join(faults)) from None


def _describe(fault: Any, lines: dict[Key, int], name: str) -> str:
    where: Key = tuple(fault["loc"])
    known = where
    while known and known not in lines:
        known = known[:-1]
    # A union's variant tag is part of pydantic's location but not of the file: show only what the file has.
    shown = ".".join(str(part) for part in where) or "(whole file)"
    found = f"; found {fault['input']!r}" if not isinstance(fault["input"], dict | list) else ""
    return f"{name}:{lines.get(known, 1)}: {shown}: {fault['msg']}{found}"


class _LineLoader(yaml.SafeLoader):
    """A safe loader that refuses duplicate keys and remembers the line of every key."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lines: dict[Key, int] = {}
        self._nodes: dict[int, Key] = {}

    def get_single_data(self) -> Any:
        node = self.get_single_node()
        if node is None:
            return None
        self._note(node, ())
        return self.construct_document(node)

    def _note(self, node: yaml.Node, path: Key) -> None:
        self.lines[path] = node.start_mark.line + 1
        if isinstance(node, yaml.SequenceNode):
            for position, item in enumerate(node.value):
                self._note(item, (*path, position))
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                self._note(value, (*path, key.value))
                self.lines[(*path, key.value)] = key.start_mark.line + 1

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key.value!r}", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)
