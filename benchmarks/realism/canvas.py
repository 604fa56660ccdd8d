"""How pictures are drawn and kept: small, plain, the world in one colour and each real data set in its own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

FOLDER = Path(__file__).parents[2] / "docs" / "simulation"
WORLD, LIGHT, DARK = "#1f5fa8", "#7fb0e6", "#0d2f55"
TAIWAN, BANK, LENDING_CLUB, OTHERS = "#d1662a", "#5b8c3a", "#8a4fa3", "#4d4d4d"
WIDTH, HEIGHT = 3.9, 3.3
Values = npt.NDArray[np.float64]
Place = Literal["upper left", "upper right", "lower left", "lower right"]


def panels(count: int, height: float = HEIGHT, across: int = 0) -> tuple[Sequence[Axes], Figure]:
    """Empty panels in a row, or in rows of so many across."""
    columns = across or count
    down = -(-count // columns)
    figure, axes = plt.subplots(
        down, columns, figsize=(WIDTH * columns, height * down), squeeze=False, layout="constrained"
    )
    flat = list(axes.flat)
    for axis in flat:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    for spare in flat[count:]:
        spare.set_axis_off()
    return flat[:count], figure


def titled(axis: Axes, title: str, across: str = "", up: str = "") -> None:
    """Name a panel and its axes."""
    axis.set_title(title, fontsize=9.5, loc="left")
    axis.set_xlabel(across, fontsize=8.5)
    axis.set_ylabel(up, fontsize=8.5)


def legend(*axes: Axes, place: Place) -> None:
    """What colours and lines mean."""
    for axis in axes:
        axis.legend(loc=place, fontsize=7.5, frameon=False)


def percents(*scales: Axis) -> None:
    """Shares along these scales as people read them."""
    for scale in scales:
        scale.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.3g} %"))


def from_zero(*axes: Axes, room: float = 1.05) -> None:
    """Up from nothing, with some room above, for a legend more."""
    for axis in axes:
        axis.set_ylim(0, axis.get_ylim()[1] * room)


def histogram(axis: Axes, values: Values, bins: Values, label: str, colour: str) -> None:
    """Shares by bin as a line of steps; what lies outside counts in the last bins."""
    counts, _ = np.histogram(np.clip(values, bins[0], bins[-1]), bins=bins)
    axis.stairs(counts / max(len(values), 1), bins, label=label, color=colour, linewidth=1.4)


def spread(axis: Axes, values: Values, label: str, colour: str) -> None:
    """The share of values that are at most so much."""
    at = np.linspace(0, 1, 400)
    axis.plot(np.quantile(values, at), at, label=label, color=colour, linewidth=1.5)


def kept(figure: Figure, name: str) -> Path:
    """Write the picture; a small file."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    file = FOLDER / f"{name}.png"
    figure.savefig(file, dpi=110, metadata={"Software": ""})
    plt.close(figure)
    return file
