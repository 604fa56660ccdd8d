"""Transforms of one row's own values."""

from itertools import pairwise
from typing import Annotated

import polars as pl
from pydantic import AfterValidator

from features.transforms.registry import AnyColumn, CategoryName, NumberColumn, Rows, TextColumn, number, transform


def _rising(edges: tuple[float, ...]) -> tuple[float, ...]:
    if not edges or any(high <= low for low, high in pairwise(edges)):
        raise ValueError("one edge or more, each above the one before")
    return edges


Edges = Annotated[tuple[float, ...], AfterValidator(_rising)]


@transform("value")
def value(rows: Rows, column: NumberColumn) -> pl.Expr:
    """The number as it is."""
    return number(column)


@transform("log")
def log(rows: Rows, column: NumberColumn) -> pl.Expr:
    """Sign-preserving logarithm, sign(x)·ln(1+|x|): tames long tails on both sides of zero."""
    return number(column).sign() * number(column).abs().log1p()


@transform("ratio")
def ratio(
    rows: Rows,
    numerator: NumberColumn,
    denominator: NumberColumn,
    least: float | None = None,
    most: float | None = None,
) -> pl.Expr:
    """numerator / denominator, cut to [least, most]; null where the denominator is zero or negative."""
    below = number(denominator)
    return pl.when(below > 0).then(number(numerator) / below).clip(least, most)


@transform("share_of_sum")
def share_of_sum(rows: Rows, column: NumberColumn, others: tuple[NumberColumn, ...]) -> pl.Expr:
    """column / (column + others); null where the sum is zero or negative."""
    total = pl.sum_horizontal(number(column), *[number(other) for other in others], ignore_nulls=False)
    return pl.when(total > 0).then(number(column) / total)


@transform("difference")
def difference(rows: Rows, column: NumberColumn, minus: NumberColumn) -> pl.Expr:
    """column − minus."""
    return number(column) - number(minus)


@transform("clip")
def clip(rows: Rows, column: NumberColumn, least: float | None = None, most: float | None = None) -> pl.Expr:
    """The number cut to [least, most]."""
    return number(column).clip(least, most)


@transform("within")
def within(rows: Rows, column: NumberColumn, at_least: float | None = None, at_most: float | None = None) -> pl.Expr:
    """1 where the number is within the limits that are given, 0 where it is not, null where there is none."""
    low = number(column) >= at_least if at_least is not None else pl.lit(True)
    high = number(column) <= at_most if at_most is not None else pl.lit(True)
    return pl.when(number(column).is_not_null()).then(low & high)


@transform("equals")
def equals(rows: Rows, column: TextColumn, value: CategoryName) -> pl.Expr:
    """1 where the category is `value`, else 0."""
    return pl.col(column).cast(pl.String) == str(value)


@transform("is_missing")
def is_missing(rows: Rows, column: AnyColumn) -> pl.Expr:
    """1 where there is no value, else 0; never missing itself."""
    return pl.col(column).is_null()


@transform("category", type="category")
def category(rows: Rows, column: TextColumn) -> pl.Expr:
    """The category as it is."""
    return pl.col(column).cast(pl.String)


@transform("category_number")
def category_number(rows: Rows, column: TextColumn, order: tuple[CategoryName, ...]) -> pl.Expr:
    """The place (0, 1, …) of the category in `order`; null for any other."""
    places = {str(name): float(place) for place, name in enumerate(order)}
    return pl.col(column).cast(pl.String).replace_strict(places, default=None, return_dtype=pl.Float64)


@transform("frequent_category", type="category")
def frequent_category(rows: Rows, column: TextColumn, keep: tuple[CategoryName, ...], other: str = "other") -> pl.Expr:
    """The category where it is in `keep`, else `other`: tames text with very many values."""
    text = pl.col(column).cast(pl.String)
    return pl.when(text.is_in([str(one) for one in keep])).then(text).when(text.is_not_null()).then(pl.lit(other))


@transform("text_length")
def text_length(rows: Rows, column: TextColumn) -> pl.Expr:
    """Characters in the text."""
    return pl.col(column).cast(pl.String).str.len_chars()


@transform("band", type="category")
def band(rows: Rows, column: NumberColumn, edges: Edges) -> pl.Expr:
    """The interval that holds the number, lower edge included: `under 25`, `25 to 35`, …, `65 and over`."""
    text = [f"{edge:g}" for edge in edges]
    names = [f"under {text[0]}", *(f"{low} to {high}" for low, high in pairwise(text)), f"{text[-1]} and over"]
    place = pl.sum_horizontal((number(column) >= edge).cast(pl.UInt32) for edge in edges)
    return pl.when(number(column).is_not_null()).then(pl.lit(pl.Series(names)).gather(place))
