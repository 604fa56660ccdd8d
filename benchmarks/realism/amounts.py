"""Pictures of amounts: incomes, loans and utilisation, each as the share of people or loans with at most so much."""

from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.axes import Axes

from benchmarks.realism.canvas import LENDING_CLUB, OTHERS, TAIWAN, WORLD, Values, kept, legend, panels, spread, titled
from benchmarks.realism.published import published
from benchmarks.realism.report import TAIWAN as CARDS
from benchmarks.realism.report import Drawn, Line
from benchmarks.realism.tables import rows, taiwan

LOW, HIGH = 0.1, 0.9


def amounts(world: Path) -> Drawn:
    """Incomes and amounts in multiples of their medians, so that currencies do not matter; utilisation of limits."""
    income = rows(world, "truth", "true_people").select("income").collect().to_series().to_numpy()
    loans = rows(world, "raw", "loans").unique("loan_id", keep="last").select("principal").collect().to_series()
    (left, middle, right), figure = panels(3)
    spread(left, income / np.median(income), "world: people", WORLD)
    spread(middle, loans.to_numpy() / loans.median(), "world: loans", WORLD)
    for axis, name, label, colour in (
        (left, "acs_incomes", "US: employed adults, 2012", OTHERS),
        (left, "lendingclub_incomes", "LendingClub: borrowers, 2018", LENDING_CLUB),
        (middle, "lendingclub_amounts", "LendingClub: loans, 2018", LENDING_CLUB),
    ):
        _quantiles(axis, name, label, colour, over_median=True)
        axis.set_xscale("log")
        axis.set_xlim(0.05, 10)
    cards = taiwan()
    used, bills = _utilisation(world), (cards["BILL_AMT1"] / cards["LIMIT_BAL"]).to_numpy()
    spread(right, used, "world: owed over limit", WORLD)
    spread(right, bills, "Taiwan: bill over limit", TAIWAN)
    _quantiles(right, "lendingclub_utilisation", "LendingClub borrowers: all their\ncredit over all their limits",
               LENDING_CLUB)  # fmt: skip
    right.set_xlim(0, 1.2)
    titled(left, "Income", "multiple of the median", "share with at most so much")
    titled(middle, "Amounts of loans", "multiple of the median")
    titled(right, "Utilisation", "share of the limit in use")
    legend(left, middle, place="upper left")
    legend(right, place="lower right")
    return Drawn(kept(figure, "amounts"), (*_widths(income, loans.to_numpy()), *_limits(used, bills)))


def _quantiles(axis: Axes, name: str, label: str, colour: str, over_median: bool = False) -> None:
    """A published spread by its quantiles."""
    series = published()[name]
    values = series.shares / series.values[series.at.index(0.5)] if over_median else series.shares
    axis.plot(values, series.places, marker="o", markersize=3.5, linewidth=0.8, color=colour, label=label)


def _widths(income: Values, loans: Values) -> tuple[Line, ...]:
    """The spread from the tenth to the ninetieth in a hundred, over the median."""

    def width(values: Values) -> str:
        low, middle, high = np.quantile(values, [LOW, 0.5, HIGH])
        return f"{low / middle:.2f} to {high / middle:.2f}"

    def told(name: str) -> str:
        series = published()[name]
        low, middle, high = (series.values[series.at.index(at)] for at in (LOW, 0.5, HIGH))
        return f"{low / middle:.2f} to {high / middle:.2f}"

    return (
        Line("income, 10 to 90 % of people, over the median", width(income), told("acs_incomes"), "US employed, 2012"),
        Line("the same, of borrowers", "as above", told("lendingclub_incomes"), "LendingClub, 2018"),
        Line("amounts, 10 to 90 % of loans, over the median", width(loans), told("lendingclub_amounts"),
             "LendingClub, 2018"),
    )  # fmt: skip


def _limits(used: Values, bills: Values) -> tuple[Line, ...]:
    club = published()["lendingclub_utilisation"]
    told = [
        f"median {np.median(each):.2f}, nothing owed {np.mean(each <= 0):.0%}, above {HIGH} {np.mean(each > HIGH):.0%}"
        for each in (used, bills)
    ]
    middle = f"median {club.values[club.at.index(0.5)]:.2f}"
    return (Line("utilisation", told[0], told[1], CARDS), Line("the same", "as above", middle, "LendingClub, 2018"))


def _utilisation(world: Path) -> Values:
    """At the last month's end, of all customers with a limit; those who owe nothing included."""
    limits, states = (
        rows(world, "raw", table).sort("event_timestamp").unique(key, keep="last", maintain_order=True)
        for table, key in (("limits", "customer_id"), ("loan_states", "loan_id"))
    )
    alive = states.filter(pl.col("state").cast(pl.String) != "written_off")
    owed = alive.group_by("customer_id").agg(pl.col("outstanding").sum())
    both = limits.join(owed, on="customer_id", how="left").filter(pl.col("limit") > 0).collect()
    return np.asarray((both["outstanding"].fill_null(0.0) / both["limit"]).to_numpy())
