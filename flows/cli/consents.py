"""`lendloop consent grant | withdraw | show`: what people consented to, by purpose."""

from typing import Annotated

import typer

app = typer.Typer(help="Consents of people, by purpose: credit, marketing, identity.", no_args_is_help=True)

Portfolio = Annotated[str, typer.Option("--portfolio", "-p", help="a folder in portfolios/")]
Entity = Annotated[str, typer.Option(help="the person's entity id; only a keyed hash of it is kept")]
Purpose = Annotated[str, typer.Argument(help="credit, marketing or identity")]
Source = Annotated[str, typer.Option(help="how it was given, such as a form or a call, without naming anyone; kept")]
At = Annotated[str, typer.Option(help="RFC 3339 time it was given; default: now")]
By = Annotated[str, typer.Option(help="who does it; kept; default: whoever is signed in, or this machine's user")]


@app.command("grant")
def grant(purpose: Purpose, portfolio: Portfolio, entity: Entity, source: Source, at: At = "", by: By = "") -> None:
    """Record that a person consents to a purpose."""
    from flows.acting import actor
    from flows.consenting import record_consent

    record_consent(portfolio, entity, purpose, "granted", source, at, actor(by))


@app.command("withdraw")
def withdraw(purpose: Purpose, portfolio: Portfolio, entity: Entity, source: Source, at: At = "", by: By = "") -> None:
    """Record that a person no longer consents: nothing more is read of theirs for it, from the next request."""
    from flows.acting import actor
    from flows.consenting import record_consent

    record_consent(portfolio, entity, purpose, "withdrawn", source, at, actor(by))


@app.command("show")
def show(portfolio: Portfolio, entity: Entity) -> None:
    """Show every word of a person, oldest first."""
    from flows.consenting import show_consents

    show_consents(portfolio, entity)
