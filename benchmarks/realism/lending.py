"""Pictures of the book: vintages, roll rates, default by grade, utilisation, amounts."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.realism.canvas import TAIWAN, WORLD, histogram, kept, panels, titled
from benchmarks.realism.tables import months_on_book, rows, taiwan

MONTHS, LEAST_SEEN = 18, 4
STAGES = ("current", "late_1_29", "late_30_59", "late_60_89")
CARD_PAID = 0
"""Repayment statuses of the cards up to this one are not late."""
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
    """Of the loans at a stage at a month's end, the share one stage further at the next; cards beside it."""
    ends = rows(world, "raw", "loan_states").filter(
        pl.col("event_timestamp").dt.date() == pl.col("event_timestamp").dt.month_end().dt.date()
    )
    ends = ends.select("loan_id", "event_timestamp", stage=pl.col("state").cast(pl.String)).unique(
        ["loan_id", "event_timestamp"]
    )
    both = (
        ends.sort("loan_id", "event_timestamp")
        .with_columns(after=pl.col("stage").shift(-1).over("loan_id"))
        .drop_nulls()
        .collect()
    )
    names = [*STAGES, "default"]
    ours = [_share(both, stage, after) for stage, after in pairwise(names)]
    cures = [_share(both, stage, "current") for stage in STAGES[1:]]
    cards, card_cures = _cards()
    left, right = (axes := panels(2))[0]
    place = np.arange(4)
    left.bar(place - 0.2, ours, 0.4, color=WORLD, label="world: loans")
    left.bar(place + 0.2, cards, 0.4, color=TAIWAN, label="Taiwan: cards, months late")
    left.set_xticks(place, ["current→1–29", "1–29→30–59", "30–59→60–89", "60–89→90+"], fontsize=6.5)
    titled(left, "Roll rates, month to month", "", "share that rolls on")
    right.bar(np.arange(3) - 0.2, cures, 0.4, color=WORLD)
    right.bar(np.arange(3) + 0.2, card_cures, 0.4, color=TAIWAN)
    right.set_xticks(np.arange(3), ["1–29", "30–59", "60–89"], fontsize=7)
    titled(right, "Cure rates, month to month", "days past due", "share back to current")
    left.legend(fontsize=7, frameon=False)
    return kept(axes[1], "roll_rates")


def _share(both: pl.DataFrame, stage: str, after: str) -> float:
    at = both.filter(pl.col("stage") == stage)
    return float((at["after"] == after).sum() / max(len(at), 1))


def _cards() -> tuple[list[float], list[float]]:
    """The cards' statuses from month to month: 0 or less is paid, then whole months of delay."""
    wide = taiwan()
    months = [wide[f"PAY_{place}"].to_numpy() for place in (6, 5, 4, 3, 2, 0)]
    before, after = np.concatenate(months[:-1]), np.concatenate(months[1:])
    stage, then = np.maximum(before, CARD_PAID), np.maximum(after, CARD_PAID)
    rolls = [
        float((then[stage == late] > late).mean()) if late else float((then[stage == 0] > 0).mean())
        for late in range(4)
    ]
    return rolls, [float((then[stage == late] == 0).mean()) for late in (1, 2, 3)]


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
    for offset, (label, colour, score, outcome) in enumerate(
        (
            ("world: by true PD", "#0d2f55", -seen["pd"].to_numpy(), bad),
            ("world: by bureau score", WORLD, seen["score"].fill_null(strategy="mean").to_numpy(), bad),
            (
                "Taiwan: by card limit",
                TAIWAN,
                cards["LIMIT_BAL"].to_numpy().astype(float),
                cards["DEFAULT"].to_numpy() == 1,
            ),
        )
    ):
        order = np.argsort(-score, kind="stable")
        rates = [float(part.mean()) for part in np.array_split(outcome[order], GRADES)]
        axis.bar(np.arange(GRADES) + 0.27 * (offset - 1), rates, 0.27, color=colour, label=label)
    axis.set_xticks(np.arange(GRADES), list("ABCDE"))
    titled(axis, "Default by grade (fifths, A safest)", "grade", "default rate")
    axis.legend(fontsize=7, frameon=False)
    return kept(figure, "grades")


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
