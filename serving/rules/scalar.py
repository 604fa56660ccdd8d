"""A rule over one row: the tree compiled to closures once, so that a decision online only calls them."""

import operator
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from serving.rules.syntax import (
    Among,
    Arithmetic,
    Comparison,
    Joined,
    Literally,
    Missing,
    Name,
    Negative,
    Node,
    Not,
    Value,
)

Row = Mapping[str, Value]
"""Values by name; a number is finite: what is missing or not usable is None."""
Evaluate = Callable[[Row], Any]

_ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul}
_COMPARE = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compiled(node: Node) -> Evaluate:
    """A function from a row to the node's value, None where it is missing."""
    match node:
        case Literally():
            value = node.value
            return lambda row: value
        case Name():
            name = node.name
            return lambda row: row.get(name)
        case Negative():
            return _negative(compiled(node.of))
        case Arithmetic():
            return _arithmetic(node.sign, compiled(node.left), compiled(node.right))
        case Comparison():
            return _comparison(_COMPARE[node.comparator], compiled(node.left), compiled(node.right))
        case Among():
            return _among(compiled(node.item), frozenset(option.value for option in node.options))
        case Missing():
            of = compiled(node.of)
            return lambda row: of(row) is None
        case Not():
            return _not(compiled(node.of))
        case Joined():
            return _joined(node.junction == "or", compiled(node.left), compiled(node.right))


def _negative(of: Evaluate) -> Evaluate:
    def evaluate(row: Row) -> float | None:
        value = of(row)
        return None if value is None else -value

    return evaluate


def _arithmetic(sign: str, left: Evaluate, right: Evaluate) -> Evaluate:
    work = _ARITHMETIC.get(sign, _divide)

    def evaluate(row: Row) -> float | None:
        a, b = left(row), right(row)
        if a is None or b is None:
            return None
        result = work(a, b)
        return result if isfinite(result) else None

    return evaluate


def _divide(a: float, b: float) -> float:
    return a / b if b else float("nan")


def _comparison(compare: Callable[[Any, Any], bool], left: Evaluate, right: Evaluate) -> Evaluate:
    def evaluate(row: Row) -> bool | None:
        a = left(row)
        if a is None:
            return None
        b = right(row)
        return None if b is None else compare(a, b)

    return evaluate


def _among(item: Evaluate, options: frozenset[Any]) -> Evaluate:
    def evaluate(row: Row) -> bool | None:
        value = item(row)
        return None if value is None else value in options

    return evaluate


def _not(of: Evaluate) -> Evaluate:
    def evaluate(row: Row) -> bool | None:
        value = of(row)
        return None if value is None else not value

    return evaluate


def _joined(decisive: bool, left: Evaluate, right: Evaluate) -> Evaluate:
    """`or` is settled by a true part, `and` by a false one; otherwise a missing part makes the whole missing."""

    def evaluate(row: Row) -> bool | None:
        a: bool | None = left(row)
        if a is decisive:
            return decisive
        b: bool | None = right(row)
        if b is decisive:
            return decisive
        return None if a is None or b is None else not decisive

    return evaluate
