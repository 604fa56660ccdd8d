"""Transforms of how a row's total is made up: over how many columns, and how evenly."""

from typing import Annotated

import polars as pl
from pydantic import Field

from features.transforms.registry import NumberColumn, Rows, number, transform

Columns = Annotated[tuple[NumberColumn, ...], Field(min_length=2)]


@transform("sum_of")
def sum_of(rows: Rows, columns: Columns) -> pl.Expr:
    """Sum of the columns that have a number; null when none has."""
    return pl.when(_any_known(columns)).then(pl.sum_horizontal(number(column) for column in columns))


@transform("share_of_columns")
def share_of_columns(rows: Rows, columns: Columns, total: NumberColumn) -> pl.Expr:
    """Sum of the columns that have a number, as a share of `total`; null where that is zero or negative."""
    whole = number(total)
    return pl.when(_any_known(columns) & (whole > 0)).then(pl.sum_horizontal(map(number, columns)) / whole)


@transform("entropy")
def entropy(rows: Rows, columns: Columns) -> pl.Expr:
    """Shannon entropy of the columns' shares over its largest value: 0 all in one, 1 all alike, null without any.

    −Σ pᵢ ln pᵢ / ln n over n columns; what is missing or not positive has no share. Source: Shannon (1948).
    """
    shares = _shares(columns)
    terms = [pl.when(share > 0).then(-share * share.log()).otherwise(0.0) for share in shares]
    largest = pl.lit(float(len(columns))).log()
    return pl.when(_positive(columns) > 0).then(pl.sum_horizontal(terms) / largest)


@transform("concentration")
def concentration(rows: Rows, columns: Columns) -> pl.Expr:
    """Herfindahl index Σ pᵢ² of the columns' shares: 1 all in one, 1/n all alike; null without any."""
    return pl.when(_positive(columns) > 0).then(pl.sum_horizontal(share**2 for share in _shares(columns)))


@transform("columns_used")
def columns_used(rows: Rows, columns: Columns) -> pl.Expr:
    """How many of the columns are above zero."""
    return pl.sum_horizontal((number(column) > 0).fill_null(False).cast(pl.UInt32) for column in columns)


def _any_known(columns: Columns) -> pl.Expr:
    return pl.any_horizontal(pl.col(column).is_not_null() for column in columns)


def _parts(columns: Columns) -> list[pl.Expr]:
    return [number(column).clip(0).fill_null(0.0) for column in columns]


def _positive(columns: Columns) -> pl.Expr:
    return pl.sum_horizontal(_parts(columns))


def _shares(columns: Columns) -> list[pl.Expr]:
    return [part / _positive(columns) for part in _parts(columns)]
