"""The picture of funnels: shop and loan in the app, what contacts lead to, and sales by the number of the contact."""

from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from benchmarks.realism.canvas import BANK, LENDING_CLUB, OTHERS, TAIWAN, WORLD, kept, legend, panels, percents, titled
from benchmarks.realism.published import published
from benchmarks.realism.report import BANK as CALLS
from benchmarks.realism.report import Drawn, Line, percent
from benchmarks.realism.shares import bars
from benchmarks.realism.tables import bank, rows
from simulation.schema import RAW

STEPS = (
    ("article seen →\nin the basket", "view_product", "add_to_cart"),
    ("basket →\nbought", "add_to_cart", "checkout"),
    ("session →\noffer seen", "open", "view_offer"),
    ("offer seen →\nform begun", "view_offer", "start_form"),
    ("form begun →\nsent", "start_form", "submit_form"),
    ("sent →\nborrowed", "submit_form", "sign"),
)
REPLIES = (
    ("emails\nopened", "opened"),
    ("emails\nclicked", "clicked"),
    ("unsubscribed\nby an email", "unsubscribed"),
    ("contacts →\napplication", "applied"),
    ("contacts →\ncomplaint", "complained"),
)
BY_EMAIL = 3
"""So many of them are told of emails alone, as what is published is."""
MOST_CONTACTS = 8
CLOSE = 1.6
"""Two dots nearer than this, one over the other, have their figures one below the other."""
Dots = dict[str, dict[str, float]]
COLOURS = {"Retailrocket": OTHERS, "OTTO": TAIWAN, "credit unions' portals": LENDING_CLUB, "letters of a lender": BANK,
           "Mailchimp": OTHERS}  # fmt: skip


def funnel(world: Path) -> Drawn:
    """Each step's share of the step before as dots on a logarithmic axis, the published beside them."""
    (app, reply, often), figure = panels(3, 4.4)
    seen = _count(world, "app_events", "event")
    ours = {label: seen.get(after, 0) / max(seen.get(before, 0), 1) for label, before, after in STEPS}
    shop = {name: _steps(series) for name, series in (("Retailrocket", "retailrocket"), ("OTTO", "otto"))}
    letters = published()["letters"]
    sent, applied, borrowed = letters.values
    loan = {"credit unions' portals": {STEPS[4][0]: published()["portals"].values[0]},
            "letters of a lender": {STEPS[5][0]: borrowed / applied}}  # fmt: skip
    _dots(app, ours, {**shop, **loan})
    titled(app, "Steps in the app", "share of the step before, logarithmic")
    led = _replies(world)
    mail = published()["mailchimp"]
    told = {label: mail.of_place(response) for label, response in REPLIES[:BY_EMAIL]}
    others = {"Mailchimp": told, "letters of a lender": {REPLIES[BY_EMAIL][0]: applied / sent}}
    _dots(reply, led, others)
    titled(reply, "What contacts lead to", "share of those delivered, logarithmic")
    lines = (*_lines(ours, {**shop, **loan}), *_lines(led, others), *_often(world, often))
    return Drawn(kept(figure, "funnel"), lines)


def _replies(world: Path) -> dict[str, float]:
    """What delivered contacts lead to: emails for what is published of emails, all channels for the rest."""
    sent = (
        rows(world, "raw", "contacts").filter(pl.col("delivered")).unique("contact_id").select("contact_id", "channel")
    )
    answers = rows(world, "raw", "responses").unique(["contact_id", "response"]).select("contact_id", "response")
    emails = pl.col("channel").cast(pl.String) == "email"
    found = {}
    for place, (label, response) in enumerate(REPLIES):
        who = sent.filter(emails) if place < BY_EMAIL else sent
        led = answers.filter(pl.col("response").cast(pl.String) == response).join(who, on="contact_id", how="semi")
        count, all_ = (frame.select(pl.len()).collect().item() for frame in (led, who))
        found[label] = count / max(all_, 1)
    return found


def _count(world: Path, table: str, column: str) -> dict[str, int]:
    """How often each value comes: of rows that came twice or were corrected, the last ones."""
    key = RAW[table].key
    landed = rows(world, "raw", table).select(*key, pl.col(column).cast(pl.String))
    last = landed.unique(key, keep="last", maintain_order=True)
    return dict(last.group_by(column).len().collect().iter_rows())


def _steps(name: str) -> dict[str, float]:
    """A shop's published steps, each over the one before."""
    view, basket, buy = published()[name].values
    return {STEPS[0][0]: basket / view, STEPS[1][0]: buy / basket}


