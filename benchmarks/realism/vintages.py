"""The picture of vintages: ever 90 days late by months on book, and a book that falls behind after it is first seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.axes import Axes

from benchmarks.realism.canvas import (
    LENDING_CLUB,
    TAIWAN,
    WORLD,
    Values,
    from_zero,
    kept,
    legend,
    panels,
    percents,
    titled,
)
from benchmarks.realism.published import published
from benchmarks.realism.report import TAIWAN as CARDS
from benchmarks.realism.report import Drawn, Line, percent
from benchmarks.realism.shares import bars, differ_by_chance, wilson
from benchmarks.realism.tables import month_ends, months_on_book, rows, taiwan_months

MONTHS, LEAST_SEEN, COMPARED = 15, 5, 6
TOLD = (6, 9, 12)
"""Months on book that the table tells."""
TO_NINETY = 4
"""Months from the last payment to 90 days past due: a month until the next falls due, then three."""
FOLLOWED = 5
"""Months that the cards can be followed after the first."""
BEHIND = 2
"""The stage of a loan 30 days late or more."""


def vintages(world: Path) -> Drawn:
    """Share of each quarter's loans that have ever been 90 days late, and of a book that has been a month behind."""
    (opened, seen), figure = panels(2, 3.7)
    cohorts = _cohorts(world)
    for place, cohort in enumerate(cohorts):
        along = np.arange(min(cohort.seen, MONTHS) + 1)
        hits = np.array([(cohort.months <= month).sum() for month in along], np.float64)
        low, high = wilson(hits, np.full(len(along), float(cohort.loans)))
        shade = 0.35 + 0.65 * place / max(len(cohorts) - 1, 1)
        colour = tuple(1 - shade * (1 - part) for part in (0.12, 0.37, 0.66))
        opened.fill_between(along, low, high, color=colour, alpha=0.15, linewidth=0)
        label = f"world, {cohort.quarter}: {cohort.loans:,} loans"
        opened.plot(along, hits / cohort.loans, color=colour, linewidth=1.4, label=label)
    longest = np.arange(min(max((cohort.seen for cohort in cohorts), default=0), MONTHS) + 1)
    honest = [_by_month(cohorts, int(month), honest=True) for month in longest]
    opened.plot(longest, honest, color=WORLD, linestyle="--", linewidth=1, label="world, all without fraudsters' loans")
    _lending_club(opened)
    titled(opened, "Ever 90 days past due (bands: 95 %)", "months on book", "share of loans")
    followed = _since_seen(world, seen)
    from_zero(opened, room=1.7)
    from_zero(seen, room=1.15)
    percents(opened.yaxis, seen.yaxis)
    legend(opened, seen, place="upper left")
    return Drawn(kept(figure, "vintages"), (*_compared(cohorts), *followed))


@dataclass(frozen=True)
class Cohort:
    """A quarter's loans: months on book at 90 days past due, of honest people's too, and how long all were seen."""

    quarter: str
    months: Values
    honest_months: Values
    loans: int
    honest_loans: int
    seen: int


def _cohorts(world: Path) -> list[Cohort]:
    """By quarter, those that were seen for long enough."""
    loans = rows(world, "raw", "loans").select("loan_id", "customer_id", opened="event_timestamp").sort("opened")
    first = loans.unique("loan_id", keep="first", maintain_order=True)
    bad = rows(world, "truth", "defaults").select("loan_id", at="event_timestamp")
    fraud = rows(world, "truth", "true_fraud").select("customer_id", fraud=True).unique()
    # Loans of before the world's first year were there at its start: their first months were not seen.
    joined = first.filter(pl.col("opened").dt.year() >= 2024).join(bad, on="loan_id", how="left")
    label = pl.col("opened").dt.strftime("%Y Q") + pl.col("opened").dt.quarter().cast(pl.String)
    told = joined.join(fraud, on="customer_id", how="left").with_columns(
        pl.col("fraud").fill_null(False), quarter=label, months=months_on_book("opened", "at")
    ).collect()  # fmt: skip
    end = rows(world, "raw", "loan_states").select(pl.col("event_timestamp").max()).collect().item()
    found = []
    for quarter in told["quarter"].unique().sort():
        part = told.filter(pl.col("quarter") == quarter)
        seen = int((end - part["opened"].max()).days / 30.4)
        honest = part.filter(~pl.col("fraud"))
        months, theirs = (each["months"].drop_nulls().to_numpy().astype(np.float64) for each in (part, honest))
        if seen >= LEAST_SEEN:
            found.append(Cohort(quarter, months, theirs, len(part), len(honest), seen))
    return found


