"""The picture of the social graph, of shared devices and of rings."""

from pathlib import Path

import numpy as np
import polars as pl
from matplotlib.axes import Axes

from benchmarks.realism.canvas import LIGHT, OTHERS, TAIWAN, WORLD, Values, kept, legend, panels, titled
from benchmarks.realism.published import published
from benchmarks.realism.report import Drawn, Line, percent
from benchmarks.realism.tables import rows
from simulation.draws import Draws
from simulation.fraud import rings
from simulation.scenarios.scenario import load

MANY = 1_000_000
READ = (
    "How to read: a point tells which share (up) has at least so many (across), both on logarithmic scales; where a "
    "curve falls late,\na few have very many. Tills are partners' terminals: each sends the applications of all who "
    "buy in its shop, so their long tail is no fraud."
)


def graph(world: Path) -> Drawn:
    """Degrees of people, of devices, and sizes of rings, each on logarithmic axes: share at least so large."""
    (people, shared, ring), figure = panels(3, 3.7)
    lines = _degrees(world, people)
    _devices(world, shared)
    plan = load("quiet").fraud
    drawn = rings.membership(plan, plan.rings, Draws(1), np.arange(1, MANY))
    _tail(ring, _counts(pl.Series(drawn.ring[drawn.ring > 0])), "world: rings among a million", TAIWAN)
    ring.set_xlim(1, 100)
    titled(ring, "Members of a ring (nothing public)", "members", "share of rings")
    legend(people, ring, place="lower left")
    legend(shared, place="lower right")
    figure.supxlabel(READ, fontsize=8, x=0.01, ha="left")
    return Drawn(kept(figure, "graph"), (*lines, Line("people of a device, members of a ring", "see the picture")))


def _degrees(world: Path, axis: Axes) -> tuple[Line, ...]:
    """How many people a person is linked to, over the mean, beside friends on Facebook."""
    lines = []
    book = published()["facebook_degrees"]
    # The mean is the area below the curve of shares with at least so many: 43.7, as SNAP's own file says.
    theirs = float(book.counted.rsplit(" ", 1)[1])
    for where, label, colour in (
        (("truth", "true_relations"), "world: really linked", WORLD),
        (("raw", "relations"), "world: as the lender hears", LIGHT),
    ):
        links = rows(world, *where).select("customer_id", "related_id").unique().collect()
        counts = _counts(pl.concat([links["customer_id"], links["related_id"]]))
        mean = float(counts.mean())
        _tail(axis, counts / mean, f"{label} (mean {mean:.1f})", colour)
        told = " / ".join(percent(float((counts >= times * mean).mean())) for times in (1, 2, 4))
        ours = " / ".join(percent(_at_least(book.places, book.shares, times * theirs)) for times in (1, 2, 4))
        lines.append(
            Line(
                f"{label.removeprefix('world: ')}: linked to at least 1, 2, 4 times the mean",
                told,
                ours,
                "Facebook, ego networks",
            )
        )
    axis.plot(book.places / theirs, book.shares, marker="o", markersize=3.5, linewidth=0.9, color=OTHERS,
              label=f"Facebook: friends (mean {theirs})")  # fmt: skip
    titled(axis, "People a person is linked to, over the mean", "times the mean", "share of people")
    axis.set_ylim(1e-4, 1.5)
    return tuple(lines)


def _at_least(places: Values, shares: Values, at: float) -> float:
    """Between two published points, as the logarithms go."""
    return float(np.exp(np.interp(np.log(at), np.log(places), np.log(shares))))


def _devices(world: Path, axis: Axes) -> None:
    """Over how many people devices are shared: honest people's, rings' and the tills of partners' shops."""
    truth = rows(world, "truth", "true_fraud").select("customer_id", "ring_id").unique().collect()
    devices = rows(world, "raw", "devices").select("customer_id", "device_id").unique().collect()
    members = devices.join(truth.filter(pl.col("ring_id") > 0), on="customer_id", how="semi")
    own = devices["device_id"].unique()
    sending = rows(world, "raw", "applications").select("customer_id", "device_id").unique().collect()
    tills = sending.filter(~pl.col("device_id").is_in(own.implode()))
    honest = devices.join(truth, on="customer_id", how="anti")
    for frame, label, colour in (
        (honest, "honest people's", WORLD), (members, "rings'", TAIWAN), (tills, "partners' tills", OTHERS),
    ):  # fmt: skip
        if len(frame):
            _tail(axis, _counts(frame["device_id"]), f"world: {label}", colour)
    titled(axis, "People of a device (nothing public)", "people", "share of devices")


def _counts(ids: pl.Series) -> Values:
    return np.sort(ids.value_counts()["count"].to_numpy()).astype(np.float64)


def _tail(axis: Axes, counts: Values, label: str, colour: str) -> None:
    axis.loglog(counts, 1 - np.arange(len(counts)) / max(len(counts), 1), color=colour, label=label, linewidth=1.4)
