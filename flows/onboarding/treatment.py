"""What each column may be used for and how it becomes a feature, with the reason for whatever is left out."""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.spec import Use
from flows.onboarding import leakage, vocabulary
from flows.onboarding.columns import Content, read_content

Role = Literal["feature", "protected", "personal", "leak", "dropped"]

FEW_GROUPS = 12
"""A protected number with no more values than this is a code of groups, not a quantity."""
LISTED = 20
"""A category with no more values than this has them listed in the contract, so that a new one is noticed."""
KEPT = 60
"""Of a category with more values than this the commonest are kept apart and the rest taken together."""
LEAST_ROWS = 30
MOST_LATER = 0.02
AGE_BANDS = (25, 35, 45, 55, 65)
DAYS_A_YEAR = 365.25


@dataclass(frozen=True)
class Treated:
    """A column of the portfolio: name, content, role, the reason for it, and its feature if it has one."""

    name: str
    header: str
    content: Content
    role: Role
    why: str
    uses: tuple[Use, ...] = ()
    feature: dict[str, Any] | None = None
    bands: tuple[float, ...] = ()

    @property
    def feature_name(self) -> str:
        """Name of the column's feature."""
        return f"{self.name}_days" if self.content.type == "timestamp" else self.name


@dataclass(frozen=True)
class Setting:
    """What the treatment of every column depends on: event times, outcomes where known, and the use asked for."""

    events: pl.Series
    known: NDArray[np.bool_]
    outcome: NDArray[np.int8]
    use: Use
    protected: frozenset[str]


def treat(raw: pl.Series, header: str, name: str, setting: Setting) -> Treated:
    """Decide what one column of the file is used for."""
    content = read_content(raw, header)
    column = Treated(name, header, content, "dropped", "")
    if content.distinct == 0:
        return replace(column, why="empty in every row")
    if header in setting.protected or name in setting.protected or vocabulary.is_protected(header):
        return _protected(column, asked=header in setting.protected or name in setting.protected, setting=setting)
    if content.distinct == 1 and not content.missing:
        return replace(column, why=f"always {content.values[0]!s}")
    if _is_personal(column):
        return replace(column, role="personal", uses=("identity",), why="names or reaches one person")
    if leak := _leak(column, setting):
        return replace(column, role="leak", why=leak)
    if reason := _identifies(column):
        return replace(column, why=reason)
    return _feature(column, setting)


def _protected(column: Treated, *, asked: bool, setting: Setting) -> Treated:
    content = column.content
    coded = content.type in ("int", "bool") and content.distinct <= FEW_GROUPS
    column = replace(column, content=content.as_category() if coded else content, role="protected", uses=("fairness",))
    column = replace(column, why="as asked" if asked else "by its name")
    if content.distinct == 1 and not content.missing:
        return replace(column, why=f"{column.why}; always {content.values[0]!s}")
    if (written := _written(column)) is None:
        return replace(column, why=f"{column.why}; too many values to compare groups")
    return replace(column, feature=written, bands=_bands(column, setting))


def _bands(column: Treated, setting: Setting) -> tuple[float, ...]:
    """Lower bounds that cut a protected number into groups: of an age the usual ones, else quarters of the rows."""
    if column.content.type == "category":
        return ()
    if column.content.type == "timestamp":
        return tuple(float(round(years * DAYS_A_YEAR)) for years in AGE_BANDS)
    if vocabulary.is_age(column.header):
        return tuple(float(years) for years in AGE_BANDS)
    quarters = [column.content.values.cast(pl.Float64).quantile(share) for share in (0.25, 0.5, 0.75)]
    return tuple(sorted({float(value) for value in quarters if value is not None}))


def _is_personal(column: Treated) -> bool:
    content = column.content
    rows = len(content.values) - content.missing
    if content.type not in ("category", "int") or content.distinct < max(20, rows * 0.2):
        return False
    mails = content.type == "category" and content.values.drop_nulls().head(200).str.contains(r"\S@\S+\.\w").mean() == 1
    return mails or vocabulary.is_personal(column.header)


def _leak(column: Treated, setting: Setting) -> str:
    values = column.content.values
    if column.content.type == "timestamp":
        later = (values > setting.events).mean() or 0.0
        if isinstance(later, float) and later > MOST_LATER:
            return f"later than the row's own time in {later:.0%} of the rows: written afterwards"
        values = (setting.events - values).dt.total_days()
    if values.dtype == pl.Boolean:
        values = values.cast(pl.Int64)
    alone = leakage.separation(values.filter(pl.Series(setting.known)), setting.outcome)
    if alone > leakage.TOO_GOOD:
        return f"alone tells the outcome (AUC {alone:.3f}): surely written after it"
    return ""


def _identifies(column: Treated) -> str:
    content = column.content
    rows = len(content.values) - content.missing
    if content.type == "category" and content.distinct > max(KEPT, rows * 0.5):
        return f"id or free text: {content.distinct:,} different values in {rows:,} rows"
    if content.type != "int" or content.distinct < max(KEPT, rows * 0.999):
        return ""
    low, high = content.values.min(), content.values.max()
    dense = isinstance(low, int) and isinstance(high, int) and high - low < 1.5 * rows
    if vocabulary.is_identifier(column.header) or dense:
        return f"an id: {content.distinct:,} different numbers in {rows:,} rows"
    return ""


def _feature(column: Treated, setting: Setting) -> Treated:
    if column.content.type == "int" and vocabulary.is_identifier(column.header) and column.content.distinct <= 1000:
        column = replace(column, content=column.content.as_category())
    written = _written(column)
    if written is None:
        return replace(column, why=f"{column.content.distinct:,} different texts, none common enough to learn from")
    return replace(column, role="feature", uses=(setting.use,), feature=written, why="")


def _written(column: Treated) -> dict[str, Any] | None:
    """The feature as `features.yaml` has it; None for a category without a single common value."""
    if column.content.type == "timestamp":
        return {"transform": "days_between", "start": column.name}
    if column.content.type != "category":
        return {"transform": "value", "column": column.name}
    if column.content.distinct <= KEPT:
        return {"transform": "category", "column": column.name}
    common = common_values(column.content.values)
    return {"transform": "frequent_category", "column": column.name, "keep": common} if common else None


def common_values(values: pl.Series) -> list[str]:
    """The commonest values, at most `KEPT`, each in at least one row of a thousand and in `LEAST_ROWS`."""
    counts = (
        values.drop_nulls().value_counts(name="rows").filter(pl.col("rows") >= max(LEAST_ROWS, len(values) // 1000))
    )
    ranked = counts.sort(["rows", values.name], descending=[True, False]).head(KEPT)
    return sorted(ranked[values.name].to_list())
