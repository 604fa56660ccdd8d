"""`lendloop release list | show | diff | promote | rollback | challenge | canary | compare`."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="List, show, promote and roll back releases.", no_args_is_help=True)

Portfolio = Annotated[str, typer.Argument(help="a folder in portfolios/")]
Release = Annotated[str, typer.Argument(help="the release's SHA-256, or the first characters of it")]
By = Annotated[str, typer.Option(help="who does it; kept; default: whoever is signed in, or this machine's user")]
Reason = Annotated[str, typer.Option(help="why; kept in the history")]
Force = Annotated[bool, typer.Option("--force", help="although a gate kept it back; the history says so")]


@app.command("list")
def list_releases(portfolio: Portfolio) -> None:
    """List releases, oldest first, with gates and pointers."""
    from flows.releasing import show_releases

    show_releases(portfolio)


@app.command("show")
def show(portfolio: Portfolio, release: Annotated[str, typer.Argument(help="default: the champion")] = "") -> None:
    """Show one release: its components, models, gates and history."""
    from flows.releasing import show_release

    show_release(portfolio, release)


@app.command("diff")
def diff(
    portfolio: Portfolio,
    before: Release,
    after: Release,
    since: Annotated[str, typer.Option(help="RFC 3339 time of the first decision made again; default: all")] = "",
    until: Annotated[str, typer.Option(help="RFC 3339 time; default: now")] = "",
    out: Annotated[Path | None, typer.Option(help="keep the Markdown in this file too")] = None,
) -> None:
    """Compare two releases: components, figures, who moves.

    In Markdown, fit for a pull request.
    """
    from flows.release_diff import diff_releases

    diff_releases(portfolio, before, after, since, until, out)


@app.command("promote")
def promote(
    portfolio: Portfolio,
    release: Release,
    by: By = "",
    force: Force = False,
) -> None:
    """Make a release the champion.

    A running service switches to it without dropping a request.
    """
    from flows.acting import actor
    from flows.releasing import promote_release

    promote_release(portfolio, release, actor(by), force=force)


@app.command("rollback")
def rollback(portfolio: Portfolio, by: By = "") -> None:
    """Go back to the champion before this one."""
    from flows.acting import actor
    from flows.releasing import roll_back

    roll_back(portfolio, actor(by))


@app.command("challenge")
def challenge(
    portfolio: Portfolio,
    reason: Reason,
    by: By = "",
    release: Annotated[str, typer.Argument(help="the release's SHA-256, or the first characters of it")] = "",
    none: Annotated[bool, typer.Option("--none", help="try no challenger any more")] = False,
) -> None:
    """Try a release in the champion's shadow.

    It is scored beside the champion on live decisions, and answers nobody.
    """
    from flows.acting import actor
    from flows.trying import challenge, end_trial

    if none == bool(release):
        raise typer.BadParameter("expected either a release or --none")
    if none:
        end_trial(portfolio, actor(by), reason)
    else:
        challenge(portfolio, release, actor(by), reason)


@app.command("canary")
def canary(
    portfolio: Portfolio,
    reason: Reason,
    by: By = "",
    share: Annotated[float, typer.Option(help="share of the customers, over 0 and under 1, such as 0.05")] = 0.0,
    stop: Annotated[bool, typer.Option("--stop", help="have the champion answer everyone again")] = False,
    force: Force = False,
) -> None:
    """Have the challenger answer a stable share of the customers.

    The service stops it by itself when it breaks a limit of the champion's policy.
    """
    from flows.acting import actor
    from flows.trying import start_canary, stop_canary

    if stop == bool(share):
        raise typer.BadParameter("expected either --share or --stop")
    if stop:
        stop_canary(portfolio, actor(by), reason)
    else:
        start_canary(portfolio, share, actor(by), reason, force=force)


@app.command("compare")
def compare(
    portfolio: Portfolio,
    out: Annotated[Path | None, typer.Option(help="keep the Markdown in this file too")] = None,
) -> None:
    """Compare challenger and champion on the decisions that both have a word on.

    In Markdown: who moves, how far scores differ, and who was right as far as labels are known.
    """
    from flows.comparing import compare_trial

    compare_trial(portfolio, out)
