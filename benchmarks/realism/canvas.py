"""How pictures are drawn and kept: small, plain, the world in one colour and each real data set in its own."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

FOLDER = Path(__file__).parents[2] / "docs" / "simulation"
WORLD, TAIWAN, BANK = "#1f5fa8", "#d1662a", "#5b8c3a"
Values = npt.NDArray[np.float64]


def panels(count: int, height: float = 3.2) -> tuple[Sequence[Axes], Figure]:
    """A row of empty panels."""
    figure, axes = plt.subplots(1, count, figsize=(4.1 * count, height), squeeze=False, layout="constrained")
    for axis in axes[0]:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    return list(axes[0]), figure


def titled(axis: Axes, title: str, across: str = "", up: str = "") -> None:
    """Name a panel and its axes."""
    axis.set_title(title, fontsize=9, loc="left")
    axis.set_xlabel(across, fontsize=8)
    axis.set_ylabel(up, fontsize=8)


def histogram(axis: Axes, values: Values, bins: Values, label: str, colour: str) -> None:
    """Shares by bin as a line of steps; what lies outside counts in the last bins."""
    counts, _ = np.histogram(np.clip(values, bins[0], bins[-1]), bins=bins)
    axis.stairs(counts / max(len(values), 1), bins, label=label, color=colour, linewidth=1.4)


def kept(figure: Figure, name: str) -> Path:
    """Write the picture; a small file."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    file = FOLDER / f"{name}.png"
    figure.savefig(file, dpi=80, metadata={"Software": ""})
    plt.close(figure)
    return file
