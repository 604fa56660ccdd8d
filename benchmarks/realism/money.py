"""Pictures of money and people: rhythm by hour, weekday, payday and season; trouble before it shows; ages."""

from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.axes import Axes

from benchmarks.realism.canvas import BANK, TAIWAN, WORLD, histogram, kept, panels, titled
from benchmarks.realism.tables import bank, rows, taiwan

WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
PERIOD, PERIODS = 9, 7
"""Days looked at together, and how many times."""


def rhythm(world: Path) -> Path:
    """Purchases by hour, weekday, days since the salary and month."""
    bought = rows(world, "raw", "transactions").filter(pl.col("kind").cast(pl.String) == "purchase")
    moment = pl.col("event_timestamp")
    hours = bought.group_by(moment.dt.hour().alias("hour"), (moment.dt.weekday() > 5).alias("end")).len().collect()
    days = bought.group_by(moment.dt.date().alias("day")).len().sort("day").collect()
    axes, figure = panels(4, 2.9)
    for end, label in ((False, "weekdays"), (True, "weekends")):
        part = hours.filter(pl.col("end") == end).sort("hour")
        axes[0].plot(part["hour"], part["len"] / part["len"].sum(), label=label, color=WORLD if not end else "#7fb0e6")
    titled(axes[0], "Hour of purchases", "hour", "share")
    axes[0].legend(fontsize=7, frameon=False)
    week = days.group_by(pl.col("day").dt.weekday().alias("weekday")).agg(pl.col("len").mean()).sort("weekday")
    axes[1].bar(WEEKDAYS, week["len"] / week["len"].mean(), color=WORLD)
    titled(axes[1], "Weekday", "", "purchases over their mean")
    _payday(world, bought, axes[2])
    people = rows(world, "truth", "true_people").select(joined=moment.dt.date()).collect()["joined"].to_numpy()
    joined = np.searchsorted(np.sort(people), days["day"].to_numpy(), side="right")
    a_head = days.with_columns(
        a_head=pl.Series(days["len"].to_numpy() / joined), month=pl.col("day").dt.truncate("1mo")
    )
    season = a_head.group_by("month").agg(pl.col("a_head").mean()).sort("month")
    axes[3].plot(season["month"], season["a_head"], color=WORLD, marker=".")
    axes[3].set_ylim(0, None)
    axes[3].tick_params(axis="x", rotation=45, labelsize=6.5)
    titled(axes[3], "Season", "", "purchases a day and customer")
    return kept(figure, "rhythm")


def _payday(world: Path, bought: pl.LazyFrame, axis: Axes) -> None:
    """Purchases by days since the last salary."""
    paid = rows(world, "raw", "transactions").filter(pl.col("kind").cast(pl.String) == "salary")
    paid = paid.select("customer_id", "event_timestamp", salary="event_timestamp").sort("event_timestamp")
    some = (
        bought.filter(pl.col("customer_id") % 5 == 0).select("customer_id", "event_timestamp").sort("event_timestamp")
    )
    since = some.join_asof(paid, on="event_timestamp", by="customer_id", check_sortedness=False).drop_nulls("salary")
    gap = (pl.col("event_timestamp").dt.date() - pl.col("salary").dt.date()).dt.total_days().alias("gap")
    counts = since.group_by(gap).len().filter(pl.col("gap") < 28).sort("gap").collect()
    axis.bar(counts["gap"], counts["len"] / counts["len"].mean(), color=WORLD)
    titled(axis, "Days since the salary", "days", "purchases over their mean")


def trouble(world: Path) -> Path:
    """Spending in the weeks before a borrower first falls 30 days behind, beside borrowers who never do."""
    late = rows(world, "raw", "loan_states").filter(pl.col("state").cast(pl.String) == "late_30_59")
    first = late.group_by("customer_id").agg(at=pl.col("event_timestamp").min().dt.date() - pl.duration(days=30))
    borrowers = rows(world, "raw", "loans").select("customer_id").unique()
    # Any day of theirs will do: spread over the year, so that no season shows.
    some_day = pl.date(2024, 4, 1) + pl.duration(days=pl.col("customer_id") * 37 % 360)
    never = borrowers.join(first, on="customer_id", how="anti").with_columns(at=some_day)
    axes, figure = panels(3)
    for label, colour, who in (("who then miss an instalment", TAIWAN, first), ("who never do", WORLD, never)):
        found = _periods(world, who)
        days = found["period"].to_numpy() * PERIOD + PERIOD / 2
        axes[0].plot(days, found["mean"] / found["mean"][:2].mean(), color=colour, label=label, marker=".")
        axes[1].plot(days, found["swing"], color=colour, marker=".")
        axes[2].plot(days, found["wish"], color=colour, marker=".")
    titled(axes[0], "Purchases", "days from the missed due date", "over the first 18 days")
    titled(axes[1], "Swings", "days from the missed due date", "variance over mean of three days' purchases")
    titled(axes[2], "Gambling and pawnbrokers", "days from the missed due date", "share of purchases")
    axes[0].set_ylim(0, 1.3)
    axes[0].legend(fontsize=7, frameon=False)
    return kept(figure, "trouble")


def _periods(world: Path, who: pl.LazyFrame) -> pl.DataFrame:
    """By nine days: purchases a person, how much the three thirds of the nine days differ, and what is bought."""
    bought = rows(world, "raw", "transactions").filter(pl.col("kind").cast(pl.String) == "purchase")
    since = (pl.col("event_timestamp").dt.date() - pl.col("at")).dt.total_days()
    near = bought.join(who, on="customer_id").filter(since.is_between(-PERIODS * PERIOD, PERIOD - 1))
    wish = pl.col("mcc").is_in([7995, 5933]).sum().alias("wish")
    third = (since % PERIOD) // 3
    thirds = near.group_by("customer_id", (since // PERIOD).alias("period"), third.alias("third")).agg(pl.len(), wish)
    total, squares = pl.col("len").sum(), (pl.col("len") ** 2).sum()
    each = thirds.group_by("customer_id", "period").agg(
        total.alias("mean"), (squares / total - total / 3).alias("swing"), pl.col("wish").sum()
    )
    means = (pl.col("mean").mean(), pl.col("swing").mean(), pl.col("wish").sum() / pl.col("mean").sum())
    return each.group_by("period").agg(*means).sort("period").collect()


def people(world: Path) -> Path:
    """Ages, and balances over their median."""
    ours = rows(world, "raw", "customers").unique("customer_id", keep="first").collect()
    age = ((pl.date(2024, 6, 30) - pl.col("birth_date")).dt.total_days() / 365.25).alias("age")
    (left, right), figure = panels(2)
    bins = np.arange(18, 80, 3.0)
    histogram(left, ours.select(age).to_series().to_numpy(), bins, "world", WORLD)
    histogram(left, taiwan()["AGE"].to_numpy().astype(float), bins, "Taiwan: cards", TAIWAN)
    histogram(left, bank()["age"].to_numpy().astype(float), bins, "Portugal: bank", BANK)
    titled(left, "Age", "years", "share")
    last = rows(world, "raw", "balances").filter(pl.col("event_timestamp") == pl.col("event_timestamp").max()).collect()
    for values, label, colour in (
        (last["current"].to_numpy(), "world: current accounts", WORLD),
        (bank()["balance"].to_numpy().astype(float), "Portugal: accounts", BANK),
    ):
        histogram(right, values / np.median(values), np.linspace(-2, 12, 57), label, colour)
    titled(right, "Balances over their median", "multiple of the median")
    for axis in (left, right):
        axis.legend(fontsize=7, frameon=False)
    return kept(figure, "people")
