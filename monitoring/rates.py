"""Event rate over the share favoured, of two systems on the same people, as a picture."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitoring.plots import INK, METADATA, STYLE

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]
COLOURS = {"champion": "#1f5a8a", "incumbent": "#c8702a"}
LEAST_SHARE = 0.02
"""Below it the rate is of a handful of people."""


def draw_rates(
    curves: Mapping[str, Curve], point: tuple[float, float] | None, path: Path, words: tuple[str, str], heading: str
) -> None:
    """A line for each system and, if known, the `point` at which the incumbent stands; `words`: of the two axes."""
    from io import BytesIO

    import matplotlib

    matplotlib.use("Agg", force=False)
    import matplotlib.pyplot as plt

    from infra.files import write_whole

    favoured, rate = words
    buffer = BytesIO()
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
        for name, (share, rates) in curves.items():
            shown = share >= LEAST_SHARE
            axes.plot(100 * share[shown], 100 * rates[shown], color=COLOURS[name], label=f"{name}, by its own score")
        if point is not None:
            axes.plot(100 * point[0], 100 * point[1], "o", color=INK, ms=7, label="incumbent, as it decided")
        axes.set(
            title=f"{heading}: {rate} over the share {favoured}", xlabel=f"share {favoured} (%)", ylabel=f"{rate} (%)"
        )
        axes.legend()
        figure.savefig(buffer, format="png", metadata=METADATA)
        plt.close(figure)
    write_whole(path, buffer.getvalue())
