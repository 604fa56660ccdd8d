"""A rule over many rows: the same tree as one Polars expression."""

from collections.abc import Callable
from typing import Any

import polars as pl

from serving.rules.kinds import kind_of_value
from serving.rules.scalar import compiled
from serving.rules.syntax import (
    Among,
    Arithmetic,
    Comparator,
    Comparison,
    Joined,
    Kind,
    Literally,
    Missing,
    Name,
    Negative,
    Node,
    Not,
    names_in,
)

TYPES: dict[Kind, Any] = {"number": pl.Float64(), "text": pl.String(), "boolean": pl.Boolean(), "date": pl.Date()}
"""The type of a column of each kind; a number is finite or null."""

_COMPARE: dict[Comparator, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_MIRRORED: dict[Comparator, Comparator] = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


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
            return _comparison(node)
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


def _comparison(node: Comparison) -> pl.Expr:
    left, right, comparator = node.left, node.right, node.comparator
    if not names_in(left):  # Polars 2.1 loses the height of `value == -column` where the column is all null
        left, right, comparator = right, left, _MIRRORED[comparator]
    return _COMPARE[comparator](expression(left), expression(right))


def _arithmetic(node: Arithmetic) -> pl.Expr:
    if not names_in(node):  # the same for every row: one value, made as the scalar evaluator makes it
        return pl.lit(compiled(node)({}), dtype=TYPES["number"])
    left, right = expression(node.left), expression(node.right)
    match node.sign:
        case "+":
            result = left + right
        case "-":
            result = left - right
        case "*":
            result = left * right
        case "/":
            # Polars multiplies by the reciprocal of a single divisor, which may differ in the last bit: a column.
            result = left / (right if names_in(node.right) else right.repeat_by(pl.len()).explode())
    return pl.when(result.is_finite()).then(result)
