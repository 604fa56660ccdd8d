"""Draw every picture of docs/simulation.md, from a world given or from one of 5,000 customers made for it."""

import sys
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks.realism import lending, lures, money
from simulation.description import Description
from simulation.scenarios.scenario import load
from simulation.simulate import simulate

CUSTOMERS, MONTHS = 5_000, 24
PICTURES = (
    lending.vintages, lending.roll_rates, lending.grades, lending.amounts, money.rhythm, money.trouble, money.people,
    lures.graph, lures.funnel, lures.effects, lures.bought,
)  # fmt: skip


def draw(world: Path) -> None:
    """All pictures of a world."""
    for picture in PICTURES:
        Console().print(f"{picture.__name__}: {picture(world)}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        draw(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            simulate(Description(scenario=load("quiet"), customers=CUSTOMERS), MONTHS, Path(folder))
            draw(Path(folder))
