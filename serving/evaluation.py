"""The rules and the capacity of a policy over rows: one row by closures, many by Polars."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from serving.applications import Applications, Context, Flags, occurs
from serving.policy import SIGNALS, RiskPolicy
from serving.pricing import all_in_rates
from serving.rules import FIXED_NAMES, Kind, Rule, Value
from serving.rules.batch import TYPES, expression
from serving.rules.names import AMOUNT, GRANTED
from serving.scoring import LARGEST, Column, LoadedModel
from training.score import Floats

Columns = dict[str, Sequence[Value]]


@dataclass(frozen=True)
class Scores:
    """What rules may know of the score; NaN and "" where there is none."""

    score: Floats
    probability: Floats
    grade: Any


@dataclass(frozen=True)
class Facts:
    """The values that rules look at, by name and row; None where missing."""

    rows: int
    kinds: dict[str, Kind]
    columns: Columns

    def fired(self, rule: Rule) -> tuple[Flags, Flags] | None:
        """Rows where a rule fires, and where something missing leaves it open; None when there are neither."""
        found = self.condition(rule)
        open_rows = np.array([value is None for value in found])
        fires = np.array([value is True for value in found])
        return (fires, open_rows) if occurs(fires) or occurs(open_rows) else None

    def condition(self, rule: Rule) -> list[bool | None]:
        """The rule's condition in each row; false where it is not in force."""
        values = self.evaluate(rule.test, rule)
        if rule.first_day is None and rule.last_day is None:
            return values
        days: Any = self.columns["context.business_date"]
        return [value if rule.holds_on(day) else False for value, day in zip(values, days, strict=True)]

    def evaluate(self, one: Callable[[Any], Any], what: Any) -> list[Any]:
        """An expression in each row: `one` for a single row, the tree of `what` for more."""
        if self.rows == 1:
            return [one({name: column[0] for name, column in self.columns.items()})]
        return self.frame().with_columns(value=expression(what.tree))["value"].to_list()

    def granting(self, amounts: Floats) -> "Facts":
        """The same with the amounts that rules judge."""
        if AMOUNT not in self.columns:
            return self
        column: Any = _number_column(amounts) if len(amounts) > 1 else [number(amount) for amount in amounts]
        return Facts(self.rows, {**self.kinds, GRANTED: "number"}, {**self.columns, GRANTED: column})

    def frame(self) -> pl.DataFrame:
        """The facts as a frame."""
        return pl.DataFrame(
            [pl.Series(name, column, dtype=TYPES[self.kinds[name]]) for name, column in self.columns.items()]
        )


@dataclass(frozen=True)
class Sources:
    """Where the values that rules look at come from."""

    model: LoadedModel
    applications: Applications
    features: Mapping[str, Column]
    context: Context
    scores: Scores

    def facts(self, risk: RiskPolicy) -> Facts:
        """The facts that the policy's rules and capacity look at."""
        columns = {name: self._column(name) for name in risk.names}
        if risk.timed:
            columns["context.business_date"] = self._column("context.business_date")
        kinds: dict[str, Kind] = {name: _kind(self.model, name) for name in columns}
        return Facts(len(self.applications), kinds, columns)

    def _column(self, name: str) -> Any:
        family, _, field = name.rpartition(".")
        if family == "feature":
            given: Any = self.features.get(field)
        elif family == "request":
            given = all_in_rates(self.applications) if field == "all_in_rate" else getattr(self.applications, field)
        elif family == "context":
            given = self._context(field)
        else:
            given = getattr(self.scores, name)
        if given is None:
            return [None] * len(self.applications)
        kind = _kind(self.model, name)
        if kind == "number" and isinstance(given, np.ndarray) and given.dtype == np.float64 and len(given) > 1:
            return _number_column(given)
        clean = _CLEAN[kind]
        return [clean(value) for value in given]

    def _context(self, field: str) -> Any:
        if field == "listed":
            lists = self.context.lists
            return None if lists is None else [None if found is None else bool(found) for found in lists]
        if field in SIGNALS:
            return [found.get(field) for found in self.context.signals or ()] or None
        return getattr(self.context, field)


def cleaned(model: LoadedModel, name: str, value: Any) -> Value:
    """A value as rules see it: of the name's kind, or None."""
    found: Value = _CLEAN[_kind(model, name)](value)
    return found


def _kind(model: LoadedModel, name: str) -> Kind:
    return FIXED_NAMES[name] if name in FIXED_NAMES else model.kinds[name.removeprefix("feature.")]


def number(value: Any) -> float | None:
    """A number as rules see it; none that is not finite, or larger than a model reads."""
    usable = isinstance(value, (int, float, np.number)) and -LARGEST <= value <= LARGEST
    return float(value) if usable else None


def _number_column(values: Floats) -> Any:
    """`number` of each, at once."""
    return pl.Series(np.where(np.abs(values) <= LARGEST, values, np.nan), nan_to_null=True)


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str) and value else None


def _boolean(value: Any) -> bool | None:
    return None if value is None else bool(value)


def _date(value: Any) -> date | None:
    return value if isinstance(value, date) else None


_CLEAN: dict[Kind, Callable[[Any], Any]] = {"number": number, "text": _text, "boolean": _boolean, "date": _date}
