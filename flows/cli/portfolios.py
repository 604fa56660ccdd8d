"""`lendloop portfolio new | check | list`: what a lender brings."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Make, check and list portfolios: the folders a lender brings.", no_args_is_help=True)


class Kind(StrEnum):
    """What a file's model predicts."""

    RISK = "risk"
    PROPENSITY = "propensity"


Name = Annotated[str, typer.Argument(help="name of the portfolio")]
Folder = Annotated[Path | None, typer.Option(help="folder of portfolio folders; default: portfolios/")]


@app.command()
def new(
    name: Name,
    source: Annotated[Path, typer.Option("--from", help=".csv, .csv.gz, .tsv, .txt or .parquet, a row a case")],
    time: Annotated[str, typer.Option(help="column with the time at which the row was known")],
    label: Annotated[str, typer.Option(help="column with the outcome: two values, empty where not known yet")],
    id: Annotated[str, typer.Option(help="column that names the entity; left out: each row is its own")] = "",
    protected: Annotated[list[str] | None, typer.Option(help="a protected column, besides those found by name")] = None,
    kind: Annotated[Kind, typer.Option(help="risk: the label is a loss; propensity: a sale")] = Kind.RISK,
    matures: Annotated[str, typer.Option(help="when the label is known: 30d, 6m or month-end")] = "month-end",
    positive: Annotated[str | None, typer.Option(help="the label's value that is the event")] = None,
    folder: Folder = None,
) -> None:
    """Make a working portfolio of one flat file.

    Says what was decided about each column.
    """
    from flows.onboarding.folder import new_portfolio
    from flows.onboarding.request import Request
    from flows.onboarding.tell import tell_plan
    from flows.terminal import errors
    from infra.settings import Settings

    root = _root(folder)
    request = Request(
        name=name,
        source=source,
        id=id,
        time=time,
        label=label,
        protected=tuple(protected or ()),
        kind=kind.value,
        matures=matures,
        positive=positive,
    )
    with errors.status(f"reading {source}"):
        plan = new_portfolio(request, root)
    tell_plan(plan, root, usual=Settings().portfolios)


@app.command()
def check(name: Name, folder: Folder = None) -> None:
    """Say what is wrong with a portfolio, by file, line and key.

    Exit code 1 when there is anything.
    """
    from flows.onboarding.check import check_portfolio
    from flows.onboarding.tell import tell_check
    from flows.terminal import errors
    from infra.settings import Settings

    root = _root(folder)
    with errors.status(f"checking {root / name}"):
        found = check_portfolio(root, name, made=Settings().made)
    tell_check(name, found)
    if found.faults:
        raise typer.Exit(1)


@app.command("list")
def list_all(folder: Folder = None) -> None:
    """List the portfolios: entity, models, first and last month, rows."""
    from flows.onboarding.overview import overview
    from flows.onboarding.tell import tell_overview
    from infra.settings import Settings

    root = _root(folder)
    tell_overview(overview(root, Settings().made), root)


def _root(folder: Path | None) -> Path:
    from infra.settings import Settings

    return folder if folder is not None else Settings().portfolios
