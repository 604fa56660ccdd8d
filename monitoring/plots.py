"""The months as pictures, from rows of the metrics table: the retrained champion beside one frozen at the start."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from features.calendar import month_ends
from monitoring.metric import LEVELS, TOO_FEW
from monitoring.reports.wording import COLOURS, TITLES, UNKNOWN

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROLES = {"champion": ("retrained champion", "#1f5a8a"), "frozen": ("frozen at the start", "#c8702a")}
MARKS: dict[str, dict[str, Any]] = {
    "champion": {"linewidth": 1.4},
    "frozen": {"linewidth": 0.9, "markerfacecolor": "white"},
}
"""How a point of a role looks where the colours tell something else."""
PALETTE = ("#1f5a8a", "#d1782b", "#3d8b6d", "#8a4f9e")
GREY, INK = "#9aa5b1", "#2b333b"
CONVENTION = {0.10: "moderate", 0.25: "significant"}
"""What credit practice calls a PSI from here on; the portfolio's own thresholds are in its `monitoring.yaml`."""
PSI_TICKS = (0, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50)
STYLE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 10.5,
    "text.color": INK,
    "axes.edgecolor": "#c9d0d7",
    "axes.labelcolor": INK,
    "axes.titlesize": 12.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#eef0f3",
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "figure.dpi": 110,
}
# A fixed date and no version: the same rows give the same bytes.
METADATA = {"Software": None}

Drawing = Callable[["Axes", pl.DataFrame], None]


def draw_months(rows: pl.DataFrame, folder: Path, *, title: str = "") -> list[Path]:
    """Write auc, calibration, fairness, drift and alerts as PNG files in `folder`; those without rows are left out.

    `rows` is what `MetricStore.read(portfolio, period="month")` gives: one portfolio and one model, any roles.
    """
    import matplotlib

    matplotlib.use("Agg", force=False)
    folder.mkdir(parents=True, exist_ok=True)
    heading = title or " ".join(rows.select("portfolio", "model").unique().sort("model").rows()[0]) if len(rows) else ""
    drawings: tuple[tuple[str, str, Sequence[str], Drawing], ...] = (
        ("auc", "AUC by month, with 95 % intervals", ("auc",), _auc),
        ("calibration", "Observed and predicted rate by month", ("observed_rate", "predicted_rate"), _calibration),
        ("fairness", "Gap between groups by month, with 95 % intervals", ("selection_gap",), _gaps),
        ("drift", "Drift by month: PSI less what chance gives", ("score_psi", "feature_psi"), draw_drift),
        ("alerts", "Alert level by month, on all its observations", (), _alerts),
    )
    return [
        _write(folder / f"{name}.png", f"{heading}: {what}", found, drawing)
        for name, what, names, drawing in drawings
        if len(found := rows.filter(pl.col("name").is_in(names)) if names else rows)
    ]


def _write(path: Path, title: str, rows: pl.DataFrame, draw: Drawing) -> Path:
    import matplotlib.pyplot as plt

    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(10, 4.6), layout="constrained")
        draw(axes, rows.sort("as_of"))
        axes.set_title(title)
        partial = path.with_name(f".{path.name}")
        figure.savefig(partial, format="png", metadata=METADATA)
        plt.close(figure)
    partial.replace(path)
    return path


def _auc(axes: "Axes", rows: pl.DataFrame) -> None:
    for role, (label, colour) in ROLES.items():
        own = rows.filter(pl.col("role") == role)
        if len(own):
            mean = own.select(pl.col("value").mean()).item()
            _band(axes, own, f"{label} (mean of the months {mean:.3f})", colour)
    _level(axes, 0.5, "a draw", "center")
    axes.set_ylabel("AUC")
    _finish(axes, rows["as_of"])


def _calibration(axes: "Axes", rows: pl.DataFrame) -> None:
    observed = rows.filter(pl.col("name") == "observed_rate", pl.col("role") == "champion")
    _band(axes, observed, "observed, with 95 % interval", INK)
    for role, (label, colour) in ROLES.items():
        own = rows.filter(pl.col("name") == "predicted_rate", pl.col("role") == role)
        if len(own):
            axes.plot(own["as_of"], own["value"], color=colour, label=f"predicted, {label}", **_LINE)
    axes.set_ylabel("rate")
    _finish(axes, rows["as_of"], share=True)


def _gaps(axes: "Axes", rows: pl.DataFrame) -> None:
    segments = rows["segment"].unique().sort().to_list()
    roles = [role for role in ROLES if role in set(rows["role"])]
    for place, segment in enumerate(segments):
        colour = PALETTE[place % len(PALETTE)]
        axes.plot([], [], color=colour, marker="s", linestyle="", label=segment)
        for turn, role in enumerate(roles):
            own = rows.filter(pl.col("segment") == segment, pl.col("role") == role)
            # Beside each other: intervals at one place hide one another. No line joins them: months in between in which
            # a group was too small to compare are unknown, and a line would tell something of them.
            aside = 5 * (place - (len(segments) - 1) / 2) + 2 * (turn - (len(roles) - 1) / 2)
            _intervals(axes, own, timedelta(days=aside), color=colour, **MARKS[role])
    for role in roles:
        axes.plot([], [], color=GREY, marker="o", linestyle="", label=ROLES[role][0], **MARKS[role])
    axes.set_ylabel("highest less lowest rate")
    axes.annotate("no point: groups too small", (0.995, 0.97), xycoords="axes fraction", ha="right", color=GREY)
    axes.set_ylim(bottom=0)
    _finish(axes, rows["as_of"], share=True, columns=6)


