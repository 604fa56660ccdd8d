"""The syntax tree of a rule: a handful of frozen nodes, each with the column of the text it came from.

Every value may be missing. A comparison or a sum with something missing is missing itself; `and`, `or` and `not` are
Kleene's: false and missing is false, true or missing is true. A rule fires where its condition is true, nowhere else.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal, TypeAlias

Kind = Literal["number", "text", "boolean", "date"]
Value: TypeAlias = float | str | bool | date | None

Sign = Literal["+", "-", "*", "/"]
Comparator = Literal["==", "!=", "<", "<=", ">", ">="]
Junction = Literal["and", "or"]


class RuleError(ValueError):
    """A rule's text cannot be used; `column` counts its characters from 1."""

    def __init__(self, column: int, problem: str) -> None:
        super().__init__(f"column {column}: {problem}")
        self.column = column


@dataclass(frozen=True, slots=True)
class Literally:
    """A number, text, date or truth value written in the rule."""

    value: float | str | bool | date
    column: int


@dataclass(frozen=True, slots=True)
class Name:
    """Something looked up, such as `feature.late_streak`."""

    name: str
    column: int


@dataclass(frozen=True, slots=True)
class Negative:
    """Minus a number."""

    of: "Node"
    column: int


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two numbers put together; missing where the result is not finite, as after a division by zero."""

    sign: Sign
    left: "Node"
    right: "Node"
    column: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values of one kind compared."""

    comparator: Comparator
    left: "Node"
    right: "Node"
    column: int


@dataclass(frozen=True, slots=True)
class Among:
    """Whether a value is one of those listed."""

    item: "Node"
    options: tuple[Literally, ...]
    column: int


@dataclass(frozen=True, slots=True)
class Missing:
    """Whether a value is missing: the one question that always has an answer."""

    of: "Node"
    column: int


@dataclass(frozen=True, slots=True)
class Not:
    """A condition turned round; missing stays missing."""

    of: "Node"
    column: int


@dataclass(frozen=True, slots=True)
class Joined:
    """Two conditions joined."""

    junction: Junction
    left: "Node"
    right: "Node"
    column: int


Node: TypeAlias = Literally | Name | Negative | Arithmetic | Comparison | Among | Missing | Not | Joined


def children(node: Node) -> tuple[Node, ...]:
    """The nodes right under one."""
    match node:
        case Arithmetic() | Comparison() | Joined():
            return (node.left, node.right)
        case Negative() | Missing() | Not():
            return (node.of,)
        case Among():
            return (node.item, *node.options)
        case Literally() | Name():
            return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and all under it."""
    yield node
    for child in children(node):
        yield from walk(child)


def with_name(node: Node, old: str, new: str) -> Node:
    """The tree with another name in the place of one, but where it is asked whether that one is missing."""
    match node:
        case Name():
            return replace(node, name=new) if node.name == old else node
        case Arithmetic() | Comparison() | Joined():
            return replace(node, left=with_name(node.left, old, new), right=with_name(node.right, old, new))
        case Negative() | Not():
            return replace(node, of=with_name(node.of, old, new))
        case Among():
            return replace(node, item=with_name(node.item, old, new))
        case Missing() | Literally():
            return node


def names_in(node: Node) -> tuple[str, ...]:
    """The names a rule looks up, each once, in the order of the text."""
    return tuple(dict.fromkeys(one.name for one in walk(node) if isinstance(one, Name)))
