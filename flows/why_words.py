"""How `lendloop why` words values, and the grid that its pairs stand in."""

from typing import Any

from rich.table import Table

SHORT = 12
"""Digits of a digest that are shown; `--json` has all of them."""


def grid(*styles: str) -> Table:
    """A table without lines or a head, a column for each style."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for place, style in enumerate(styles):
        table.add_column(style=style, justify="right" if place and place < len(styles) - 1 else "left", overflow="fold")
    return table


def words(facts: Any) -> str:
    """Each name with its value."""
    return ", ".join(f"{name.replace('_', ' ')} {value_text(value)}" for name, value in facts.items())


def time_text(text: str) -> str:
    """A time of RFC 3339, to the second."""
    return text[:19].replace("T", " ")


def value_text(value: Any) -> str:
    """A value of any type, short."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return words(value) or "none"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)
