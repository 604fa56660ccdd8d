"""Pictures of fraud, marketing and the social graph: degrees, rings, the funnel, effects of offers, what is bought."""

from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.axes import Axes

from benchmarks.realism.canvas import BANK, TAIWAN, WORLD, kept, panels, titled
from benchmarks.realism.tables import bank, rows
from benchmarks.simulation_marketing import need_after
from simulation.draws import Draws
from simulation.fraud import rings
from simulation.marketing.baskets import DECOYS
from simulation.marketing.patterns import PATTERNS
from simulation.scenarios.scenario import load

FUNNEL = ("open", "view_offer", "start_form", "submit_form", "view_contract", "sign")
MOST_CONTACTS, MANY = 8, 1_000_000


def graph(world: Path) -> Path:
    """Degrees of people, of devices, and sizes of rings, each on logarithmic axes: share at least so large."""
    true, told = (rows(world, *where).select("customer_id", "related_id").collect()
                  for where in (("truth", "true_relations"), ("raw", "relations")))  # fmt: skip
    (people, shared, ring), figure = panels(3)
    for links, label, colour in ((true, "who really knows whom", WORLD), (told, "as the lender hears", TAIWAN)):
        _tail(people, _counts(pl.concat([links["customer_id"], links["related_id"]])), label, colour)
    titled(people, "People a person is linked to", "links", "share of people with at least as many")
    truth = rows(world, "truth", "true_fraud").select("customer_id", "ring_id").unique().collect()
    devices = rows(world, "raw", "devices").select("customer_id", "device_id").unique().collect()
    members = devices.join(truth.filter(pl.col("ring_id") > 0), on="customer_id", how="semi")
    _tail(shared, _counts(devices.join(truth, on="customer_id", how="anti")["device_id"]), "honest people's", WORLD)
    _tail(shared, _counts(members["device_id"]), "rings'", TAIWAN)
    terminals = rows(world, "raw", "applications").select("customer_id", "device_id").unique().collect()
    _tail(shared, _counts(terminals["device_id"]), "sending applications", BANK)
    titled(shared, "People of a device", "people", "share of devices with at least as many")
    plan = load("quiet").fraud
    drawn = rings.membership(plan, plan.rings, Draws(1), np.arange(1, MANY))
    _tail(ring, _counts(pl.Series(drawn.ring[drawn.ring > 0])), "of a million customers", TAIWAN)
    ring.set_xlim(1, 100)
    titled(ring, "Members of a ring", "members", "share of rings with at least as many")
    for axis in (people, shared, ring):
        axis.legend(fontsize=7, frameon=False)
    return kept(figure, "graph")


def _counts(ids: pl.Series) -> np.ndarray:
    return np.sort(ids.value_counts()["count"].to_numpy())


def _tail(axis: Axes, counts: np.ndarray, label: str, colour: str) -> None:
    axis.loglog(counts, 1 - np.arange(len(counts)) / max(len(counts), 1), color=colour, label=label, linewidth=1.4)


def funnel(world: Path) -> Path:
    """The app's funnel, what contacts lead to, and conversion by how often people were contacted, beside the bank's."""
    steps = rows(world, "raw", "app_events").group_by(pl.col("event").cast(pl.String)).len().collect()
    counts = dict(steps.iter_rows())
    sent = rows(world, "raw", "contacts").filter(pl.col("delivered"))
    replies = dict(
        rows(world, "raw", "responses").group_by(pl.col("response").cast(pl.String)).len().collect().iter_rows()
    )
    (app, reply, often), figure = panels(3)
    _bars(app, {name: counts[name] / counts["open"] for name in FUNNEL}, WORLD)
    titled(app, "Steps in the app, over sessions", "share of sessions")
    delivered = sent.select(pl.len()).collect().item()
    names = ("opened", "clicked", "applied", "unsubscribed", "complained")
    _bars(reply, {name: replies.get(name, 0) / delivered for name in names}, WORLD)
    titled(reply, "What delivered contacts lead to", "share of contacts")
    ours = _conversion(world)
    often.plot(ours["number"], ours["rate"] / ours["rate"][0], color=WORLD, marker=".", label="world: applied")
    theirs = bank().group_by(number=pl.col("campaign").clip(1, MOST_CONTACTS)).agg(rate=(pl.col("y") == "yes").mean())
    theirs = theirs.sort("number")
    often.plot(theirs["number"], theirs["rate"] / theirs["rate"][0], color=BANK, marker=".",
               label="Portugal: subscribed")  # fmt: skip
    often.set_ylim(0, None)
    titled(often, "Sales by number of contacts", "contact", "over that of the first")
    often.legend(fontsize=7, frameon=False)
    return kept(figure, "funnel")


