"""The simulated world's marketing: is the true effect of contacts what a randomised hold-out finds?

`python -m benchmarks.simulation_marketing [CUSTOMERS MONTHS]` prints, for all contacts, by offer and by channel, the
effect estimated from who was held out at random with its 95 % interval, beside the mean of the true effects; the same
where contacts do nothing; how fatigue wears effects out; and how planted patterns show in what people buy. It writes
`benchmarks/results/simulation_marketing.json`.
"""

import json
import sys
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console

from benchmarks.figures import Figures, Goal, Section
from benchmarks.lending_world import LendingWorld
from benchmarks.lures_world import lures_world, words
from benchmarks.quality import printed
from simulation.marketing.baskets import DECOYS
from simulation.marketing.contacts import WINDOW
from simulation.marketing.patterns import PATTERNS

RESULTS = Path(__file__).parent / "results" / "simulation_marketing.json"
CUSTOMERS, MONTHS = 40_000, 8
Z = 1.96
BANDS = (0.0, 0.05, 0.15, 0.3, 0.5)
AFTER_DAYS = 60


@dataclass(frozen=True)
class Effect:
    """What contacts did: found in the hold-out, and true."""

    found: float
    half_width: float
    true: float
    negative: float
    treated: int
    held_out: int

    @property
    def covered(self) -> bool:
        """Does the interval hold the truth?"""
        return abs(self.found - self.true) <= self.half_width


def contacted(world: LendingWorld) -> pl.DataFrame:
    """Contacts that could be watched for two weeks: who was held out, who applied, and the truth."""
    truth = world.rows("true_contacts").select("contact_id", "chance_without", "chance_with", "fatigue")
    day = pl.col("event_timestamp").dt.date()
    contacts = world.rows("contacts").join(truth, on="contact_id").with_columns(day=day)
    applied = world.rows("applications").select("customer_id", applied_on=day)
    contacts = contacts.filter(pl.col("day") <= contacts["day"].max() - pl.duration(days=WINDOW))
    within = pl.col("applied_on").is_between(pl.col("day"), pl.col("day") + pl.duration(days=WINDOW - 1))
    led = contacts.join(applied, on="customer_id").filter(within).select("contact_id").unique()
    return contacts.with_columns(applied=pl.col("contact_id").is_in(led["contact_id"].implode()))


def effect(contacts: pl.DataFrame) -> Effect:
    """The difference between who was contacted and who was held out, beside the truth."""
    arms = {held: part for (held,), part in contacts.group_by("held_out")}
    treated, held = arms[False], arms[True]
    means = [float(part["applied"].mean() or 0.0) for part in (treated, held)]  # type: ignore[arg-type]
    variance = sum(mean * (1 - mean) / len(part) for mean, part in zip(means, (treated, held), strict=True))
    true = (treated["chance_with"] - treated["chance_without"]).to_numpy()
    return Effect(
        means[0] - means[1], Z * float(np.sqrt(variance)), float(true.mean()), float((true < 0).mean()),
        len(treated), len(held),
    )  # fmt: skip


def effects(world: LendingWorld, title: str, note: str, by: tuple[str, ...] = ("offer", "channel")) -> Section:
    """Effects of all contacts and of parts of them."""
    contacts = words(contacted(world), "offer", "channel")
    found = {"all contacts": effect(contacts)}
    for column in by:
        found |= {f"{column} {name}": effect(part) for (name,), part in sorted(contacts.group_by(column))}
    covered = np.mean([each.covered for each in found.values()])
    rows = tuple(Figures(name, _cells(each), ours=name == "all contacts") for name, each in found.items())
    whole = found["all contacts"]
    goals = [Goal("all contacts: found less true, within its interval", abs(whole.found - whole.true),
                  whole.half_width, at_least=False)]  # fmt: skip
    if by:
        goals.append(Goal("share of intervals that hold the truth (95 % expected)", float(covered), 0.8))
    return Section(title, note, ("contacted", "held out", "found", "true", "put off"), rows, tuple(goals))


def _cells(each: Effect) -> dict[str, float | str]:
    return {
        "contacted": f"{each.treated:,}",
        "held out": f"{each.held_out:,}",
        "found": f"{100 * each.found:+.2f} ± {100 * each.half_width:.2f}",
        "true": f"{100 * each.true:+.2f}",
        "put off": f"{each.negative:.0%}",
    }