def _intervals(axes: "Axes", rows: pl.DataFrame, aside: timedelta, **style: Any) -> None:
    reach = [(rows["value"] - rows["low"]).clip(0), (rows["high"] - rows["value"]).clip(0)]
    axes.errorbar(rows["as_of"] + aside, rows["value"], reach, fmt="o", markersize=5, capsize=2, **style)


def draw_drift(axes: "Axes", rows: pl.DataFrame) -> None:
    """PSI of the scores and of the worst feature by month; what the conventions call it is named beside."""
    for role, (label, colour) in ROLES.items():
        own = rows.filter(pl.col("role") == role)
        score = own.filter(pl.col("name") == "score_psi")
        worst = own.filter(pl.col("name") == "feature_psi").group_by("as_of").agg(pl.col("value").max()).sort("as_of")
        if len(score):
            _band(axes, score, f"score, {label}", colour)
        if len(worst):
            style = {**_LINE, "linestyle": "--", "linewidth": 1.2, "marker": ""}
            axes.plot(worst["as_of"], worst["value"], color=colour, label=f"worst feature, {label}", **style)
    for (limit, meaning), side in zip(CONVENTION.items(), ("top", "bottom"), strict=True):
        _level(axes, limit, f"{limit:.2f}\n{meaning}", side)
    # A feature that a short history changes may be at 20, and all that matters happens below 0.25.
    axes.set_yscale("symlog", linthresh=max(CONVENTION))
    axes.set_yticks(PSI_TICKS, [f"{tick:g}" for tick in PSI_TICKS])
    axes.minorticks_off()
    axes.set_ylabel(f"PSI, logarithmic from {max(CONVENTION)} on")
    values = rows["value"].fill_null(0.0).to_list()
    # Less what chance gives, there may be less than nothing.
    axes.set_ylim(min(0.0, 1.3 * min(values)), 1.3 * max(1.0, *values))
    _finish(axes, rows["as_of"], columns=2)


def _alerts(axes: "Axes", rows: pl.DataFrame) -> None:
    """A cell for each metric of the champion and month, in the colour of its worst level; on top all of each role."""
    from matplotlib.colors import ListedColormap

    known = rows.filter(~pl.col("note").str.starts_with(TOO_FEW))
    days = rows["as_of"].unique().sort().to_list()
    lines = _lines(known)
    grid = [[_code(part.filter(pl.col("as_of") == day)) for day in days] for part in lines.values()]
    palette = ListedColormap([UNKNOWN, *(COLOURS[level] for level in LEVELS)])
    axes.pcolormesh(grid, cmap=palette, vmin=-0.5, vmax=4.5, edgecolors="white", linewidth=2.5)
    axes.set_yticks([place + 0.5 for place in range(len(grid))], list(lines))
    axes.set_xticks([place + 0.5 for place in range(len(days))], [f"{day:%b\n%Y}" for day in days], fontsize=9)
    axes.grid(False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    _legend_of_levels(axes)


def _lines(known: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The rows that each line of the alert strip sums up, from the bottom."""
    champion = known.filter(pl.col("role") == "champion")
    raised = set(champion.filter(pl.col("level") != "ok")["name"])
    names = sorted(raised | ({"auc", "score_psi", "selection_gap", "observed_to_predicted"} & set(champion["name"])))
    lines = {TITLES[name]: champion.filter(pl.col("name") == name) for name in names}
    # The lines shown, and no others: a month with too few rows for any of them is not called ok.
    frozen = known.filter(pl.col("role") == "frozen", pl.col("name").is_in(names) | (pl.col("level") != "ok"))
    whole = {"ALL, frozen": frozen} if len(frozen) else {}
    return {**lines, **whole, "ALL, champion": champion.filter(pl.col("name").is_in(names))}


def _legend_of_levels(axes: "Axes") -> None:
    from matplotlib.patches import Patch

    patches = [Patch(color=colour, label=level) for level, colour in COLOURS.items()]
    patches.append(Patch(color=UNKNOWN, label="not measured, or too few rows"))
    axes.legend(handles=patches, ncols=5, loc="upper left", bbox_to_anchor=(0, -0.14))


def _code(rows: pl.DataFrame) -> int:
    return max((1 + LEVELS.index(level) for level in rows["level"]), default=0)


def _level(axes: "Axes", height: float, meaning: str, side: str) -> None:
    """A line to hold the others against, named outside the axes: inside, the last months would run through its name."""
    axes.axhline(height, color=GREY, linestyle=":", linewidth=1)
    place: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "va": side, "annotation_clip": False}
    axes.annotate(meaning, (1.006, height), color=GREY, fontsize=8, **place)


_LINE: dict[str, Any] = {"marker": "o", "markersize": 4, "linewidth": 2}


def _band(axes: "Axes", rows: pl.DataFrame, label: str, colour: str) -> None:
    axes.fill_between(rows["as_of"], rows["low"], rows["high"], color=colour, alpha=0.13, linewidth=0)
    axes.plot(rows["as_of"], rows["value"], color=colour, label=label, **_LINE)


def _finish(axes: "Axes", days: pl.Series, *, share: bool = False, columns: int = 4) -> None:
    from matplotlib.ticker import PercentFormatter

    # A month is dated by its last day: a tick of the calendar beside it would bear the next month's name.
    ends: list[Any] = month_ends(*days.sort().gather([0, -1]))
    shown = ends[:: -(-len(ends) // 12)]
    years = [before is None or before.year != day.year for before, day in zip([None, *shown], shown, strict=False)]
    axes.set_xticks(shown, [f"{day:%b\n%Y}" if new else f"{day:%b}" for day, new in zip(shown, years, strict=True)])
    if share:
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.13), ncols=columns)
