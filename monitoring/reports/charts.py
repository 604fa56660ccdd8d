"""Plotly figures of monitoring, made from values only: what is drawn was measured before."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from monitoring.facts import Bins
from monitoring.metric import LEVELS, Metric
from monitoring.performance import CalibrationBin
from monitoring.reports.axes import CURRENT, PALETTE, REFERENCE, Figure, Trace, layout, limits, whiskers
from monitoring.reports.wording import COLOURS, UNKNOWN, level_of
from monitoring.spec import Watch

TALLEST = 4  # bars are cut at four times the highest threshold, or one feature would flatten all others


def over_time(
    named: Mapping[str, Sequence[Metric]], y: str, watch: Watch | None = None, *, share: bool = False
) -> Figure:
    """Lines of metrics over the months with their 95 % intervals, and the thresholds of the watch."""
    # Each further line a few days to the right, or their intervals would hide one another.
    traces = [
        _line(name, rows, colour, timedelta(days=3 * place))
        for place, ((name, rows), colour) in enumerate(zip(named.items(), PALETTE * 9, strict=False))
    ]
    values = [end for rows in named.values() for row in rows for end in (row.low, row.high)]
    dates = sorted({row.as_of for rows in named.values() for row in rows})
    found = layout(
        y,
        share=share,
        xaxis={"tickformat": "%b %Y", "tickvals": [str(day) for day in _every(dates)], "type": "date"},
        showlegend=len(named) > 1,
    )
    if all(row.low == row.high == row.n for rows in named.values() for row in rows):
        found["yaxis"]["rangemode"] = "tozero"  # a count
    return traces, {**found, **limits(watch, values)}


def bars(rows: Sequence[Metric], y: str, watch: Watch | None) -> Figure:
    """A bar for each row, in the colour of its level (grey: too few rows), with its interval and the thresholds."""
    trace = {
        "type": "bar",
        "x": [row.segment for row in rows],
        "y": [row.value for row in rows],
        "error_y": whiskers(rows),
        "marker": {"color": [COLOURS[row.level] if row.judged else UNKNOWN for row in rows]},
        "customdata": [[row.n, level_of(row), row.low, row.high] for row in rows],
        "hovertemplate": "%{x}: %{y:.3f} (%{customdata[2]:.3f} to %{customdata[3]:.3f})<br>%{customdata[0]:,} rows, "
        "%{customdata[1]}<extra></extra>",
    }
    found = layout(y, xaxis={"type": "category", "tickangle": -35 if len(rows) > 6 else 0}, showlegend=False)
    found |= limits(watch, [end for row in rows for end in (row.low, row.high)])
    top = (
        TALLEST * max((value for value in (watch.yellow, watch.orange, watch.red) if value), default=0) if watch else 0
    )
    tall = [row for row in rows if 0 < top < row.high]
    if tall:
        found["yaxis"]["range"] = [min(0, *(row.low for row in rows)), top]
        for row in (row for row in tall if row.value > top):
            note = {"x": row.segment, "y": top, "text": f"{row.value:.2f} ↑", "showarrow": False, "yanchor": "bottom"}
            found.setdefault("annotations", []).append(note)
    return [trace], found


def distribution(bins: Bins, x: str) -> Figure:
    """Shares of the reference and of the current rows in the reference's bins."""
    pairs = (
        (f"reference ({bins.reference_rows:,} rows)", bins.reference, REFERENCE),
        (f"this month ({bins.current_rows:,} rows)", bins.current, CURRENT),
    )
    seen = [place for place, both in enumerate(zip(bins.reference, bins.current, strict=True)) if any(both)]
    traces = [
        {
            "type": "bar",
            "name": name,
            "x": [bins.labels[place] for place in seen],
            "y": [shares[place] for place in seen],
            "marker": {"color": colour},
            "hovertemplate": "%{x}: %{y:.1%}<extra>" + name + "</extra>",
        }
        for name, shares, colour in pairs
    ]
    return traces, layout("share of rows", x, share=True, barmode="group", xaxis={"type": "category"})


