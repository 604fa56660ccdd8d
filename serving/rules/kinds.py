"""The kind of every part of a rule, checked before it ever runs."""

from collections.abc import Mapping
from datetime import date
from difflib import get_close_matches

from serving.rules.syntax import (
    Among,
    Arithmetic,
    Comparison,
    Joined,
    Kind,
    Literally,
    Missing,
    Name,
    Negative,
    Node,
    Not,
    RuleError,
    names_in,
)

Kinds = Mapping[str, Kind]

ORDERED = ("number", "date")


def check_kinds(tree: Node, expected: Kind, kinds: Kinds) -> None:
    """Raise `RuleError` unless the whole is of kind `expected` and names only what `kinds` holds."""
    found = kind_of(tree, kinds)
    if found != expected:
        raise RuleError(tree.column, f"the whole is a {found}; expected a {_described(expected)}")
    if not names_in(tree):
        raise RuleError(1, "looks at nothing, so that it is the same for everybody; expected a name in it")


def kind_of(node: Node, kinds: Kinds) -> Kind:
    """The kind of a node's value, or `RuleError`."""
    match node:
        case Literally():
            return kind_of_value(node.value)
        case Name():
            return _named(node, kinds)
        case Negative():
            return _need(node.of, "number", kinds, "'-'")
        case Arithmetic():
            _need(node.left, "number", kinds, repr(node.sign))
            return _need(node.right, "number", kinds, repr(node.sign))
        case Comparison():
            return _compared(node, kinds)
        case Among():
            return _listed(node, kinds)
        case Missing():
            kind_of(node.of, kinds)
            return "boolean"
        case Not():
            return _need(node.of, "boolean", kinds, "not")
        case Joined():
            _need(node.left, "boolean", kinds, node.junction)
            return _need(node.right, "boolean", kinds, node.junction)


def kind_of_value(value: float | str | bool | date) -> Kind:
    """The kind of a written value."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "text"
    return "date" if isinstance(value, date) else "number"


def _named(node: Name, kinds: Kinds) -> Kind:
    kind = kinds.get(node.name)
    if kind is not None:
        return kind
    close = get_close_matches(node.name, kinds, n=1, cutoff=0.6)
    family = node.name.partition(".")[0]
    known = sorted(name for name in kinds if name.partition(".")[0] == family) or sorted(
        {name.partition(".")[0] + (".*" if "." in name else "") for name in kinds}
    )
    shown = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise RuleError(node.column, f"no name {node.name!r}; {hint}known: {shown}")


def _need(node: Node, expected: Kind, kinds: Kinds, by: str) -> Kind:
    found = kind_of(node, kinds)
    if found != expected:
        raise RuleError(node.column, f"{_shown(node)} is a {found}; {by} expects a {_described(expected)}")
    return expected


def _compared(node: Comparison, kinds: Kinds) -> Kind:
    left, right = kind_of(node.left, kinds), kind_of(node.right, kinds)
    if left != right:
        raise RuleError(node.column, f"compares a {left} with a {right}; expected two of one kind")
    if node.comparator not in ("==", "!=") and left not in ORDERED:
        raise RuleError(node.column, f"{node.comparator!r} compares numbers and dates; for a {left} use == != or in")
    return "boolean"


def _listed(node: Among, kinds: Kinds) -> Kind:
    expected = kind_of(node.item, kinds)
    for option in node.options:
        if (found := kind_of_value(option.value)) != expected:
            raise RuleError(option.column, f"{_shown(option)} is a {found}; expected a {expected}, as the item is")
    return "boolean"


def _described(kind: Kind) -> str:
    return "condition (a comparison)" if kind == "boolean" else kind


def _shown(node: Node) -> str:
    match node:
        case Name():
            return repr(node.name)
        case Literally():
            return repr(node.value)
        case _:
            return "this"
