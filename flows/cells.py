"""Cells of a CSV of applications: all are read as text, then each column becomes what requests take there.

What Polars infers is a matter of the whole column: of one cell that is no number it makes texts of all, and the first
row would be at fault.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import polars as pl

from flows.onboarding.reading import SEPARATORS, separator_of
from serving.api.schemas import DecisionRequest

ID = "^(0|[1-9][0-9]{0,18})$"
TRUE, FALSE = ["true", "True", "TRUE"], ["false", "False", "FALSE"]
EXPECTED: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number, without separators of thousands",
}


LOOKED_AT = 65_536
"""Bytes in which it is seen what separates columns."""


class BadCell(ValueError):
    """A cell is not what its column holds; the message names row and column, and never the value."""


def read_cells(file: Path, entity: str) -> pl.DataFrame:
    """The rows of a CSV, each column of the type that requests take; `entity` is the type of the portfolio's ids."""
    with file.open("rb") as opened:
        start = opened.read(LOOKED_AT).decode(errors="replace")
    texts = pl.read_csv(file, infer_schema=False, separator=_separator(start))
    kinds = {name: kind for name, kind in _kinds(entity).items() if name in texts.columns}
    rows = texts.with_columns(_converted(name, kind) for name, kind in kinds.items())
    failed = [(row, name) for name in kinds if (row := _first_lost(texts[name], rows[name])) is not None]
    if failed:
        row, name = min(failed, key=lambda one: one[0])
        expected = "an integer without leading zeros" if name == "entity_id" else EXPECTED[kinds[name]]
        raise BadCell(f"row {row + 1}: {name}: expected {expected}; found text")
    return rows


def _separator(start: str) -> str:
    """What makes `entity_id` a column; else what seems to part the lines."""
    header = start.lstrip("\ufeff\r\n").partition("\n")[0]
    for one in SEPARATORS:
        if one in header and "entity_id" in (name.strip(' "\r') for name in header.split(one)):
            return one
    return separator_of(start)


def _kinds(entity: str) -> dict[str, type]:
    """What is in a column that holds no text."""
    of: dict[str, Any] = {name: field.annotation for name, field in DecisionRequest.model_fields.items()}
    found = {
        name: kind
        for name, annotation in of.items()
        for kind in EXPECTED
        if name != "entity_id" and kind in (annotation, *get_args(annotation))
    }
    return {**({"entity_id": int} if entity == "int" else {}), **found}


def _converted(name: str, kind: type) -> pl.Expr:
    text = pl.col(name)
    if kind is bool:
        return pl.when(text.is_in(TRUE)).then(True).when(text.is_in(FALSE)).then(False).alias(name)
    if kind is float:
        return text.cast(pl.Float64, strict=False)
    whole = pl.when(text.str.contains(ID)).then(text) if name == "entity_id" else text  # 01 would be another than 1
    return whole.cast(pl.Int64, strict=False).alias(name)


def _first_lost(texts: pl.Series, found: pl.Series) -> int | None:
    """The first row that has a text of which nothing was made."""
    if found.null_count() == texts.null_count():
        return None
    return int((texts.is_not_null() & found.is_null()).arg_true()[0])
