"""`lendloop review …`: decisions that were left to people."""

from typing import Annotated

import typer

app = typer.Typer(help="Reviews: decisions that were left to people.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="the decision's id")]
Reason = Annotated[str, typer.Option(help="why, in your own words; sealed, and erased with the person")]
Codes = Annotated[list[str] | None, typer.Option("--code", help="a reason code of the policy; as often as you like")]
At = Annotated[str, typer.Option(help="RFC 3339 time it is done at, in a replay; default: now")]


@app.command("list")
def list_all(
    portfolio: Annotated[str, typer.Option("--portfolio", "-p", help="default: all that are open to you")] = "",
    state: Annotated[
        str, typer.Option(help="open, claimed, confirming, approved, declined or expired; default: all that wait")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="at most so many, the oldest first")] = 50,
    at: At = "",
) -> None:
    """List reviews, the oldest first."""
    from flows.reviewing import list_reviews

    list_reviews(portfolio, state, limit, at)


@app.command("show")
def show(decision_id: Id, as_json: Annotated[bool, typer.Option("--json")] = False, at: At = "") -> None:
    """Show what a person needs to decide a review."""
    from flows.reviewing import show_review

    show_review(decision_id, as_json, at)


@app.command("refuse")
def refuse(
    decision_id: Id,
    reason: Annotated[str, typer.Option(help="what the applicant says; sealed, and erased with the person")] = "",
    at: At = "",
) -> None:
    """Leave a decision to people, whatever it was, because its applicant refuses to have it made by a machine."""
    from flows.reviewing import refuse_decision

    refuse_decision(decision_id, reason, at)


@app.command("claim")
def claim(decision_id: Id, at: At = "") -> None:
    """Take a review."""
    from flows.reviewing import claim_review

    claim_review(decision_id, at)


@app.command("release")
def release(decision_id: Id, at: At = "") -> None:
    """Give a review back."""
    from flows.reviewing import release_review

    release_review(decision_id, at)


@app.command("decide")
def decide(
    decision_id: Id,
    reason: Reason,
    approve: Annotated[float | None, typer.Option(help="approve, up to this limit")] = None,
    decline: Annotated[bool, typer.Option("--decline", help="decline")] = False,
    code: Codes = None,
    at: At = "",
) -> None:
    """Approve or decline the application of a review that you hold."""
    from flows.reviewing import decide_review

    decide_review(decision_id, approve, decline, reason, code or [], at)


@app.command("confirm")
def confirm(
    decision_id: Id,
    reason: Reason,
    refuse: Annotated[bool, typer.Option("--refuse", help="do not confirm: it is declined")] = False,
    code: Codes = None,
    at: At = "",
) -> None:
    """Confirm, as a second person, what another approved."""
    from flows.reviewing import confirm_review

    confirm_review(decision_id, not refuse, reason, code or [], at)


@app.command("expire")
def expire(
    portfolio: Annotated[str, typer.Option("--portfolio", "-p", help="a folder in portfolios/")], at: At = ""
) -> None:
    """End the reviews that are past their time, as each day's monitoring does."""
    from flows.reviewing import expire_reviews

    expire_reviews(portfolio, at)
