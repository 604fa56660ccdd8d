"""`lendloop policy check | explain | simulate | choose-cutoff`: what a lender decides by."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Check, explain and try out the policy a portfolio decides by.", no_args_is_help=True)

Portfolio = Annotated[str, typer.Argument(help="a folder in portfolios/")]
File = Annotated[Path | None, typer.Argument(help="another file than the portfolio's own policy.yaml")]
Out = Annotated[Path | None, typer.Option(help="keep the Markdown in this file too")]


class Unseen(StrEnum):
    """Rows the model has not learned from."""

    OUT_OF_FOLD = "out-of-fold"
    HELD_OUT = "held-out"


@app.command("check")
def check(portfolio: Portfolio, file: File = None) -> None:
    """Say what is wrong with a policy, by file, line and key.

    A fault in a rule is named by its column too.
    """
    from flows.policies import check_policy

    check_policy(portfolio, file)


@app.command("explain")
def explain(portfolio: Portfolio, file: File = None) -> None:
    """Say in plain words how it decides.

    Order, rules with their periods, cut-offs, limits, price.
    """
    from flows.policies import explain_policy

    explain_policy(portfolio, file)


@app.command("simulate")
def simulate(
    portfolio: Portfolio,
    file: Annotated[Path, typer.Argument(help="the changed policy")],
    since: Annotated[str, typer.Option(help="RFC 3339 time; default: the first decision")] = "",
    until: Annotated[str, typer.Option(help="RFC 3339 time; default: now")] = "",
    out: Out = None,
) -> None:
    """Make logged decisions again with a changed policy.

    Says who moves, by amount and by protected group.
    """
    from flows.policies import simulate_policy

    simulate_policy(portfolio, file, since, until, out)


@app.command("choose-cutoff")
def choose(
    portfolio: Portfolio,
    margin: Annotated[float | None, typer.Option(help="earned on a good customer; default: the policy's")] = None,
    loss: Annotated[float | None, typer.Option(help="lost on a bad one; default: the policy's")] = None,
    rows: Annotated[Unseen, typer.Option(help="which rows, none of which the model had learned")] = Unseen.OUT_OF_FOLD,
) -> None:
    """Draw profit over the cut-off, and recommend one.

    For the champion's model, with the interval.
    """
    from flows.cutoffs import choose_cutoff

    choose_cutoff(portfolio, margin, loss, rows.value)
