"""Pictures of one training: calibration, ROC, score distribution, group fairness. No global state, no display."""

from io import BytesIO
from typing import Any

import numpy as np
import polars as pl

from training.evaluation import auc, calibration_bins, roc
from training.fairness import Gap, wilson
from training.labels import LABEL
from training.score import Floats, Labels
from training.trained import TrainedModel

INK, MUTED, GRID = "#22303c", "#6b7a88", "#e3e8ec"
MODEL, BENCHMARK, EVENT_COLOUR = "#1b6ca8", "#d98324", "#b5403c"
NAMES = {
    "probability": ("model, calibrated", MODEL),
    "scorecard_probability": ("scorecard", BENCHMARK),
}


def draw(trained: TrainedModel) -> dict[str, bytes]:
    """Every picture as PNG bytes, by file name."""
    pictures = {
        "calibration.png": calibration_plot(trained),
        "roc.png": roc_plot(trained),
        "distribution.png": distribution_plot(trained),
    }
    for name, group in trained.report.fairness.items():
        pictures[f"fairness_{name}.png"] = fairness_plot(name, group.approval_gap, trained)
    return pictures


def calibration_plot(trained: TrainedModel) -> bytes:
    """Observed rate over mean probability in ten bins, with Wilson intervals, on the held-out rows."""
    figure, axes = _axes(5.2, 4.6)
    largest = 0.0
    for column, (name, colour) in NAMES.items():
        labels, probability = _columns(trained.held_out, column)
        bins = calibration_bins(labels, probability)
        means, rates, rows = (np.array(part) for part in zip(*bins, strict=True))
        low, high = np.array([wilson(round(r * n), int(n), 1.96) for r, n in zip(rates, rows, strict=True)]).T
        axes.errorbar(means, rates, [rates - low, high - rates], color=colour, lw=1.4, marker="o", ms=4, label=name)
        largest = max(largest, float(means.max()), float(high.max()))
    axes.plot([0, largest], [0, largest], color=MUTED, lw=1, ls="--", zorder=0, label="perfect")
    error = trained.report.model.calibration_error
    _finish(
        axes,
        "mean probability of a bin",
        "observed rate",
        f"Calibration · error {error:.3f}",
        _tested(trained),
        legend="upper left",
    )
    return _png(figure)


def roc_plot(trained: TrainedModel) -> bytes:
    """ROC curves of the model and the scorecard on the held-out rows."""
    figure, axes = _axes(5.2, 4.6)
    for column, (name, colour) in NAMES.items():
        labels, probability = _columns(trained.held_out, column)
        area = auc(labels, probability)
        legend = f"{name}  {area.value:.3f} ({area.low:.3f}–{area.high:.3f})"
        axes.plot(*roc(labels, probability), color=colour, lw=1.8, label=legend)
    axes.plot([0, 1], [0, 1], color=MUTED, lw=1, ls="--", zorder=0)
    axes.set_aspect("equal")
    _finish(
        axes,
        "false positive rate",
        "true positive rate",
        "ROC · AUC with 95 % interval",
        _tested(trained),
        legend="lower right",
    )
    return _png(figure)


def distribution_plot(trained: TrainedModel) -> bytes:
    """How the calibrated probability is spread in each class, on the held-out rows."""
    figure, axes = _axes(6.2, 3.8, left=0.7)
    labels, probability = _columns(trained.held_out, "probability")
    edges = np.linspace(0, max(float(np.quantile(probability, 0.995)), 1e-6), 41)
    for value, name, colour in ((0, "no event", MODEL), (1, "event", EVENT_COLOUR)):
        shown = np.clip(probability[labels == value], 0, edges[-1])
        weights = np.full(len(shown), 1 / max(len(shown), 1))
        axes.hist(shown, edges, weights=weights, color=colour, alpha=0.55, label=f"{name} ({len(shown):,})")
    _finish(
        axes,
        "calibrated probability",
        "share of the class",
        "Probability by class",
        _tested(trained),
        legend="upper right",
    )
    return _png(figure)


def fairness_plot(name: str, gap: Gap, trained: TrainedModel) -> bytes:
    """Approval rate of each group with its interval; groups too small to compare are pale."""
    shown = {group: rate for group, rate in sorted(gap.by_group.items()) if rate.rate is not None}
    widest = max((len(group) for group in (*shown, "n = 00,000 (small)")), default=0)
    figure, axes = _axes(6.2, 1.6 + 0.36 * len(shown), left=0.25 + 0.062 * widest)
    for position, (group, rate) in enumerate(shown.items()):
        value, colour = rate.rate or 0.0, MUTED if group in gap.small else MODEL
        reach = [[max(value - rate.low, 0.0)], [max(rate.high - value, 0.0)]]
        axes.barh(position, value, color=colour, alpha=0.35 if group in gap.small else 0.85, height=0.62)
        axes.errorbar(value, position, xerr=reach, color=INK, lw=1.2, capsize=3)
    texts = [f"{g}\nn = {r.n:,}" + (" (small)" if g in gap.small else "") for g, r in shown.items()]
    axes.set_yticks(range(len(shown)), texts, fontsize=7)
    axes.set_xlim(0, 1)
    axes.invert_yaxis()
    verb = "approved" if trained.report.kind == "risk" else "contacted"
    words = "groups too small to compare" if gap.value is None else f"gap {100 * gap.value:.1f} points"
    interval = "" if gap.low is None or gap.high is None else f" ({100 * gap.low:.1f}–{100 * gap.high:.1f})"
    _finish(axes, f"share {verb}", "", f"{name} · {words}{interval}", "out of fold, 95 % intervals")
    return _png(figure)


def _columns(frame: pl.DataFrame, column: str) -> tuple[Labels, Floats]:
    return frame[LABEL].to_numpy(), frame[column].to_numpy()


def _tested(trained: TrainedModel) -> str:
    report = trained.report
    return f"{report.name} · {report.scheme} · {report.held_out_months[-1]} · {report.model.rows:,} rows"


def _axes(width: float, height: float, *, left: float = 0.62) -> tuple[Any, Any]:
    """A figure of its own, outside pyplot, so that nothing is shared between threads or left open; sizes in inches.

    Margins are given: to find them, matplotlib would draw every picture twice, a tenth of a small retraining.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=110)
    FigureCanvasAgg(figure)
    figure.subplots_adjust(left / width, 0.55 / height, 1 - 0.15 / width, 1 - 0.62 / height)
    axes = figure.add_subplot()
    axes.grid(color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(MUTED)
    axes.tick_params(colors=INK, labelsize=8)
    return figure, axes


def _finish(axes: Any, x: str, y: str, title: str, subtitle: str, *, legend: str = "") -> None:
    """Words; the legend's place is given: looking for the best one takes long, and where it is crowded warns of it."""
    axes.set_xlabel(x, color=INK, fontsize=9)
    axes.set_ylabel(y, color=INK, fontsize=9)
    axes.set_title(title, color=INK, fontsize=11, loc="left", pad=18, fontweight="bold")
    axes.text(0, 1.02, subtitle, transform=axes.transAxes, color=MUTED, fontsize=8)
    if legend:
        axes.legend(frameon=False, fontsize=8, loc=legend)


def _png(figure: Any) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
