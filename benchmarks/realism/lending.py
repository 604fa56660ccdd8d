"""Pictures of the book: vintages, roll rates, default by grade, utilisation, amounts."""

from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.axes import Axes

from benchmarks.realism.canvas import TAIWAN, WORLD, histogram, kept, panels, titled
from benchmarks.realism.tables import months_on_book, rows, taiwan
from simulation.columns import Array, Ints

MONTHS, LEAST_SEEN = 18, 4
GRADES = 5


def vintages(world: Path) -> Path:
    """Share of each quarter's loans that have ever been 90 days late, by months on book."""
    loans = rows(world, "raw", "loans").select("loan_id", opened="event_timestamp").unique("loan_id")
    bad = rows(world, "truth", "defaults").select("loan_id", at="event_timestamp")
    joined = loans.join(bad, on="loan_id", how="left").filter(pl.col("opened").dt.year() >= 2024).collect()
    joined = joined.with_columns(
        quarter=pl.col("opened").dt.strftime("%Y Q") + pl.col("opened").dt.quarter().cast(pl.String)
    )
    last = joined["opened"].to_numpy().max()
    (axis,), figure = panels(1)
    for quarter in joined["quarter"].unique().sort():
        part = joined.filter(pl.col("quarter") == quarter)
        seen = int((last - part["opened"].to_numpy().max()) / np.timedelta64(1, "D") / 30.4)
        months = part.drop_nulls("at").select(months_on_book("opened", "at")).to_series().to_numpy()
        if seen >= LEAST_SEEN:
            along = np.arange(min(seen, MONTHS) + 1)
            axis.plot(along, [(months <= month).sum() / len(part) for month in along], label=quarter, linewidth=1.3)
    titled(axis, "Vintages: ever 90 days past due", "months on book", "share of loans")
    axis.legend(fontsize=7, frameon=False)
    return kept(figure, "vintages")


def roll_rates(world: Path) -> Path:
    """What becomes of loans at a stage from one month's end to the next; cards by whole months of delay beside them."""
    end = pl.col("event_timestamp").dt.date() == pl.col("event_timestamp").dt.month_end().dt.date()
    ends = rows(world, "raw", "loan_states").filter(end).unique(["loan_id", "event_timestamp"])
    ends = ends.sort("loan_id", "event_timestamp").with_columns(stage=pl.col("state").to_physical().cast(pl.Int64))
    both = ends.with_columns(after=pl.col("stage").shift(-1).over("loan_id")).drop_nulls("after").collect()
    ours, cards = _moves(both["stage"].to_numpy(), both["after"].to_numpy(), (1, 2, 3)), _cards()
    (left, right), figure = panels(2)
    late = [float((both["after"].to_numpy()[both["stage"].to_numpy() == 0] > 0).mean()), cards[1]]
    left.bar(["world: loans", "Taiwan: cards"], late, color=[WORLD, TAIWAN], width=0.5)
    titled(left, "Current at a month's end, late at the next", "", "share")
    names = ["world\n1–29", "world\n30–59", "world\n60–89", "Taiwan\n2 months", "Taiwan\n3 months"]
    bottom = np.zeros(5)
    for place, (label, colour) in enumerate(
        (("back to current", "#6fa86b"), ("no further", "#cfcfcf"), ("rolls on", "#b5432f"))
    ):
        shares = np.array([moves[place] for moves in (*ours, *cards[0])])
        right.bar(names, shares, bottom=bottom, label=label, color=colour, width=0.7)
        bottom += shares
    titled(right, "From one month's end to the next, by days past due", "", "share")
    right.legend(fontsize=7, loc="upper left", ncols=3, bbox_to_anchor=(0, 1.0))
    right.set_ylim(0, 1.18)
    return kept(figure, "roll_rates")


def _moves(before: Ints, after: Ints, stages: tuple[int, ...]) -> list[tuple[float, float, float]]:
    """Of those at each stage: the shares back to current, no further, and further."""
    at = [after[before == stage] for stage in stages]
    return [
        (float((then == 0).mean()), float(((then > 0) & (then <= stage)).mean()), float((then > stage).mean()))
        for stage, then in zip(stages, at, strict=True)
    ]


def _cards() -> tuple[list[tuple[float, float, float]], float]:
    """The cards' statuses from month to month: 0 or less is paid, then whole months of delay; 1 hardly occurs."""
    wide = taiwan()
    months = [np.maximum(wide[f"PAY_{place}"].to_numpy(), 0) for place in (6, 5, 4, 3, 2)]
    before, after = np.concatenate(months[:-1]), np.concatenate(months[1:])
    return _moves(before, after, (2, 3)), float((after[before == 0] > 0).mean())