def _conversion(world: Path) -> pl.DataFrame:
    """Share of contacts that led to an application, by how many the person had had."""
    applied = rows(world, "raw", "responses").filter(pl.col("response").cast(pl.String) == "applied")
    sent = rows(world, "raw", "contacts").filter(pl.col("delivered")).unique("contact_id").sort("event_timestamp")
    number = pl.int_range(1, pl.len() + 1).over("customer_id").clip(1, MOST_CONTACTS).alias("number")
    led = pl.col("contact_id").is_in(applied.select("contact_id").collect()["contact_id"].implode())
    return sent.with_columns(number, led=led).group_by("number").agg(rate=pl.col("led").mean()).sort("number").collect()


def _bars(axis: Axes, shares: dict[str, float], colour: str) -> None:
    names = list(shares)[::-1]
    axis.barh(names, [shares[name] for name in names], color=colour)
    axis.set_xscale("log")
    for place, name in enumerate(names):
        axis.annotate(
            f"{shares[name]:.2%}", (shares[name], place), xytext=(2, -3), textcoords="offset points", fontsize=7
        )
    axis.set_xlim(None, 4)


def effects(world: Path) -> Path:
    """True effects of contacts by offer, person by person, and by fatigue."""
    truth = rows(world, "truth", "true_contacts").with_columns(
        change=100 * (pl.col("chance_with") - pl.col("chance_without")), offer=pl.col("offer").cast(pl.String)
    )
    found = truth.select("offer", "change", "fatigue").collect()
    (offers, tired), figure = panels(2, 3.4)
    order = found.group_by("offer").agg(pl.col("change").mean()).sort("change")["offer"].to_list()
    by_offer = [found.filter(pl.col("offer") == name)["change"].to_numpy() for name in order]
    offers.boxplot(by_offer, orientation="horizontal", tick_labels=order, whis=(5, 95), showfliers=False)
    offers.axvline(0, color="grey", linewidth=0.8)
    titled(offers, "True effect: 5 to 95 % of people", "points of applying within 14 days")
    band = (pl.col("fatigue") * 20).floor() / 20
    mean = (
        found.group_by(band.alias("band"))
        .agg(pl.col("change").mean(), pl.len())
        .filter(pl.col("len") > 50)
        .sort("band")
    )
    tired.plot(mean["band"], mean["change"], color=WORLD, marker=".")
    tired.axhline(0, color="grey", linewidth=0.8)
    titled(tired, "True effect by fatigue", "fatigue", "points, mean")
    return kept(figure, "effects")


def bought(world: Path) -> Path:
    """Lift of pairs of items within baskets, where the planted pairs and the decoys stand out; who then applies."""
    orders = rows(world, "raw", "orders").unique(["order_id", "item"]).cast({"item": pl.String}).collect()
    applications = rows(world, "raw", "applications").collect()
    names = sorted(orders["item"].unique())
    held = orders.with_columns(one=1.0).pivot("item", index="order_id", values="one").fill_null(0.0).select(names)
    together = held.to_numpy().T @ held.to_numpy()
    lift = together * len(held) / np.outer(np.diag(together), np.diag(together))
    np.fill_diagonal(lift, np.nan)
    (axis, need), figure = panels(2, 4.4)
    seen = axis.imshow(lift, cmap="Blues", norm="log")
    axis.set_xticks(range(len(names)), names, rotation=90, fontsize=6)
    axis.set_yticks(range(len(names)), names, fontsize=6)
    figure.colorbar(seen, ax=axis, shrink=0.6)
    titled(axis, "In one basket, over chance")
    pairs = [(*pattern.items, WORLD) for pattern in PATTERNS] + [(one, other, TAIWAN) for one, other in DECOYS.items()]
    after = [need_after(orders, applications, one, other) for one, other, _ in pairs]
    labels = [f"{one}\n+ {other}" for one, other, _ in pairs]
    need.barh(labels[::-1], after[::-1], color=[colour for *_, colour in pairs][::-1])
    need.axvline(1, color="grey", linewidth=0.8)
    titled(need, "Applications afterwards (orange: decoys)", "in 60 days, over those after any order")
    return kept(figure, "bought")
