"""Draw every picture of docs/simulation.md and write docs/simulation/realism.md, the table of their figures.

From a world that is given, or from one of 20,000 customers over 18 quiet months made for it.
"""

import sys
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks.realism import amounts, funnel, graph, lending, lures, money, rhythm, vintages
from benchmarks.realism.report import written
from simulation.description import Description
from simulation.scenarios.scenario import load
from simulation.simulate import simulate

CUSTOMERS, MONTHS = 20_000, 18
PICTURES = (
    vintages.vintages, lending.roll_rates, lending.grades, amounts.amounts, rhythm.rhythm, money.trouble, money.people,
    graph.graph, funnel.funnel, lures.effects, lures.bought,
)  # fmt: skip


def draw(world: Path, about: str) -> None:
    """All pictures of a world, and the table beside them."""
    drawn = []
    for picture in PICTURES:
        drawn.append(picture(world))
        Console().print(f"{picture.__name__}: {drawn[-1].file}")
    Console().print(f"figures: {written(drawn, about)}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        draw(Path(sys.argv[1]), f"`{Path(sys.argv[1]).name}`, as it was given")
    else:
        with tempfile.TemporaryDirectory() as folder:
            simulate(Description(scenario=load("quiet"), customers=CUSTOMERS), MONTHS, Path(folder))
            draw(Path(folder), f"`quiet`, {CUSTOMERS:,} customers at first, {MONTHS} months, everyone approved")
