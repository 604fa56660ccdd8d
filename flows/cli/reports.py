"""`lendloop report list | open`: what monitoring wrote for people."""

import webbrowser
from typing import Annotated

import typer

app = typer.Typer(help="List and open monitoring reports.", no_args_is_help=True)

PortfolioName = Annotated[str | None, typer.Option("--portfolio", "-p", help="only this portfolio")]


@app.command("list")
def list_reports(portfolio: PortfolioName = None) -> None:
    """List the reports, newest month last, with each month's alert level."""
    from rich.table import Table

    from flows.hints import month_command
    from flows.reporting import found_reports
    from flows.terminal import COLOURS, console
    from flows.workspace import open_workspace
    from infra.settings import Settings

    found = found_reports(Settings().reports, portfolio)
    if portfolio and not found:
        open_workspace(portfolio)  # a wrong name is told as that
    table = Table("portfolio", "month", "model", "level", "report", box=None)
    for report in found:
        level = f"[{COLOURS[report.level]}]{report.level}[/]"
        table.add_row(report.portfolio, report.as_of, report.model, level, str(report.html))
    none = f"no reports yet; {month_command(portfolio or 'NAME')} or `make demo` makes some"
    console.print(table if table.rows else none, soft_wrap=not table.rows, highlight=False)


@app.command("open")
def open_report(
    portfolio: Annotated[str, typer.Argument(help="a folder in portfolios/")],
    as_of: Annotated[str, typer.Argument(help="month or date as in `report list`; default: the newest")] = "",
    browser: Annotated[bool, typer.Option(help="open a browser; else only print the path")] = True,
) -> None:
    """Open a report in the browser."""
    from flows.reporting import find_report, found_reports
    from flows.workspace import open_workspace
    from infra.settings import Settings

    if not found_reports(Settings().reports, portfolio):
        open_workspace(portfolio)  # a wrong name is told as that
    path = find_report(Settings().reports, portfolio, as_of).html.resolve()
    typer.echo(path)
    if browser:
        webbrowser.open(path.as_uri())