def _dots(axis: Axes, ours: dict[str, float], others: Dots) -> None:
    """The world's shares with their figures, and the published ones by colour."""
    names = list(ours)[::-1]
    shares = [max(ours[name], 1e-5) for name in names]
    axis.scatter(shares, range(len(names)), color=WORLD, s=34, zorder=3, label="world")
    for place, share in enumerate(shares):
        axis.annotate(percent(share), (share, place), xytext=(0, 6), textcoords="offset points", fontsize=7.5,
                      color=WORLD, ha="center")  # fmt: skip
    taken: list[tuple[int, float]] = []
    for whose, theirs in others.items():
        at = [names.index(name) for name in theirs]
        axis.scatter(list(theirs.values()), at, color=COLOURS[whose], s=30, marker="D", label=whose, zorder=2)
        for place, share in zip(at, theirs.values(), strict=True):
            near = any(at_ == place and 1 / CLOSE < share / other < CLOSE for at_, other in taken)
            told = (0, -21 if near else -12)
            axis.annotate(percent(share), (share, place), xytext=told, textcoords="offset points", fontsize=7.5,
                          color=COLOURS[whose], ha="center")  # fmt: skip
        taken += zip(at, theirs.values(), strict=True)
    axis.set_xscale("log")
    percents(axis.xaxis)
    axis.set_xlim(min([*shares, *(min(each.values()) for each in others.values())]) / 3, 2)
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.set_ylim(-1.6, len(names) - 0.4)
    axis.grid(axis="y", linewidth=0.4)
    axis.legend(fontsize=7, frameon=False, loc="lower center", ncols=2, columnspacing=0.7, handletextpad=0.1)


def _lines(ours: dict[str, float], others: Dots) -> tuple[Line, ...]:
    found = []
    for name, share in ours.items():
        theirs = {whose: each[name] for whose, each in others.items() if name in each}
        public = ", ".join(percent(each) for each in theirs.values())
        what = name.replace("\n", " ")
        found.append(Line(what, percent(share), public, ", ".join(theirs)) if theirs else Line(what, percent(share)))
    return tuple(found)


def _often(world: Path, axis: Axes) -> tuple[Line, ...]:
    """What the first, second, … contact sells, with intervals: applications, and a bank's deposits by its calls."""
    lines = []
    theirs = bank().group_by(number=pl.col("campaign").clip(1, MOST_CONTACTS)).agg(
        hits=(pl.col("y") == "yes").sum(), trials=pl.len()
    ).sort("number")  # fmt: skip
    for found, label, colour in (
        (_conversion(world), "world: applied after the contact", WORLD),
        (theirs, "Portugal: subscribed, by calls made", BANK),
    ):
        share, reach = bars(*(found[name].to_numpy().astype(np.float64) for name in ("hits", "trials")))
        axis.errorbar(found["number"], share, reach, color=colour, marker=".", label=label, capsize=2, linewidth=1.2)
        lines.append((percent(float(share[0])), percent(float(share[-1]))))
    axis.set_yscale("log")
    axis.yaxis.set_major_locator(FixedLocator([0.005, 0.01, 0.02, 0.05, 0.1, 0.2]))
    axis.yaxis.set_minor_locator(NullLocator())
    percents(axis.yaxis)
    axis.set_xticks(range(1, MOST_CONTACTS + 1), [*map(str, range(1, MOST_CONTACTS)), f"{MOST_CONTACTS}+"])
    axis.set_ylim(axis.get_ylim()[0], axis.get_ylim()[1] * 3)
    titled(axis, "Sold by the n-th contact (bars: 95 %)", "contact", "")
    legend(axis, place="upper left")
    what = f"sold by the first / by the {MOST_CONTACTS}th and later contact"
    return (Line(what, " / ".join(lines[0]), " / ".join(lines[1]), CALLS),)


def _conversion(world: Path) -> pl.DataFrame:
    """Contacts that led to an application, by how many the person had had."""
    applied = rows(world, "raw", "responses").filter(pl.col("response").cast(pl.String) == "applied")
    sent = rows(world, "raw", "contacts").filter(pl.col("delivered")).unique("contact_id").sort("event_timestamp")
    number = pl.int_range(1, pl.len() + 1).over("customer_id").clip(1, MOST_CONTACTS).alias("number")
    led = pl.col("contact_id").is_in(applied.select("contact_id").collect()["contact_id"].implode())
    counted = sent.with_columns(number, led=led).group_by("number").agg(hits=pl.col("led").sum(), trials=pl.len())
    return counted.sort("number").collect()