def _by_month(cohorts: Sequence[Cohort], month: int, honest: bool = False) -> float:
    """The share that was 90 days late by a month on book, of all quarters that were seen so long."""
    long = [cohort for cohort in cohorts if cohort.seen >= month]
    hits = sum(((each.honest_months if honest else each.months) <= month).sum() for each in long)
    return float(hits / max(sum(each.honest_loans if honest else each.loans for each in long), 1))


def _lending_club(axis: Axes) -> None:
    """Loans of a real lender, by when they were 90 days late as far as their last payment tells."""
    for name, marker in (("lendingclub_2018_01", "o"), ("lendingclub_2018_03", "s")):
        series = published()[name]
        month = "Jan." if name.endswith("01") else "March"
        axis.plot(series.places + TO_NINETY, series.shares, marker, color=LENDING_CLUB, markersize=4,
                  label=f"LendingClub, {month} 2018 (last payment + {TO_NINETY} months)")  # fmt: skip


def _compared(cohorts: Sequence[Cohort]) -> tuple[Line, ...]:
    """How far the quarters lie apart, whether chance alone does that, and what a real lender had by then."""
    seen = [cohort for cohort in cohorts if cohort.seen >= COMPARED]
    hits = np.array([float((cohort.months <= COMPARED).sum()) for cohort in seen])
    trials = np.array([float(cohort.loans) for cohort in seen])
    chance = differ_by_chance(hits, trials) if len(seen) > 1 and hits.sum() else 1.0
    low, high = (percent(part) for part in ((hits / trials).min(), (hits / trials).max()))
    told = f"{low} to {high} by quarter; by chance alone so far apart: p = {chance:.2f}"
    series = published()["lendingclub_2018_01"]
    theirs = {int(at) + TO_NINETY: value for at, value in zip(series.places, series.values, strict=True)}
    return (
        Line(f"ever 90 days late {COMPARED} months on book, lowest to highest quarter", told, "see below"),
        *(
            Line(f"ever 90 days late {month} months on book / without fraudsters' loans",
                 f"{percent(_by_month(cohorts, month))} / {percent(_by_month(cohorts, month, honest=True))}",
                 percent(theirs[month]), "LendingClub, January 2018")
            for month in TOLD if any(cohort.seen >= month for cohort in cohorts)
        ),
    )  # fmt: skip


def _since_seen(world: Path, axis: Axes) -> tuple[Line, ...]:
    """Of those not a month behind when first looked at, the share that has been since: loans, and cards."""
    ends = month_ends(world)
    days = ends["at"].unique().sort()
    start = days[-FOLLOWED - 1]
    first = ends.filter((pl.col("at") == start) & (pl.col("stage") < BEHIND))["loan_id"]
    later = ends.filter((pl.col("at") > start) & pl.col("loan_id").is_in(first.implode()))
    fell = later.filter(pl.col("stage") >= BEHIND).group_by("loan_id").agg(pl.col("at").min())["at"]
    ours = np.array([0.0, *(float((fell <= day).sum()) for day in days[-FOLLOWED:])])
    cards = taiwan_months()
    well = cards[0] < BEHIND
    ever = np.maximum.accumulate(np.stack(cards), axis=0)[:, well] >= BEHIND
    for hits, count, label, colour in (
        (ours, len(first), "world: loans 30 days late", WORLD),
        (ever.sum(1).astype(np.float64), int(well.sum()), "Taiwan: cards 2 months late", TAIWAN),
    ):
        share, reach = bars(hits, np.full(FOLLOWED + 1, float(count)))
        axis.errorbar(np.arange(FOLLOWED + 1), share, reach, color=colour, marker=".", linewidth=1.4,
                      label=f"{label} ({count:,})")  # fmt: skip
    titled(axis, "Of a book up to date when first seen:\nbehind since", "months since first seen", "share")
    what = f"of a book up to date when first seen, behind within {FOLLOWED} months (loans 30 days, cards 2 months)"
    return (Line(what, percent(ours[-1] / len(first)), percent(float(ever[-1].mean())), CARDS),)
