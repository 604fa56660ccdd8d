"""The `brought:` lines of models.yaml, put in or replaced as text, so that comments and order stay."""

from pathlib import Path

import yaml

from infra.files import write_whole
from training.spec import Brought

KEY = "brought"
COMMENT = "  # in place of the estimator; written by lendloop model import"


class Braces(ValueError):
    """The lines of a model cannot be told apart in the file."""


def bring(path: Path, model: str, brought: Brought) -> None:
    """Name a brought model in models.yaml; everything else in the file stays as it is."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    first, last, indent = _place(text, model)
    made = "".join(f"{' ' * indent}{line}\n" for line in _lines(brought))
    write_whole(path, "".join([*lines[:first], made, *lines[last:]]).encode())


def _lines(brought: Brought) -> list[str]:
    given = brought.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    dumped = yaml.safe_dump(given, sort_keys=False, allow_unicode=True, width=100).splitlines()
    return [f"{KEY}:{COMMENT}", *(f"  {line}" for line in dumped)]


def _place(text: str, model: str) -> tuple[int, int, int]:
    """First and last line to replace, and the indent of the model's keys; at its first key where nothing is brought."""
    content = _value(_value(yaml.compose(text, Loader=yaml.SafeLoader), "models"), model)
    keys = [key for key, _ in content.value]
    if content.flow_style:
        raise Braces(f"models.yaml: model {model!r} is written in braces; write its keys on lines of their own first")
    for key, value in content.value:
        if key.value == KEY:
            return key.start_mark.line, _last_line(value) + 1, key.start_mark.column
    first = keys[0].start_mark
    return first.line, first.line, first.column


def _last_line(node: yaml.Node) -> int:
    """The last line of a value; the mark of a block's end is past the comments that follow it."""
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        return int(node.end_mark.line)
    return max(_last_line(value) for _, value in node.value)


def _value(node: yaml.Node | None, key: str) -> yaml.MappingNode:
    assert isinstance(node, yaml.MappingNode)  # the file was parsed before
    found: yaml.MappingNode = next(value for name, value in node.value if name.value == key)
    return found
