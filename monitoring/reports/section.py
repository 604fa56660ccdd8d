"""A section of a report: what Evidently's page shows as one widget."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

HALF, FULL = 1, 2


@dataclass(frozen=True)
class Section:
    """One widget: its kind as Evidently's page names it, its title, width, parameters and the number it stands for."""

    kind: str
    title: str
    params: dict[str, Any]
    size: int = FULL
    number: float = 0.0
    details: str = ""
    insights: tuple[dict[str, str], ...] = ()

    def widget(self) -> dict[str, Any]:
        """The widget as Evidently's page reads it."""
        return {
            "type": self.kind,
            "title": self.title,
            "size": self.size,
            "params": self.params,
            "details": self.details,
            "insights": list(self.insights),
        }


def text(markdown: str, title: str = "", size: int = FULL) -> Section:
    """A paragraph of Markdown."""
    return Section("text", title, {"text": markdown}, size)


def counters(pairs: Sequence[tuple[str, str]], title: str = "") -> Section:
    """Headline figures, (value, label) each."""
    return Section("counter", title, {"counters": [{"value": value, "label": label} for value, label in pairs]})


def table(header: Sequence[str], rows: Sequence[Sequence[str]], title: str, details: str = "") -> Section:
    """A plain table of text, with a caption under it."""
    return Section("table", title, {"header": list(header), "data": [list(row) for row in rows]}, details=details)


def chart(
    title: str,
    data: list[dict[str, Any]],
    layout: dict[str, Any],
    *,
    size: int = FULL,
    number: float = 0.0,
    details: str = "",
) -> Section:
    """A plotly figure: its traces and its layout, with a caption under it."""
    return Section("big_graph", title, {"data": data, "layout": layout}, size, number, details)
