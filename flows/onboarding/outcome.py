"""The label column → which rows are events, by a person's word or by convention, and when that is known."""

import re
from dataclasses import dataclass

import polars as pl

from flows.onboarding.request import OnboardingError

POSITIVE = {
    "1", "1.0", "yes", "y", "true", "t", "default", "defaulted", "bad", "delinquent", "charged off", "charged-off",
    "converted", "conversion", "accepted", "subscribed", "responded", "positive", "late", "npl", "write-off", "buy",
    "是", "违约", "坏", "逾期", "转化", "成交",
}  # fmt: skip
NEGATIVE = {
    "0", "0.0", "-1", "-1.0", "no", "n", "false", "f", "good", "paid", "fully paid", "non-default", "no default",
    "current", "rejected", "declined", "negative", "否", "正常", "好", "未违约",
}  # fmt: skip
MATURES = r"(\d{1,4})d|(\d{1,3})m|month-end"


@dataclass(frozen=True)
class Outcome:
    """Whether each row is an event (null: not known), and the two values as written."""

    events: pl.Series
    positive: str
    negative: str
    how: str

    @property
    def known(self) -> int:
        """Rows with a label."""
        return len(self.events) - self.events.null_count()

    @property
    def rate(self) -> float:
        """Share of events among the rows with a label."""
        return float(self.events.cast(pl.Float64).mean() or 0.0)  # type: ignore[arg-type]


def read_outcome(column: pl.Series, header: str, positive: str | None) -> Outcome:
    """Read a label of exactly two values; the event's is `positive`, or the one that means yes by convention."""
    text = column.cast(pl.String).str.strip_chars()
    if column.dtype.is_float():
        text = text.str.replace(r"\.0$", "")
    counts = text.drop_nulls().value_counts().sort(["count", text.name], descending=[True, False])
    found = counts[text.name].to_list()
    shown = ", ".join(f"{value!r} ({count:,})" for value, count in counts.head(8).iter_rows())
    if len(found) != 2:
        raise OnboardingError(
            f"--label {header!r}: found {len(found)} values: {shown or 'none'}{', …' if len(found) > 8 else ''}; "
            "expected exactly two. Leave the label empty where the outcome is not known yet; join the others into two"
        )
    chosen, how = _positive(found, header, positive, shown)
    other = next(value for value in found if value != chosen)
    return Outcome(text == chosen, chosen, other, how)


def _positive(found: list[str], header: str, asked: str | None, shown: str) -> tuple[str, str]:
    if asked is not None:
        wanted = [value for value in found if value.casefold() == asked.strip().casefold()]
        if len(wanted) != 1:
            raise OnboardingError(f"--positive {asked!r}: not a value of {header!r}; found {shown}")
        return wanted[0], "as asked"
    yes = [value for value in found if value.casefold() in POSITIVE]
    no = [value for value in found if value.casefold() in NEGATIVE]
    if len(yes) == 1:
        # 1 beside 2 is as often "good" as "bad".
        if not no and yes[0] in ("1", "1.0"):
            raise _undecided(header, shown, found)
        return yes[0], "by convention"
    if len(no) == 1:
        return next(value for value in found if value != no[0]), "by convention"
    raise _undecided(header, shown, found)


def _undecided(header: str, shown: str, found: list[str]) -> OnboardingError:
    return OnboardingError(
        f"--label {header!r}: found {shown}; cannot tell which one is the event (a default, a sale). "
        f"Say so with --positive {found[-1]}"
    )


def matured(events: pl.Series, matures: str) -> pl.Series:
    """The day on which the outcome of an event at each time is known; `matures` is `30d`, `6m` or `month-end`.

    At month-end means the last day of the event's month; of the next one when the file has a row for each month's end,
    because such a row is not known before.
    """
    rule = re.fullmatch(MATURES, matures.strip().lower())
    if rule is None:
        raise OnboardingError(f"--matures {matures!r}: expected days as 30d, months as 6m, or month-end")
    day = events.dt.truncate("1d")
    if rule.group(1):
        return day.dt.offset_by(f"{rule.group(1)}d")
    if rule.group(2):
        return day.dt.offset_by(f"{rule.group(2)}mo")
    ends = day.dt.month_end()
    if bool((ends == day).all()):
        return day.dt.month_start().dt.offset_by("1mo").dt.month_end()
    return ends
