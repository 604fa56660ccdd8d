"""Pictures of what contacts truly do, and of what is bought together."""

from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.axes import Axes

from benchmarks.lures_world import lures_world
from benchmarks.realism.canvas import TAIWAN, WORLD, kept, panels, titled
from benchmarks.realism.report import Drawn, Line
from benchmarks.realism.shares import Z
from benchmarks.realism.tables import rows
from benchmarks.simulation_marketing import need_after
from simulation.marketing.baskets import DECOYS
from simulation.marketing.patterns import PATTERNS

TIRING, TIRED_CUSTOMERS, TIRED_MONTHS = "marketing_fatigue", 8_000, 6
BAND, LEAST = 0.05, 200
"""Width of a band of fatigue, and how many contacts a band needs to be drawn."""


def effects(world: Path) -> Drawn:
    """True effects of contacts by offer, person by person, and by fatigue where contacts come six times a month."""
    change = 100 * (pl.col("chance_with") - pl.col("chance_without"))
    truth = rows(world, "truth", "true_contacts").select(pl.col("offer").cast(pl.String), change=change).collect()
    (offers, tired), figure = panels(2, 3.5)
    order = truth.group_by("offer").agg(pl.col("change").mean()).sort("change")["offer"].to_list()
    by_offer = [truth.filter(pl.col("offer") == name)["change"].to_numpy() for name in order]
    names = [name.replace("_", " ") for name in order]
    offers.boxplot(by_offer, orientation="horizontal", tick_labels=names, whis=(5, 95), showfliers=False)
    offers.axvline(0, color="grey", linewidth=0.8)
    titled(offers, "True effect, 5 to 95 % of contacts (quiet)", "points of applying within 14 days")
    lines = _fatigue(tired)
    means = ", ".join(f"{name} {values.mean():+.2f}" for name, values in zip(names, by_offer, strict=True))
    return Drawn(kept(figure, "effects"), (Line("mean true effect, points", means), *lines))


def _fatigue(axis: Axes) -> tuple[Line, ...]:
    """How effects wear out, in a world of its own where everyone is contacted six times a month."""
    truth = lures_world(TIRED_CUSTOMERS, TIRED_MONTHS, TIRING).rows("true_contacts")
    change = 100 * (truth["chance_with"] - truth["chance_without"])
    band = (truth["fatigue"] / BAND).floor() * BAND + BAND / 2
    found = pl.DataFrame({"band": band, "change": change}).group_by("band").agg(
        pl.col("change").mean(), deviation=pl.col("change").std(), count=pl.len()
    ).filter(pl.col("count") >= LEAST).sort("band")  # fmt: skip
    half = Z * found["deviation"].to_numpy() / np.sqrt(found["count"].to_numpy())
    axis.errorbar(found["band"], found["change"], half, color=WORLD, marker=".", capsize=2, linewidth=1.2)
    axis.axhline(0, color="grey", linewidth=0.8)
    axis.set_xlim(0, None)
    titled(axis, f"By fatigue ({TIRING})", "fatigue before the contact", "points, mean with 95 %")
    told = f"{found['change'][0]:+.2f} / {found['change'][-1]:+.2f} points, up to a fatigue of {found['band'][-1]:.2f}"
    return (Line(f"true effect of the freshest / the most tired, {TIRING}", told),)


def bought(world: Path) -> Drawn:
    """Lift of pairs of items within baskets, where the planted pairs and the decoys stand out; who then applies."""
    orders = rows(world, "raw", "orders").unique(["order_id", "item"]).cast({"item": pl.String}).collect()
    applications = rows(world, "raw", "applications").collect()
    (axis, need), figure = panels(2, 4.6)
    names, lift = _lift(orders)
    seen = axis.imshow(lift, cmap="Blues", norm="log")
    spaced = [name.replace("_", " ") for name in names]
    axis.set_xticks(range(len(names)), spaced, rotation=90, fontsize=7)
    axis.set_yticks(range(len(names)), spaced, fontsize=7)
    bar = figure.colorbar(seen, ax=axis, shrink=0.6, ticks=[0.1, 0.2, 0.5, 1, 2, 4, 8], format="%g")
    bar.ax.minorticks_off()
    titled(axis, "In one basket, over chance\n(nothing public)")
    pairs = [(*pattern.items, WORLD) for pattern in PATTERNS] + [(one, other, TAIWAN) for one, other in DECOYS.items()]
    after = [need_after(orders, applications, one, other) for one, other, _ in pairs]
    labels = [f"{one}\n+ {other}".replace("_", " ") for one, other, _ in pairs]
    need.barh(labels[::-1], after[::-1], color=[colour for *_, colour in pairs][::-1])
    need.axvline(1, color="grey", linewidth=0.8)
    titled(need, "Applications in the 60 days after", "over those after any order\n(orange: decoys)")
    planted, decoys = after[: len(PATTERNS)], after[len(PATTERNS) :]
    told = f"{min(planted):.2f} to {max(planted):.2f}; of decoys {min(decoys):.2f} to {max(decoys):.2f}"
    return Drawn(
        kept(figure, "bought"), (Line("applications after buying a planted pair, over those after any order", told),)
    )


def _lift(orders: pl.DataFrame) -> tuple[list[str], np.ndarray]:
    """How often two items are in one basket, over what chance would put there."""
    names = sorted(orders["item"].unique())
    held = orders.with_columns(one=1.0).pivot("item", index="order_id", values="one").fill_null(0.0).select(names)
    together = held.to_numpy().T @ held.to_numpy()
    lift = together * len(held) / np.outer(np.diag(together), np.diag(together))
    np.fill_diagonal(lift, np.nan)
    return names, lift
