"""A rule over many rows: the same tree as one Polars expression."""

from collections.abc import Callable
from typing import Any

import polars as pl

from serving.rules.kinds import kind_of_value
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
)

TYPES: dict[Kind, Any] = {"number": pl.Float64(), "text": pl.String(), "boolean": pl.Boolean(), "date": pl.Date()}
"""The type of a column of each kind; a number is finite or null."""

_COMPARE: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def expression(node: Node) -> pl.Expr:
    """The node as an expression over columns named as in the rule; null where its value is missing."""
    match node:
        case Literally():
            return pl.lit(node.value, dtype=TYPES[kind_of_value(node.value)])
        case Name():
            return pl.col(node.name)
        case Negative():
            return -expression(node.of)
        case Arithmetic():
            return _arithmetic(node)
        case Comparison():
            return _COMPARE[node.comparator](expression(node.left), expression(node.right))
        case Among():
            kind = TYPES[kind_of_value(node.options[0].value)]
            return expression(node.item).is_in(pl.Series([option.value for option in node.options], dtype=kind))
        case Missing():
            return expression(node.of).is_null()
        case Not():
            return ~expression(node.of)
        case Joined():
            left, right = expression(node.left), expression(node.right)
            return left | right if node.junction == "or" else left & right


def _arithmetic(node: Arithmetic) -> pl.Expr:
    left, right = expression(node.left), expression(node.right)
    match node.sign:
        case "+":
            result = left + right
        case "-":
            result = left - right
        case "*":
            result = left * right
        case "/":
            result = left / right
    return pl.when(result.is_finite()).then(result)
