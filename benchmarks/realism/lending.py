"""Pictures of the book as it is: roll rates, who is late, default by grade."""

from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.axes import Axes

from benchmarks.realism.canvas import (
    DARK,
    LENDING_CLUB,
    TAIWAN,
    WORLD,
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
from benchmarks.realism.shares import bars
from benchmarks.realism.tables import month_ends, rows, taiwan, taiwan_months
from simulation.columns import Array, Ints

GRADES = 5
YEAR = 365
LIVE = 4
"""Stages up to this are loans not yet written off: current, 1-29, 30-59, 60-89 and 90-119 days late."""
NAMES = ["world\n1–29", "world\n30–59", "world\n60–89", "Taiwan\n2 months", "Taiwan\n3 months"]
Move = tuple[float, float, float]
"""Shares of a stage that go back to current, no further, and on."""
PARTS = (("back to current", "#6fa86b"), ("no further", "#cfcfcf"), ("rolls on", "#b5432f"))


def roll_rates(world: Path) -> Drawn:
    """What becomes of loans at a stage from one month's end to the next, cards beside them; the late of a live book."""
    ends = month_ends(world)
    both = ends.with_columns(after=pl.col("stage").shift(-1).over("loan_id")).drop_nulls("after")
    before, after = both["stage"].to_numpy(), both["after"].to_numpy()
    ours, (cards, cards_late) = _moves(before, after, (1, 2, 3)), _cards()
    (left, right, stock), figure = panels(3)
    late = float((after[before == 0] > 0).mean())
    seen = left.bar(["world: loans", "Taiwan: cards"], [late, cards_late], color=[WORLD, TAIWAN], width=0.5)
    left.bar_label(seen, [percent(late), percent(cards_late)], fontsize=7.5)
    titled(left, "Current at a month's end, late at the next", "", "share")
    _stacked(right, [*ours, *cards])
    percents(left.yaxis, right.yaxis)
    first = Line("current at a month's end, late at the next", percent(late), percent(cards_late), CARDS)
    lines = (first, *_rolled(ours, cards), *_stock(ends, stock))
    return Drawn(kept(figure, "roll_rates"), lines)


def _stacked(axis: Axes, moves: list[Move]) -> None:
    """What becomes of each stage, as parts of one."""
    bottom = np.zeros(len(NAMES))
    for place, (label, colour) in enumerate(PARTS):
        shares = np.array([move[place] for move in moves])
        axis.bar(NAMES, shares, bottom=bottom, label=label, color=colour, width=0.7)
        bottom += shares
    titled(axis, "From one month's end to the next, by days late", "", "share")
    axis.legend(fontsize=7.5, loc="upper left", ncols=3, frameon=False, columnspacing=0.8, handlelength=1)
    axis.set_ylim(0, 1.15)
    axis.tick_params(axis="x", labelsize=7)


def _rolled(ours: list[Move], cards: list[Move]) -> tuple[Line, ...]:
    """The same as figures; the cards' first stage hardly occurs, and the others are months, not days."""
    told = [f"{percent(back)} / {percent(on)}" for back, _, on in (*ours, *cards)]
    what = "late (cards: two, three months): back to current / rolls on"
    us = percent(published()["us_cards_roll"].values[0])
    return (
        Line("1–29 days late: back to current / rolls on", told[0]),
        Line(f"30–59 days {what}", told[1], told[3], CARDS),
        Line("30–59 days late: rolls on", percent(ours[1][2]), f"about {us}", "US cards, a vendor's statement"),
        Line(f"60–89 days {what}", told[2], told[4], CARDS),
    )


def _stock(ends: pl.DataFrame, axis: Axes) -> tuple[Line, ...]:
    """Of the loans alive at the last month's end, how many are late, beside a real lender's."""
    last = ends.filter((pl.col("at") == pl.col("at").max()) & (pl.col("stage") <= LIVE))["days_past_due"].to_numpy()
    ours = np.array([((last > 0) & (last < 30)).mean(), (last >= 30).mean()])
    club = published()["lendingclub_live"]
    slightly = club.of_place("grace") + club.of_place("late 16-30")
    theirs = np.array([slightly, club.of_place("late 31-120")]) / sum(club.values)
    for place, (shares, label, colour) in enumerate(
        ((ours, "world, last month", WORLD), (theirs, "LendingClub, March 2019", LENDING_CLUB))
    ):
        seen = axis.bar(np.arange(2) + 0.36 * (place - 0.5), shares, 0.36, color=colour, label=label)
        axis.bar_label(seen, [percent(share) for share in shares], fontsize=7.5)
    axis.set_xticks([0, 1], ["less than a month", "a month or more,\nnot yet written off"])
    titled(axis, "Late among live loans", "", "share")
    legend(axis, place="upper left")
    from_zero(axis, room=1.25)
    percents(axis.yaxis)
    return tuple(
        Line(f"live loans late {what}", percent(one), percent(other), "LendingClub, March 2019")
        for what, one, other in zip(("by less than a month", "by a month or more"), ours, theirs, strict=True)
    )


def _moves(before: Ints, after: Ints, stages: tuple[int, ...]) -> list[Move]:
    """Of those at each stage: the shares back to current, no further, and further."""
    at = [after[before == stage] for stage in stages]
    return [
        (float((then == 0).mean()), float(((then > 0) & (then <= stage)).mean()), float((then > stage).mean()))
        for stage, then in zip(stages, at, strict=True)
    ]


def _cards() -> tuple[list[Move], float]:
    """The cards' statuses from month to month: 0 or less is paid, then whole months of delay; 1 hardly occurs."""
    months = taiwan_months()[:-1]
    before, after = np.concatenate(months[:-1]), np.concatenate(months[1:])
    return _moves(before, after, (2, 3)), float((after[before == 0] > 0).mean())


def grades(world: Path) -> Drawn:
    """Default by grade, as it is and over the book's own: what counts as default differs and is told in the picture."""
    score, pd_, bad = _seen_for_a_year(world)
    cards = taiwan()
    missed = cards["DEFAULT"].to_numpy() == 1
    club = published()["lendingclub_grades"]
    (left, right), figure = panels(2, 3.9)
    found = [
        ("world, true PD (90 days late in a year)", DARK, *_fifths(-pd_, bad)),
        ("world, bureau score (90 days late in a year)", WORLD, *_fifths(score, bad)),
        ("Taiwan, card limit (any payment missed in a month)", TAIWAN, *_fifths(cards["LIMIT_BAL"].to_numpy(), missed)),
        ("LendingClub, its grades A to G (bad when looked at)", LENDING_CLUB, club.shares, np.array(club.of)),
    ]
    for label, colour, hits, trials in found:
        _graded(left, label, colour, hits, trials, 1.0)
        whole = hits.sum() / trials.sum()
        _graded(right, f"{label.split(' (')[0]}: {percent(whole)}", colour, hits, trials, whole)
    across = "share of the book, safest grades first"
    titled(left, "Default by grade: not the same default", across, "default rate")
    titled(right, "Over each book's own rate (in the legend)", across, "times the rate")
    from_zero(left, right, room=1.3)
    percents(left.xaxis, left.yaxis, right.xaxis)
    legend(left, right, place="upper left")
    return Drawn(kept(figure, "grades"), tuple(_spread(label, hits, trials) for label, _, hits, trials in found))


def _graded(axis: Axes, label: str, colour: str, hits: Array, trials: Array, over: float) -> None:
    """Default rates with intervals, each grade in the middle of its share of the book."""
    share, reach = bars(hits, trials)
    middle = (np.cumsum(trials) - trials / 2) / trials.sum()
    axis.errorbar(
        middle, share / over, reach / over, color=colour, label=label, marker="o", markersize=3.5, linewidth=1.3
    )


def _spread(label: str, hits: Array, trials: Array) -> Line:
    """How far the grades lie apart, told of the world or of whom the label says."""
    ends, whole = hits[[0, -1]] / trials[[0, -1]], hits.sum() / trials.sum()
    told = (
        f"{percent(whole)} of {int(trials.sum()):,}; safest {ends[0] / whole:.2f}, riskiest {ends[1] / whole:.2f} times"
    )
    what, of = f"default by grade: {label}", label.split(",")[0]
    return Line(what, told, "see below") if of == "world" else Line(what, "see above", told, of)


def _seen_for_a_year(world: Path) -> tuple[Array, Array, Array]:
    """Loans that could be watched for a year: the bureau's score, the true PD, and whether they defaulted in it."""
    defaults = rows(world, "truth", "defaults").select("loan_id", "days_on_book")
    bureau = rows(world, "raw", "bureau").select(loan_id="application_id", score="bureau_score")
    end = rows(world, "raw", "loan_states").select(pl.col("event_timestamp").max()).collect().item()
    opened = pl.col("event_timestamp")
    loans = rows(world, "truth", "true_loans").filter(
        (opened.dt.year() >= 2024) & (opened <= pl.lit(end) - pl.duration(days=YEAR))
    )
    seen = loans.join(defaults, on="loan_id", how="left")
    joined = seen.join(bureau.unique("loan_id", keep="last"), on="loan_id").collect()
    bad = (joined["days_on_book"] <= YEAR).fill_null(False).to_numpy()
    return joined["score"].fill_null(strategy="mean").to_numpy(), joined["pd"].to_numpy(), bad


def _fifths(score: Array, bad: Array) -> tuple[Array, Array]:
    """Defaults and sizes of fifths by a score, the highest first."""
    parts = np.array_split(bad[np.argsort(-score, kind="stable")], GRADES)
    return np.array([float(part.sum()) for part in parts]), np.array([float(len(part)) for part in parts])
