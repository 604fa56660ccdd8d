"""`lendloop model import | scorecard`: a model that a lender brings, and the benchmark scorecard to take away."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Bring a model of your own: a .cbm, or a points scorecard.", no_args_is_help=True)

Portfolio = Annotated[str, typer.Argument(help="a folder in portfolios/")]
Model = Annotated[str, typer.Argument(help="a model of its models.yaml")]


@app.command("import")
def bring(
    portfolio: Portfolio,
    model: Model,
    file: Annotated[Path, typer.Argument(help="a .cbm of CatBoost, or a points scorecard as .csv")],
    by: Annotated[str, typer.Option(help="who brings it; kept with every figure")],
    names: Annotated[Path | None, typer.Option(help="the file's names of features and ours: .csv or .yaml")] = None,
    learned_until: Annotated[
        str, typer.Option(help="last day whose outcomes it learned from; it is tested on later months only")
    ] = "",
) -> None:
    """Put a model from elsewhere in the place of one.

    Checked first; then retrained, gated and released like any.
    """
    from flows.bringing import import_model, stated_day

    import_model(portfolio, model, file, by, names, stated_day(learned_until))


@app.command("scorecard")
def scorecard(
    portfolio: Portfolio,
    model: Model,
    out: Annotated[Path, typer.Argument(help="the .csv to write")],
    decimals: Annotated[int, typer.Option(min=0, max=6, help="of the points")] = 1,
) -> None:
    """Write the champion's benchmark scorecard as CSV.

    In the form that `model import` reads.
    """
    from flows.benchmark_card import write_card

    write_card(portfolio, model, out, decimals)
