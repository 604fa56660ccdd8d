"""The picture of rhythm: purchases by hour, weekday, payday and season; a lender's contacts by weekday and month."""

from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.axes import Axes

from benchmarks.realism.canvas import BANK, LIGHT, OTHERS, WORLD, Values, from_zero, kept, legend, panels, titled
from benchmarks.realism.published import published
from benchmarks.realism.report import BANK as CALLS
from benchmarks.realism.report import Drawn, Line
from benchmarks.realism.tables import bank_days, rows

WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
INITIALS = list("JFMAMJJASOND")
EVERY = 5
"""One customer in so many is looked at for paydays."""
MOMENT = pl.col("event_timestamp")


def rhythm(world: Path) -> Drawn:
    """Six panels, four of them beside what is published of real shops, retail trade and a bank's calls."""
    bought = rows(world, "raw", "transactions").filter(pl.col("kind").cast(pl.String) == "purchase")
    days = bought.group_by(MOMENT.dt.date().alias("day")).agg(pl.len(), pl.col("amount").sum()).sort("day").collect()
    axes, figure = panels(6, 2.9, across=3)
    _hours(bought, axes[0])
    week = _by(days["day"].dt.weekday(), days["len"], 7)
    orders = published()["olist_weekdays"].shares
    _pair(axes[1], WEEKDAYS, week, "world: purchases", orders / orders.mean(), "Brazil: orders at Olist", OTHERS)
    titled(axes[1], "Weekday of purchases", "", "over their mean")
    _payday(world, bought, axes[2])
    months, factors = _season(world, days), published()["census_season"].shares
    _pair(axes[3], INITIALS, months, "world: spent a head", factors / factors.mean(), "US: retail sales", OTHERS)
    titled(axes[3], "Season of purchases", "", "over the mean month's")
    called = _contacts(world, axes[4], axes[5])
    from_zero(axes[2])
    from_zero(axes[1], *axes[3:], room=1.3)
    legend(axes[0], *axes[1:2], *axes[3:], place="upper left")
    weekend, theirs = (part[5:].sum() / part.sum() for part in (week, orders))
    lines = (
        Line("purchases by weekday over the mean, from Monday", _told(week), _told(orders / orders.mean()), "Olist"),
        Line("weekend's share of purchases", f"{weekend:.0%}", f"{theirs:.0%}", "Olist"),
        Line("a month's purchases over the mean month's, from January", _told(months),
             _told(factors / factors.mean()), "US retail"),
        Line("hour of purchases, days since the salary", "see the picture"),
    )  # fmt: skip
    return Drawn(kept(figure, "rhythm"), (*lines, *called))


def _told(values: Values) -> str:
    return " ".join(f"{value:.2f}" for value in values)


def _by(number: pl.Series, count: pl.Series, kinds: int) -> Values:
    """The mean of a day's count by kind of day (1, 2, …), over the mean of all kinds."""
    frame = pl.DataFrame({"kind": number.cast(pl.Int64), "count": count})
    found = dict(frame.group_by("kind").agg(pl.col("count").mean()).iter_rows())
    means = np.array([found.get(kind, np.nan) for kind in range(1, kinds + 1)], np.float64)
    return np.asarray(means / np.nanmean(means))


def _pair(axis: Axes, names: list[str], ours: Values, label: str, theirs: Values, whose: str, colour: str) -> None:
    """Two rhythms side by side."""
    at = np.arange(len(names))
    axis.bar(at - 0.2, ours, 0.4, color=WORLD, label=label)
    axis.bar(at + 0.2, theirs, 0.4, color=colour, label=whose)
    axis.axhline(1, color="grey", linewidth=0.6)
    axis.set_xticks(at, names)


def _hours(bought: pl.LazyFrame, axis: Axes) -> None:
    """By hour, working days and weekends apart."""
    hours = bought.group_by(MOMENT.dt.hour().alias("hour"), (MOMENT.dt.weekday() > 5).alias("end")).len().collect()
    for end, label, colour in ((False, "world: weekdays", WORLD), (True, "world: weekends", LIGHT)):
        part = hours.filter(pl.col("end") == end).sort("hour")
        axis.plot(part["hour"], part["len"] / part["len"].sum(), label=label, color=colour)
    axis.set_ylim(0, None)
    titled(axis, "Hour of purchases (nothing public)", "hour", "share")


def _payday(world: Path, bought: pl.LazyFrame, axis: Axes) -> None:
    """Purchases by days since the last salary."""
    keys = ("customer_id", "event_timestamp")
    some = bought.filter(pl.col("customer_id") % EVERY == 0).select(keys).sort("event_timestamp")
    paid = rows(world, "raw", "transactions").filter(pl.col("kind").cast(pl.String) == "salary")
    paid = paid.filter(pl.col("customer_id") % EVERY == 0).select(*keys, salary=MOMENT).sort("event_timestamp")
    since = some.join_asof(paid, on="event_timestamp", by="customer_id", check_sortedness=False).drop_nulls("salary")
    gap = (MOMENT.dt.date() - pl.col("salary").dt.date()).dt.total_days().alias("gap")
    counts = since.group_by(gap).len().filter(pl.col("gap") < 28).sort("gap").collect()
    axis.bar(counts["gap"], counts["len"] / counts["len"].mean(), color=WORLD)
    titled(axis, "Days since the salary (nothing public)", "days", "purchases over their mean")


def _season(world: Path, days: pl.DataFrame) -> Values:
    """What a customer there spends in a calendar month, over that of the mean month; prices do not move."""
    people = rows(world, "truth", "true_people").select(joined=MOMENT.dt.date()).collect()["joined"].to_numpy()
    there = np.searchsorted(np.sort(people), days["day"].to_numpy(), side="right")
    a_head = days.with_columns(
        a_head=pl.Series(days["amount"].to_numpy() / there), month=pl.col("day").dt.truncate("1mo")
    )
    months = a_head.group_by("month").agg(pl.col("a_head").sum())
    return _by(months["month"].dt.month(), months["a_head"], 12)


def _contacts(world: Path, weekdays: Axes, months: Axes) -> tuple[Line, ...]:
    """A lender's contacts and a bank's calls, by weekday and by calendar month."""
    sent = rows(world, "raw", "contacts").filter(pl.col("delivered")).select(day=MOMENT.dt.date()).collect()["day"]
    called = bank_days()
    found = []
    for axis, names, kinds, title in (
        (weekdays, WEEKDAYS, 7, "Weekday of a lender's contacts"),
        (months, INITIALS, 12, "Month of a lender's contacts"),
    ):
        ours, theirs = (_contact_rhythm(day, kinds) for day in (sent, called))
        _pair(axis, names, ours, "world: contacts", theirs, "Portugal: calls", BANK)
        titled(axis, title, "", "over their mean")
        found.append(Line(f"{title.lower()} over the mean", _told(ours), _told(theirs), CALLS))
    return tuple(found)


def _contact_rhythm(day: pl.Series, kinds: int) -> Values:
    """Contacts by weekday, or a day by calendar month: days without any count too."""
    counts = pl.DataFrame({"day": day}).group_by("day").len()
    spell = pl.DataFrame({"day": pl.date_range(day.min(), day.max(), eager=True)})  # type: ignore[arg-type]
    all_days = spell.join(counts, on="day", how="left").with_columns(pl.col("len").fill_null(0))
    number = all_days["day"].dt.weekday() if kinds == 7 else all_days["day"].dt.month()
    return _by(number, all_days["len"], kinds)
