"""What all figures share: colours, axes, threshold lines and whiskers."""

from collections.abc import Sequence
from typing import Any

from monitoring.metric import Metric
from monitoring.reports.wording import COLOURS
from monitoring.spec import Watch

CURRENT, REFERENCE, SECOND = "#1f5a8a", "#b4bdc7", "#8a4f9e"
PALETTE = (CURRENT, "#d1782b", "#3d8b6d", SECOND, "#9c6b4a", "#5d6770")
FONT = {"family": "Inter, 'Helvetica Neue', Arial, sans-serif", "size": 13, "color": "#2b333b"}
Trace = dict[str, Any]
Figure = tuple[list[Trace], dict[str, Any]]


def layout(y: str, x: str = "", *, share: bool = False, **more: Any) -> dict[str, Any]:
    """The layout all figures share: quiet grid, titles with units, legend on top."""
    axis = {"gridcolor": "#eef0f3", "zeroline": False, "linecolor": "#c9d0d7", "automargin": True}
    base: dict[str, Any] = {
        "font": FONT,
        "height": 370,
        "margin": {"l": 70, "r": 60, "t": 40, "b": 60},
        "plot_bgcolor": "#ffffff",
        "paper_bgcolor": "#ffffff",
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "y": 1.14},
        "xaxis": {**axis, "title": {"text": x}},
        "yaxis": {**axis, "title": {"text": y}, **({"tickformat": ".0%"} if share else {})},
    }
    for key, value in more.items():
        base[key] = {**base[key], **value} if isinstance(base.get(key), dict) else value
    return base


def whiskers(rows: Sequence[Metric]) -> Trace:
    """The 95 % intervals of the rows as error bars."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [max(row.high - row.value, 0) for row in rows],
        "arrayminus": [max(row.value - row.low, 0) for row in rows],
        "color": "#5d6770",
        "thickness": 1.2,
        "width": 4,
    }


def limits(watch: Watch | None, values: Sequence[float]) -> dict[str, Any]:
    """Dashed lines at the thresholds, named beside the right end; one far off what is drawn is left out."""
    if watch is None or not values:
        return {}
    top, bottom = max(values), min(values)
    reach = max(top - bottom, abs(top) * 0.1)
    lines, names = [], []
    for level, threshold in (("yellow", watch.yellow), ("orange", watch.orange), ("red", watch.red)):
        both = (threshold, 1 / threshold) if threshold and watch.side == "outside" else (threshold,)
        for value in both:
            if value is None or not bottom - reach <= value <= top + reach:
                continue
            line = {"color": COLOURS[level], "dash": "dash", "width": 1.5}  # type: ignore[index]
            lines.append({"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": value, "y1": value, "line": line})
            note = {"xref": "paper", "x": 1.005, "y": value, "text": level, "showarrow": False}
            names.append({**note, "xanchor": "left", "font": {"size": 11, "color": "#5d6770"}})
    return {"shapes": lines, "annotations": names}
