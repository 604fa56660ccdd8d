"""`lendloop why`: from a decision to the raw rows."""

from typing import Annotated

import typer


def add_commands(app: typer.Typer) -> None:
    """Register the command of this module."""
    app.command()(why)


def why(
    decision_id: Annotated[str, typer.Argument(metavar="ID", help="the decision's id, as the API answers it")],
    as_json: Annotated[bool, typer.Option("--json", help="everything, for machines")] = False,
) -> None:
    """Show a decision from its outcome down to the raw rows.

    Score, reasons, rules, features with ages, context, release, training runs, data.
    """
    from flows.why import show_why

    show_why(decision_id, as_json)