def calibration(bins: Sequence[CalibrationBin], event: str) -> Figure:
    """Observed against predicted, bin by bin, beside the diagonal where both agree."""
    top = 1.08 * max(max(part.predicted, part.high) for part in bins)
    points = {
        "type": "scatter",
        "mode": "markers",
        "x": [part.predicted for part in bins],
        "y": [part.observed for part in bins],
        "marker": {"size": 9, "color": CURRENT},
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [part.high - part.observed for part in bins],
            "arrayminus": [part.observed - part.low for part in bins],
            "color": CURRENT,
            "thickness": 1.2,
        },
        "customdata": [part.n for part in bins],
        "hovertemplate": "predicted %{x:.1%}, observed %{y:.1%}<br>%{customdata:,} decisions<extra></extra>",
    }
    line = {"color": REFERENCE, "dash": "dash"}
    diagonal = {"type": "scatter", "mode": "lines", "x": [0, top], "y": [0, top], "line": line, "hoverinfo": "skip"}
    axes: dict[str, Any] = {"range": [0, top], "tickformat": ".0%"}
    return [diagonal, points], layout(
        f"observed {event} rate", f"mean predicted probability of {event}", xaxis=axes, yaxis=axes, showlegend=False
    )


def rates(rows: Sequence[Metric], y: str) -> Figure:
    """The rate of each group with its interval; a group too small to be compared is pale."""
    columns = list(dict.fromkeys(row.segment.partition("=")[0] for row in rows))
    traces: list[Trace] = []
    for column, colour in zip(columns, PALETTE * 9, strict=False):
        own = [row for row in rows if row.segment.partition("=")[0] == column]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": column,
                "x": [[column] * len(own), [f"{row.segment.partition('=')[2]}<br>n={row.n:,}" for row in own]],
                "y": [row.value for row in own],
                "error_y": {**whiskers(own), "color": colour, "thickness": 1.6, "width": 5},
                "marker": {"size": 10, "color": colour, "opacity": [0.35 if row.note else 1.0 for row in own]},
                "hovertemplate": "%{x}: %{y:.1%}<extra></extra>",
            }
        )
    return traces, layout(y, share=True, showlegend=False, yaxis={"rangemode": "tozero"})


def shares_over_time(named: Mapping[str, Sequence[Metric]], colours: dict[str, str]) -> Figure:
    """Stacked shares of the outcomes, a column a month."""
    traces = [
        {
            "type": "bar",
            "name": name,
            "x": [f"{row.as_of:%b %Y}" for row in rows],
            "y": [row.value for row in rows],
            "marker": {"color": colours.get(name, REFERENCE)},
            "customdata": [row.n for row in rows],
            "hovertemplate": "%{x}: %{y:.1%} of %{customdata:,}<extra>" + name + "</extra>",
        }
        for name, rows in named.items()
    ]
    found = layout("share of decisions", share=True, barmode="stack", xaxis={"type": "category"}, bargap=0.25)
    return traces, {**found, "yaxis": {**found["yaxis"], "range": [0, 1]}}


def levels(grid: Mapping[str, Mapping[str, str]], months: Sequence[str]) -> Figure:
    """The level of every watch in every month, as coloured cells; grey is not measured."""
    codes = {"": 0} | {str(level): place + 1 for place, level in enumerate(LEVELS)}
    colours = [UNKNOWN, *(COLOURS[level] for level in LEVELS)]
    steps = [[edge, colour] for place, colour in enumerate(colours) for edge in (place / 5, (place + 1) / 5)]
    names = list(grid)[::-1]
    cells = {
        "type": "heatmap",
        "x": list(months),
        "y": names,
        "z": [[codes[grid[name].get(month, "")] for month in months] for name in names],
        "text": [[grid[name].get(month, "") or "not measured" for month in months] for name in names],
        "zmin": -0.5,
        "zmax": 4.5,
        "colorscale": steps,
        "showscale": False,
        "xgap": 3,
        "ygap": 3,
        "hovertemplate": "%{y}, %{x}: %{text}<extra></extra>",
    }
    height = min(400, 110 + 30 * len(names))
    quiet = {"showgrid": False, "type": "category"}
    return [cells], layout("", xaxis=quiet, yaxis=quiet, height=height, margin={"t": 10})


def _line(name: str, rows: Sequence[Metric], colour: str, aside: timedelta) -> Trace:
    trace: Trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": [str(row.as_of + aside) for row in rows],
        "y": [row.value for row in rows],
        "line": {"color": colour, "width": 2},
        "marker": {"size": 7, "color": colour},
        "customdata": [[row.n, row.low, row.high, f"{row.as_of:%b %Y}"] for row in rows],
        "hovertemplate": "%{customdata[3]}: %{y:.3f} (%{customdata[1]:.3f} to %{customdata[2]:.3f})<br>"
        "%{customdata[0]:,} rows<extra>" + name + "</extra>",
    }
    if any(row.low != row.high for row in rows):
        trace["error_y"] = {**whiskers(rows), "color": colour, "thickness": 1.2, "width": 3}
    return trace


def _every(dates: Sequence[Any], most: int = 10) -> Sequence[Any]:
    return dates[:: -(-len(dates) // most) or 1]
