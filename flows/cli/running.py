"""`lendloop demo | run | serve | schedule | doctor`: what starts work."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from flows.cli.doctor import doctor


class FlowName(StrEnum):
    """The flows a person can run."""

    INGEST = "ingest"
    MATERIALIZE = "materialize"
    RETRAIN = "retrain"
    RELEASE = "release"
    DEPLOY = "deploy"
    MONITOR = "monitor"
    MONTH = "month"


PortfolioName = Annotated[str, typer.Option("--portfolio", "-p", help="a folder in portfolios/")]


def business_date(day: datetime) -> datetime:
    """The date as it was typed; one at either end of the calendar has no day before or after it to count to."""
    if not 1900 <= day.year < 2200:
        raise typer.BadParameter(f"found {day:%Y-%m-%d}; expected a date of the years 1900 to 2199")
    return day


AsOf = Annotated[
    datetime,
    typer.Option(
        "--as-of",
        formats=["%Y-%m-%d"],
        callback=business_date,
        help="business date (UTC); what is known at its end counts",
    ),
]


def add_commands(app: typer.Typer) -> None:
    """Register the commands of this module."""
    app.command()(demo)
    app.command()(run)
    app.command()(retrain_all)
    app.command()(serve)
    app.command()(schedule)
    app.command(help="Say what is installed, reachable and configured. Each fault comes with its cure.")(doctor)


def demo(
    portfolio: Annotated[list[str] | None, typer.Option("--portfolio", "-p", help="only these; default: both")] = None,
    months: Annotated[int, typer.Option(min=1, help="at most so many months of each portfolio")] = 99,
) -> None:
    """Run the whole loop on the two real data sets, month by month.

    A served model answers over HTTP.
    """
    from flows.demo import run_demo

    run_demo(portfolio or ["taiwan_cards", "bank_deposits"], months)


def run(
    flow: Annotated[FlowName, typer.Argument(help="which flow")],
    portfolio: PortfolioName,
    as_of: AsOf,
) -> None:
    """Run one flow here and now, for one portfolio and date."""
    from flows.running import run_flow

    run_flow(flow.value, portfolio, as_of.date())


def retrain_all(
    portfolio: Annotated[list[str], typer.Option("--portfolio", "-p", help="a folder in portfolios/; may be repeated")],
    as_of: AsOf,
) -> None:
    """Retrain every model of several portfolios.

    One after the other, or side by side with LENDLOOP_PROFILE=ray.
    """
    from flows.retraining import retrain_all as retrain

    retrain(portfolio, as_of.date())


def serve(
    stop: Annotated[bool, typer.Option("--stop", help="stop the service that a deploy left running")] = False,
    replay: Annotated[
        bool, typer.Option("--replay", help="take decision times from requests; for replays only")
    ] = False,
) -> None:
    """Serve the champions over HTTP until Ctrl-C.

    Promotions and rollbacks reach it while it runs.
    """
    from flows.serving import serve_here, stop_service

    if stop:
        stop_service()
    else:
        serve_here(replay=replay)


def schedule(
    portfolio: Annotated[list[str] | None, typer.Option("--portfolio", "-p", help="only these; default: all")] = None,
    api: Annotated[str, typer.Option(help="URL of the Prefect server's API; default: LENDLOOP_PREFECT_API")] = "",
) -> None:
    """Register the flows with a Prefect server.

    The month runs monthly; ingest, materialize and monitor run daily.
    """
    from flows.schedule import register

    register(portfolio, api)
