"""What the lender decides, as typed frames; all act on the day they are given to `step`."""

from dataclasses import dataclass, field, fields

import polars as pl
from polars._typing import PolarsDataType

from simulation.schema.behaviour import CONTACT_CHANNELS, OFFERS
from simulation.schema.lending import ACTIONS

Schema = dict[str, PolarsDataType]
APPROVALS: Schema = {"application_id": pl.Int64, "customer_id": pl.Int64, "approved": pl.Boolean, "amount": pl.Float64,
             "rate": pl.Float64}  # fmt: skip
LIMITS: Schema = {"customer_id": pl.Int64, "limit": pl.Float64}
PRICES: Schema = {"customer_id": pl.Int64, "loan_id": pl.Int64, "rate": pl.Float64}
CONTACTS: Schema = {"contact_id": pl.Int64, "customer_id": pl.Int64, "campaign_id": pl.Int32,
            "channel": pl.Enum(CONTACT_CHANNELS), "offer": pl.Enum(OFFERS), "held_out": pl.Boolean}  # fmt: skip
COLLECTIONS: Schema = {"loan_id": pl.Int64, "customer_id": pl.Int64, "action": pl.Enum(ACTIONS)}
BLOCKS: Schema = {"customer_id": pl.Int64, "blocked": pl.Boolean}

SCHEMAS: dict[str, Schema] = {
    "approvals": APPROVALS, "limits": LIMITS, "prices": PRICES, "contacts": CONTACTS, "collections": COLLECTIONS,
    "blocks": BLOCKS,
}  # fmt: skip
"""Columns of each frame, by its name."""
HIGHEST = {"rate": 10.0, "amount": 1e12, "limit": 1e12}
"""What a number may be at most, from nothing on; rates are shares a year: 0.15 is 15 %."""


class DecisionError(ValueError):
    """A frame of decisions cannot be read; the message says what was found and what was expected."""


@dataclass(frozen=True)
class Decisions:
    """A day's decisions. Every frame has `customer_id`, by which it finds its part of the people."""

    approvals: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=APPROVALS))
    """Answers to applications: amount and yearly rate of those approved."""
    limits: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=LIMITS))
    """New credit limits."""
    prices: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=PRICES))
    """New yearly rates of running loans, for what is left of them."""
    contacts: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=CONTACTS))
    """Contacts to make; ids are the lender's. Who is held out gets nothing, and is told apart in the raw table;
    without the column `held_out` nobody is. Of two with one id the first counts. Those beyond the rule
    `contact_cap_month` are refused, and told too."""
    collections: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=COLLECTIONS))
    """What to do about late loans."""
    blocks: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=BLOCKS))
    """Customers who may not apply or be paid out, or may again."""

    def __post_init__(self) -> None:
        """Hold every frame to its schema."""
        for name, frame in self.frames.items():
            object.__setattr__(self, name, _checked(name, frame, SCHEMAS[name]))

    @property
    def frames(self) -> dict[str, pl.DataFrame]:
        """All frames by name."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    def of(self, first: int, count: int) -> "Decisions":
        """Those about the customers from `first` on."""
        about = pl.col("customer_id").is_between(first, first + count - 1)
        return Decisions(**{name: frame.filter(about) for name, frame in self.frames.items() if len(frame)})


def _checked(name: str, frame: object, schema: Schema) -> pl.DataFrame:
    if not isinstance(frame, pl.DataFrame):
        found = "None" if frame is None else type(frame).__name__
        expected = f"a Polars DataFrame of {', '.join(schema)}; leave it out where nothing is decided"
        raise DecisionError(f"{name}: found {found}; expected {expected}")
    if len(frame) == 0 and frame.schema == schema:
        return frame
    if name == "contacts" and "held_out" not in frame.columns:
        frame = frame.with_columns(held_out=False)
    if missing := [column for column in schema if column not in frame.columns]:
        raise DecisionError(f"{name}: no column {', '.join(missing)}; expected {', '.join(schema)}")
    try:
        cast = frame.select(pl.col(column).cast(type_) for column, type_ in schema.items())
    except pl.exceptions.PolarsError as error:
        raise DecisionError(f"{name}: {str(error).splitlines()[0]}") from None
    if empty := [column for column in schema if cast[column].null_count()]:
        raise DecisionError(f"{name}: missing values in {', '.join(empty)}")
    _bounded(name, cast)
    # Here, where all people's are together: by parts of the people, each part would make its own.
    return cast.unique("contact_id", keep="first", maintain_order=True) if name == "contacts" else cast


def _bounded(name: str, frame: pl.DataFrame) -> None:
    """Refuse numbers of which nothing sensible follows: an instalment of no rate, a limit without end."""
    for column, highest in HIGHEST.items():
        if column in frame.columns:
            wrong = frame.select(~pl.col(column).is_between(0, highest)).to_series().arg_true()
            if len(wrong):
                found = frame[column][row := int(wrong[0])]
                raise DecisionError(f"{name}: row {row}: {column} is {found}; expected 0 to {highest:,.0f}")
