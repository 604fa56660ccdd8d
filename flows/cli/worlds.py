"""`lendloop simulate`: the simulated lender's world."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command()(simulate)


def simulate(
    scenario: Annotated[str, typer.Option("--scenario", "-s", help="a scenario's name, or a YAML file")] = "quiet",
    customers: Annotated[int, typer.Option(min=1, max=99_999_999, help="how many people")] = 10_000,
    months: Annotated[int, typer.Option(min=1, max=120, help="how many months from the scenario's start")] = 24,
    seed: Annotated[int, typer.Option(help="the same seed, the same bytes")] = 1,
    policy: Annotated[str, typer.Option(help="who decides: approve_all, random, by_truth, hands_off")] = "approve_all",
    out: Annotated[Path | None, typer.Option(help="the world's folder; default: worlds/SCENARIO in home")] = None,
    since: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="do everything from this day on anew")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="processes")] = 2,
    list_scenarios: Annotated[bool, typer.Option("--list", help="list the scenarios and end")] = False,
) -> None:
    """Simulate a lender whose truth is known.

    Raw tables land by day, and the truth apart.

    A run that was stopped goes on where it was, and ends with the same bytes; more months are added to those there.
    """
    from flows.worlds import show_scenarios, simulate_world

    if list_scenarios:
        return show_scenarios()
    return simulate_world(scenario, customers, months, seed, policy, out, since.date() if since else None, workers)
