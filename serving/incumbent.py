"""The logged decisions of an incumbent system: their contract, and their place in the lake beside the portfolio's own.

A decision is one row for a customer and a time. It is kept as it came, with the file that it came from; the same row
again changes nothing, and another one for the same customer and time is quarantined: what was decided is history.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl

from features.calendar import month_end
from features.contracts import QUARANTINE, check_table
from features.digests import rows_digest
from features.lake import UNKNOWN, Lake, Layer, NoData
from features.spec import CREATED, EVENT, Column, FeatureSpec, Table
from serving.money import LARGEST_AMOUNT
from serving.pricing import HIGHEST_RATE, LONGEST

Kind = Literal["risk", "propensity"]
OUTCOMES: Mapping[Kind, tuple[str, ...]] = {"risk": ("approve", "review", "decline"), "propensity": ("contact", "skip")}
INCUMBENT: Layer = "incumbent"
TABLE = "incumbent"
REQUESTED: Mapping[str, tuple[float, float]] = {
    "amount": (0, LARGEST_AMOUNT),
    "term_months": (1, LONGEST),
    "annual_rate": (0, HIGHEST_RATE),
    "fees": (0, LARGEST_AMOUNT),
    "monthly_income": (0, LARGEST_AMOUNT),
    "exposure": (0, LARGEST_AMOUNT),
}
"""Numbers of an application that the champion may need to decide on it too, with what requests take."""
CONTENT = ("outcome", "score", "probability", *REQUESTED, "purpose")
ROW, SOURCE = "row", "source"
CLASH = "outcome: differs from what was imported before for the same customer and time"


class IncumbentError(ValueError):
    """An incumbent's decisions cannot be imported or compared; the message says what to do."""


@dataclass(frozen=True)
class Imported:
    """What an import did: rows in = new + there already + quarantined; and how many broke which rule."""

    rows_in: int
    new: int
    there: int
    quarantined: int
    reasons: Mapping[str, int]


def contract(spec: FeatureSpec, kind: Kind) -> FeatureSpec:
    """The features document with one table, an incumbent's decisions, and the portfolio's own entity."""
    meaning = "a number of the application"
    columns = {
        "outcome": Column(type="category", meaning="what was decided", uses=(), categories=OUTCOMES[kind]),
        "score": Column(type="float", meaning="the incumbent's score", uses=(), nullable=True),
        "probability": Column(type="float", meaning="of the event", uses=(), range=(0, 1), nullable=True),
        **{
            name: Column(type="float", meaning=meaning, uses=(), range=limits, nullable=True)
            for name, limits in REQUESTED.items()
        },
        "purpose": Column(type="string", meaning="what the money was for", uses=(), nullable=True),
        ROW: Column(type="int", meaning="row of the file", uses=()),
        SOURCE: Column(type="string", meaning="the file's SHA-256", uses=()),
    }
    return spec.model_copy(update={"tables": {TABLE: Table(meaning="an incumbent's decisions", columns=columns)}})


def keep_decisions(
    lake: Lake, portfolio: str, spec: FeatureSpec, kind: Kind, raw: pl.DataFrame, source: str
) -> Imported:
    """Check every row of `raw` (key, event_timestamp, outcome, any more of `CONTENT`) and add the new ones."""
    key = spec.entity.key
    given = raw.with_columns(
        pl.lit(None, pl.String).alias(name) for name in CONTENT if name not in raw.columns
    ).with_columns(pl.col(EVENT).alias(CREATED), pl.lit(source).alias(SOURCE), pl.int_range(1, pl.len() + 1).alias(ROW))
    checked = check_table(contract(spec, kind), TABLE, given)
    if checked.kept.is_empty():
        told = "; ".join(f"{rule} ({count:,})" for rule, count in _rules(checked.quarantined).items())
        raise IncumbentError(f"not one of {raw.height:,} rows can be kept, and none was brought in: {told}")
    known = read_decisions(lake, portfolio)
    found = _beside(checked.kept, known, key)
    new = found.filter(pl.col("_known").is_null()).select(checked.kept.columns)
    clashes = found.filter(~pl.col("_same") & pl.col("_known").is_not_null())
    refused = pl.concat([checked.quarantined, _clashing(clashes)])
    if not new.is_empty():
        _store(lake, portfolio, INCUMBENT, pl.concat([known, new]) if known is not None else new, key, new)
    if not refused.is_empty():
        _store(lake, portfolio, "quarantine", _quarantine(lake, portfolio, refused), "original", refused)
    there = checked.kept.height - new.height - clashes.height
    return Imported(raw.height, new.height, there, refused.height, _rules(refused))


def _rules(refused: pl.DataFrame) -> dict[str, int]:
    """How many rows broke each rule; what is wrong with a time is said once."""
    rules = refused["rules"].str.split("; ").explode()
    return dict(rules.filter(~rules.str.starts_with(f"{CREATED}: ")).value_counts(sort=True).iter_rows())


def read_decisions(lake: Lake, portfolio: str) -> pl.DataFrame | None:
    """Every decision imported so far; None: there is none."""
    try:
        return lake.read(portfolio, INCUMBENT, TABLE)
    except NoData:
        return None


def _beside(kept: pl.DataFrame, known: pl.DataFrame | None, key: str) -> pl.DataFrame:
    """The rows with `_known`, whether their customer and time are there, and `_same`, whether it says the same."""
    before = (known if known is not None else kept.clear()).select(key, EVENT, *CONTENT, _known=pl.lit(True))
    joined = kept.join(before, on=[key, EVENT], how="left", suffix="_before", maintain_order="left")
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_before")) for name in CONTENT)
    return joined.with_columns(_same=same)


def _clashing(rows: pl.DataFrame) -> pl.DataFrame:
    told = {"table": TABLE, "rules": CLASH, "reason": CLASH}
    content = pl.struct(pl.exclude(CREATED, ROW, "^_.*$", "^.*_before$").cast(pl.String)).struct.json_encode()
    made = rows.with_columns(*(pl.lit(text).alias(name) for name, text in told.items()), original=content)
    return made.select(pl.col(name).cast(dtype) for name, dtype in QUARANTINE.items())


def _quarantine(lake: Lake, portfolio: str, refused: pl.DataFrame) -> pl.DataFrame:
    try:
        before = lake.read(portfolio, "quarantine", TABLE)
    except NoData:
        before = refused.clear()
    return pl.concat([before, refused]).unique(["original", "rules"], keep="first", maintain_order=True)


def _store(lake: Lake, portfolio: str, layer: Layer, rows: pl.DataFrame, order: str, changed: pl.DataFrame) -> None:
    """Write the months that `changed` has rows of, each whole."""
    month = pl.col(CREATED).dt.strftime("%Y-%m").fill_null(UNKNOWN)
    for name in changed.select(month.unique()).to_series().sort():
        part = rows.filter(month == name).sort(CREATED, order, maintain_order=True)
        covers = date.max if name == UNKNOWN else month_end(date.fromisoformat(f"{name}-01"))
        lake.write(portfolio, layer, TABLE, name, part, covers=covers, inputs=rows_digest(part))
