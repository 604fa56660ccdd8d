"""`lendloop incumbent import | compare`: another system's decisions, beside the champion's on the same people."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Run in parallel with the system you have, and compare.", no_args_is_help=True)

Portfolio = Annotated[str, typer.Argument(help="a folder in portfolios/")]


@app.command("import")
def bring(
    portfolio: Portfolio,
    file: Annotated[Path, typer.Argument(help="its decisions: .csv (or .tsv, .txt, gzipped) or .parquet")],
    id: Annotated[str, typer.Option(help="column that names whom a decision is about")],
    time: Annotated[str, typer.Option(help="column with the time of the decision (UTC unless it says otherwise)")],
    outcome: Annotated[str, typer.Option(help="column with what was decided")],
    mapping: Annotated[str, typer.Option(help="its words: approve=A,review=R,decline=D")] = "",
    score: Annotated[str, typer.Option(help="column with its score, higher is safer (or likelier to buy)")] = "",
    probability: Annotated[str, typer.Option(help="column with its probability of the event")] = "",
    amount: Annotated[str, typer.Option(help="column with the amount asked for")] = "",
    field: Annotated[
        list[str] | None, typer.Option(help="more of the application, such as annual_rate=APR; may be repeated")
    ] = None,
) -> None:
    """Bring in decisions that another system logged.

    Each day's file as it comes; twice changes nothing.
    """
    from flows.incumbents import import_decisions, parse_fields

    given = {"score": score, "probability": probability, "amount": amount}
    columns = {"id": id, "time": time, "outcome": outcome, **{name: column for name, column in given.items() if column}}
    import_decisions(portfolio, file, columns | parse_fields(field or []), mapping)


@app.command("compare")
def compare(
    portfolio: Portfolio,
    since: Annotated[str, typer.Option(help="RFC 3339 time of the first decision compared; default: all")] = "",
    until: Annotated[str, typer.Option(help="RFC 3339 time; default: now")] = "",
    as_of: Annotated[str, typer.Option(help="day by which outcomes are known; default: today")] = "",
    release: Annotated[str, typer.Option(help="the release to compare with; default: the champion")] = "",
    out: Annotated[Path | None, typer.Option(help="folder for report, facts and picture; default: reports")] = None,
) -> None:
    """Let the champion decide the same applications, and compare.

    Who moves; and, where labels are known, who was right.
    """
    from flows.parallel import compare_incumbent

    compare_incumbent(portfolio, since, until, out, as_of, release)
