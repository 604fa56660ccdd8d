"""The table of every figure that the pictures show, and of where the public ones were read: written by the command."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.realism.canvas import FOLDER
from benchmarks.realism.published import published

NOTHING = "nothing to be had"
HEAD = """# The simulated world beside public data, in figures
Written by `python -m benchmarks.realism`; the pictures are in [simulation.md](../simulation.md#is-it-like-a-real-one).
"""
TAIWAN = "Taiwan's cards"
BANK = "the Portuguese bank"


@dataclass(frozen=True)
class Line:
    """One figure of the world, what public data says, and whose it is."""

    what: str
    world: str
    public: str = NOTHING
    whose: str = ""


@dataclass(frozen=True)
class Drawn:
    """A picture and its figures."""

    file: Path
    lines: tuple[Line, ...]


def written(drawn: Iterable[Drawn], world: str) -> Path:
    """The table beside the pictures."""
    parts = [HEAD, f"The world: {world}."]
    for each in drawn:
        parts.append(f"\n## {each.file.stem.replace('_', ' ').capitalize()}\n\n| | world | public data | whose |")
        parts.append("|---|---|---|---|")
        parts.extend(f"| {line.what} | {line.world} | {line.public} | {line.whose} |" for line in each.lines)
    parts.append("\n## Where the public figures were read\n")
    parts.append(
        "Taiwan's cards and the Portuguese bank's calls are the two real portfolios of this repository, counted"
    )
    parts.append("by the command (UCI, CC BY 4.0). The others are in `benchmarks/realism/published.yaml`:\n")
    parts.append("| name there | what | read in | terms | counted |\n|---|---|---|---|---|")
    parts.extend(
        f"| `{name}` | {one.what} | {one.source} | {one.terms} | {one.counted} |" for name, one in published().items()
    )
    file = FOLDER / "realism.md"
    file.write_text("\n".join(parts) + "\n", encoding="utf-8")
    return file


def percent(share: float) -> str:
    """A share as people read it, small ones with more places."""
    return f"{share:.1%}" if share >= 0.01 or share == 0 else f"{share:.2%}"
