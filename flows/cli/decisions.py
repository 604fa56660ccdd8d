"""`lendloop decide | decide-book | pause`: decisions at the command line, and what was decided."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.running import business_date

PortfolioName = Annotated[str, typer.Option("--portfolio", "-p", help="a folder in portfolios/")]
By = Annotated[str, typer.Option(help="who does it; kept; default: whoever is signed in, or this machine's user")]
pause = typer.Typer(help="Pauses of automatic approval.", no_args_is_help=True)


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command()(decide)
    app.command()(decide_book)
    app.add_typer(pause, name="pause")


def decide(
    file: Annotated[Path, typer.Argument(help="CSV, Parquet or JSON lines with entity_id and, if wanted, amount")],
    portfolio: PortfolioName,
    out: Annotated[Path | None, typer.Option(help="where to write all decisions (CSV, Parquet or JSON lines)")] = None,
    at: Annotated[str, typer.Option(help="RFC 3339 time of the decisions; default: now")] = "",
) -> None:
    """Decide a file of applications with the champion.

    By the same code as the service; every decision is logged.
    """
    from flows.deciding import decide_file

    decide_file(file, portfolio, out, at)


def decide_book(
    portfolio: PortfolioName,
    as_of: Annotated[
        datetime,
        typer.Option(
            "--as-of",
            formats=["%Y-%m-%d"],
            callback=business_date,
            help="business date (UTC), at whose end all are decided",
        ),
    ],
    out: Annotated[Path, typer.Option(help="folder for the Parquet files; the same command goes on where it was")],
    scores_only: Annotated[bool, typer.Option("--scores-only", help="probability and score, without reasons")] = False,
) -> None:
    """Decide a whole book of customers, reasons and all.

    What the champion would answer to each of them, as Parquet.

    In it is everyone of whom any view that the champion reads has a row by then, stale or not. Nobody is answered, and
    nothing is logged. Interrupted, it goes on with the parts that are missing.
    """
    from flows.booking import decide_whole_book

    decide_whole_book(portfolio, as_of.date(), out, scores_only=scores_only)


@pause.command("list")
def list_pauses(portfolio: PortfolioName) -> None:
    """List every pause of a portfolio, lifted or not."""
    from flows.pausing import show_pauses

    show_pauses(portfolio)


@pause.command("set")
def set_pause(
    portfolio: PortfolioName,
    reason: Annotated[str, typer.Option(help="why new business stops; kept in the history")],
    by: By = "",
    at: Annotated[str, typer.Option(help="RFC 3339 time of decisions from which it is paused; default: now")] = "",
    until: Annotated[str, typer.Option(help="RFC 3339 time at which it ends by itself; default: when lifted")] = "",
) -> None:
    """Stop automatic approval: whoever would be approved goes to a person."""
    from flows.acting import actor
    from flows.pausing import pause_by_hand

    pause_by_hand(portfolio, actor(by), reason, at, until)


@pause.command("lift")
def lift(
    portfolio: PortfolioName,
    reason: Annotated[str, typer.Option(help="why it may be lifted; kept in the history")],
    by: By = "",
    at: Annotated[str, typer.Option(help="RFC 3339 time of decisions from which it is lifted; default: now")] = "",
) -> None:
    """Lift the active pauses, so that the service approves again."""
    from flows.acting import actor
    from flows.pausing import lift_pauses

    lift_pauses(portfolio, actor(by), reason, at)
