"""YAML as a person would write it: comments above the parts, short lists on one line."""

from collections.abc import Mapping
from typing import Any

import yaml

_NUMBERS = frozenset("0123456789+-.")


class Inline(list[Any]):
    """A list to be written on one line."""


class InlineMap(dict[str, Any]):
    """A mapping to be written on one line."""


class _Dumper(yaml.SafeDumper):
    """A safe dumper that knows what stands on one line."""


_Dumper.add_representer(
    Inline, lambda dumper, items: dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=True)
)
_Dumper.add_representer(
    InlineMap, lambda dumper, items: dumper.represent_mapping("tag:yaml.org,2002:map", items.items(), flow_style=True)
)


def _quoted(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    # YAML reads 00123 as text and 123 as a number: whatever begins like a number is quoted alike.
    style = "'" if text[:1] in _NUMBERS and "\n" not in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _quoted)


def dump(parts: Mapping[str, tuple[str, Any]]) -> str:
    """A document of top-level keys, each with the comment that stands above it."""
    return "\n".join(_part(key, comment, content) for key, (comment, content) in parts.items())


def _part(key: str, comment: str, content: Any) -> str:
    above = "".join(f"# {line}\n" for line in comment.splitlines())
    return above + yaml.dump(
        {key: content}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110, default_flow_style=False
    )