def tired(world: LendingWorld) -> Section:
    """The true effect by how tired people are of contacts."""
    sent = contacted(world).filter(~pl.col("held_out"))
    edges = (*BANDS, 1.01)
    names = [f"{low:.2f} to {min(high, 1):.2f}" for low, high in pairwise(edges)]
    place = np.searchsorted(edges, sent["fatigue"].to_numpy(), side="right") - 1
    bands = sent.with_columns(band=pl.Series(np.array(names)[place]))
    change = (pl.col("chance_with") - pl.col("chance_without")).mean().alias("true")
    found = bands.group_by("band").agg(pl.len(), pl.col("fatigue").mean(), change).sort("fatigue")
    rows = [
        Figures(f"fatigue {band}", {"contacts": f"{size:,}", "true effect, points": f"{100 * true:+.2f}"})
        for band, size, _, true in found.iter_rows()
    ]
    fresh, worn = found["true"][0], found["true"][-1]
    goal = Goal("the most tired less the freshest, points", 100 * (worn - fresh), -0.5, at_least=False)
    return Section("Fatigue, six contacts a month", "", ("contacts", "true effect, points"), tuple(rows), (goal,))


def bought_together(world: LendingWorld) -> Section:
    """Pairs of items by their lift within baskets, and how often their buyers apply afterwards."""
    orders, applications = words(world.rows("orders"), "item"), world.rows("applications")
    baskets = orders["order_id"].n_unique()
    holders = {item: set(part["order_id"]) for (item,), part in orders.group_by("item")}
    pairs = [(pattern.name, *pattern.items) for pattern in PATTERNS]
    pairs += [("decoy", one, other) for one, other in DECOYS.items()]
    rows: list[Figures] = []
    needs: dict[str, list[float]] = {"planted": [], "decoy": []}
    for name, one, other in pairs:
        lift = len(holders[one] & holders[other]) * baskets / (len(holders[one]) * len(holders[other]))
        need = need_after(orders, applications, one, other)
        needs["decoy" if name == "decoy" else "planted"].append(need)
        rows.append(Figures(f"{name}: {one}, {other}", {"lift": f"{lift:.1f}", "apply afterwards": f"{need:.2f}"}))
    apart = min(needs["planted"]) / max(needs["decoy"])
    goals = (Goal("apply afterwards, least of the planted over most of the decoys", apart, 1.15),)
    note = "lift within baskets; applications in the 60 days behind, over those behind any order"
    return Section("Bought together", note, ("lift", "apply afterwards"), tuple(rows), goals)


def need_after(orders: pl.DataFrame, applications: pl.DataFrame, one: str, other: str) -> float:
    """Applications in the 60 days after someone has bought both within 60 days, over those after any order."""
    first, second = (
        orders.filter(pl.col("item") == item).select("customer_id", "event_timestamp") for item in (one, other)
    )
    span = pl.duration(days=AFTER_DAYS)
    both = first.join(second, on="customer_id", suffix="_other")
    both = both.filter((pl.col("event_timestamp") - pl.col("event_timestamp_other")).abs() <= span)
    since = pl.max_horizontal("event_timestamp", "event_timestamp_other").alias("since")
    had = both.select("customer_id", since).sort("since").unique("customer_id", keep="first")
    usual = orders.select("customer_id", since="event_timestamp")
    return _applied(had, applications) / _applied(usual, applications)


def _applied(since: pl.DataFrame, applications: pl.DataFrame) -> float:
    """Applications of each in the days behind."""
    asked = since.join(applications.select("customer_id", "event_timestamp"), on="customer_id")
    gap = pl.col("event_timestamp") - pl.col("since")
    return asked.filter(gap.is_between(pl.duration(days=0), pl.duration(days=AFTER_DAYS))).height / max(len(since), 1)


def main(customers: int = CUSTOMERS, months: int = MONTHS) -> None:
    """Measure, print and write."""
    console = Console()
    world = lures_world(customers, months)
    sections = [
        effects(world, "Contacts: effect on applying within 14 days, in points",
                f"{customers:,} customers, {months} months, random offers and channels"),
        bought_together(world),
    ]  # fmt: skip
    idle = lures_world(customers // 2, months // 2, "idle_marketing")
    sections.append(effects(idle, "Where contacts do nothing", "scenario idle_marketing", by=()))
    sections.append(tired(lures_world(customers // 4, months // 2, "marketing_fatigue")))
    for section in sections:
        printed(console, section)
    RESULTS.write_text(json.dumps([asdict(section) for section in sections], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*(int(number) for number in sys.argv[1:3]))
