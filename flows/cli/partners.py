"""`lendloop partner …`: who may call the decision service, for what, and how much."""

from typing import Annotated

import typer

app = typer.Typer(help="Partners: the systems that may call the decision service.", no_args_is_help=True)

By = Annotated[str, typer.Option(help="who does it; kept; default: whoever is signed in, or this machine's user")]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="a-z, 0-9 and -; never used for another partner again")],
    portfolios: Annotated[str, typer.Option(help="portfolios open to it, with commas between; *: all")],
    scopes: Annotated[str, typer.Option(help="of decide,propensity,review,read,consents")] = "decide,propensity,read",
    quota: Annotated[str, typer.Option(help="requests per s, m, h or d")] = "100/s",
    concurrency: Annotated[int, typer.Option(help="requests at once")] = 50,
    by: By = "",
) -> None:
    """Add a partner; print its key, once, and how to call with it."""
    from flows.acting import actor
    from flows.partnering import add_partner

    add_partner(name, scopes, portfolios, quota, concurrency, actor(by))


@app.command("list")
def list_all() -> None:
    """List every partner and its keys, by their public part."""
    from flows.partnering import list_partners

    list_partners()


@app.command("rotate")
def rotate(
    name: str,
    overlap: Annotated[str, typer.Option(help="how long the keys it has stay open: 0s, 30m, 24h, 7d")] = "24h",
    by: By = "",
) -> None:
    """Print a new key of a partner, once."""
    from flows.acting import actor
    from flows.partnering import rotate_key

    rotate_key(name, overlap, actor(by))


@app.command("change")
def change(
    name: str,
    scopes: Annotated[str | None, typer.Option(help="of decide,propensity,review,read,consents")] = None,
    portfolios: Annotated[str | None, typer.Option(help="portfolios open to it, with commas between; *: all")] = None,
    quota: Annotated[str | None, typer.Option(help="requests per s, m, h or d")] = None,
    concurrency: Annotated[int | None, typer.Option(help="requests at once")] = None,
    by: By = "",
) -> None:
    """Change what a partner may do, within a second; its keys, and what is not given, stay as they are."""
    from flows.acting import actor
    from flows.partnering import change_partner

    change_partner(name, scopes, portfolios, quota, concurrency, actor(by))


@app.command("revoke")
def revoke(name: str, by: By = "") -> None:
    """Close every key of a partner for good, within a second."""
    from flows.acting import actor
    from flows.partnering import revoke_partner

    revoke_partner(name, actor(by))