def grades(world: Path) -> Path:
    """Default within a year by fifths of the bureau's score and of the true PD; cards by fifths of their limit."""
    defaults = rows(world, "truth", "defaults").select("loan_id", "days_on_book")
    bureau = (
        rows(world, "raw", "bureau")
        .select(loan_id="application_id", score="bureau_score")
        .unique("loan_id", keep="last")
    )
    loans = rows(world, "truth", "true_loans").filter(pl.col("event_timestamp").dt.year() == 2024)
    seen = loans.join(defaults, on="loan_id", how="left").join(bureau, on="loan_id").collect()
    bad = (seen["days_on_book"] <= 365).fill_null(False).to_numpy()
    cards = taiwan()
    (axis,), figure = panels(1)
    bureau_score, limit = seen["score"].fill_null(strategy="mean").to_numpy(), cards["LIMIT_BAL"].to_numpy()
    _bars(axis, 0, "world: by true PD", "#0d2f55", -seen["pd"].to_numpy(), bad)
    _bars(axis, 1, "world: by bureau score", WORLD, bureau_score, bad)
    _bars(axis, 2, "Taiwan: by card limit", TAIWAN, limit, cards["DEFAULT"].to_numpy() == 1)
    axis.set_xticks(np.arange(GRADES), list("ABCDE"))
    titled(axis, "Default by grade (fifths, A safest)", "grade", "default rate")
    axis.legend(fontsize=7, frameon=False)
    return kept(figure, "grades")


def _bars(axis: Axes, place: int, label: str, colour: str, score: Array, bad: Array) -> None:
    """Default rates of fifths by a score, the highest first."""
    order = np.argsort(-score, kind="stable")
    rates = [float(part.mean()) for part in np.array_split(bad[order], GRADES)]
    axis.bar(np.arange(GRADES) + 0.27 * (place - 1), rates, 0.27, color=colour, label=label)


def amounts(world: Path) -> Path:
    """Incomes and amounts, each in multiples of its median, so that currencies do not matter; utilisation of limits."""
    income = rows(world, "truth", "true_people").select("income").collect().to_series().to_numpy()
    loans = (
        rows(world, "raw", "loans").unique("loan_id", keep="last").select("principal").collect().to_series().to_numpy()
    )
    cards = taiwan()
    limit, bill = cards["LIMIT_BAL"].to_numpy().astype(float), cards["BILL_AMT1"].to_numpy().astype(float)
    (left, middle, right), figure = panels(3)
    bins = np.geomspace(0.05, 20, 41)
    histogram(left, income / np.median(income), bins, "world: income", WORLD)
    titled(left, "Income over its median", "multiple of the median", "share")
    histogram(middle, loans / np.median(loans), bins, "world: loans", WORLD)
    histogram(middle, limit / np.median(limit), bins, "Taiwan: card limits", TAIWAN)
    titled(middle, "Amounts over their median", "multiple of the median")
    used = _utilisation(world)
    histogram(right, used, np.linspace(0, 1.2, 25), "world: owed over limit", WORLD)
    histogram(right, bill / limit, np.linspace(0, 1.2, 25), "Taiwan: bill over limit", TAIWAN)
    titled(right, "Utilisation", "share of the limit in use")
    for axis in (left, middle):
        axis.set_xscale("log")
    for axis in (left, middle, right):
        axis.legend(fontsize=7, frameon=False)
    return kept(figure, "amounts")


def _utilisation(world: Path) -> np.ndarray:
    """At the last month's end, of all customers with a limit; those who owe nothing included."""
    limits = (
        rows(world, "raw", "limits").sort("event_timestamp").unique("customer_id", keep="last", maintain_order=True)
    )
    states = (
        rows(world, "raw", "loan_states").sort("event_timestamp").unique("loan_id", keep="last", maintain_order=True)
    )
    owed = (
        states.filter(pl.col("state").cast(pl.String) != "written_off")
        .group_by("customer_id")
        .agg(pl.col("outstanding").sum())
    )
    both = limits.join(owed, on="customer_id", how="left").filter(pl.col("limit") > 0).collect()
    return np.asarray((both["outstanding"].fill_null(0.0) / both["limit"]).to_numpy())
