"""Pictures of money and people: trouble before it shows, ages, balances."""

from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.realism.canvas import BANK, TAIWAN, WORLD, from_zero, histogram, kept, legend, panels, percents, titled
from benchmarks.realism.report import BANK as CALLS
from benchmarks.realism.report import TAIWAN as CARDS
from benchmarks.realism.report import Drawn, Line
from benchmarks.realism.tables import bank, rows, taiwan

PERIOD, PERIODS = 9, 7
"""Days looked at together, and how many times."""


def trouble(world: Path) -> Drawn:
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
        axes[1].plot(days, found["swing"], color=colour, label=label, marker=".")
        axes[2].plot(days, found["wish"], color=colour, label=label, marker=".")
    titled(axes[0], "Purchases (nothing public)", "days from the missed due date", "over the first 18 days")
    titled(axes[1], "Swings of purchases in three days", "days from the missed due date", "variance over mean")
    titled(axes[2], "Gambling and pawnbrokers", "days from the missed due date", "share of purchases")
    from_zero(*axes)
    axes[0].set_ylim(0, 1.35)
    percents(axes[2].yaxis)
    legend(*axes, place="lower left")
    return Drawn(
        kept(figure, "trouble"), (Line("spending in the weeks before a first missed instalment", "see the picture"),)
    )


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


def people(world: Path) -> Drawn:
    """Ages, and balances over their median."""
    ours = rows(world, "raw", "customers").unique("customer_id", keep="first").collect()
    age = ((pl.date(2024, 6, 30) - pl.col("birth_date")).dt.total_days() / 365.25).alias("age")
    (left, right), figure = panels(2)
    bins = np.arange(18, 97, 3.0)
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
    right.set_xticks(range(-2, 13, 2), ["−2 or less", *map(str, range(0, 12, 2)), "12+"])
    percents(left.yaxis, right.yaxis)
    legend(left, right, place="upper right")
    return Drawn(kept(figure, "people"), _lines(ours.select(age).to_series(), last["current"]))


def _lines(age: pl.Series, balance: pl.Series) -> tuple[Line, ...]:
    """Quartiles of ages, and of balances over their median."""

    def quartiles(values: pl.Series, over: float = 1.0, places: int = 0) -> str:
        return " / ".join(f"{float(np.quantile(values.to_numpy(), at)) / over:.{places}f}" for at in (0.25, 0.5, 0.75))

    theirs = bank()["balance"]
    return (
        Line("age, quartiles", quartiles(age), quartiles(taiwan()["AGE"]), CARDS),
        Line("age, quartiles", "as above", quartiles(bank()["age"]), CALLS),
        Line("balance over its median, quartiles", quartiles(balance, float(np.median(balance)), 2),
             quartiles(theirs, float(np.median(theirs)), 2), CALLS),
    )  # fmt: skip
