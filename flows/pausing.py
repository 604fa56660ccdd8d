"""`lendloop pause`: see, set and lift the pauses of automatic approval."""

from rich.table import Table

from flows.deciding import given_time
from flows.terminal import console
from flows.workspace import open_workspace
from serving.pauses import Pause


class BadPause(ValueError):
    """A pause that cannot be."""


def show_pauses(portfolio: str) -> None:
    """Print every pause of the portfolio, oldest first."""
    table = Table("as of", "cause", "reason", "paused by", "since", "lifted", "by", "because", box=None)
    for pause in open_workspace(portfolio).pauses.history(portfolio):
        lifted = f"{pause.lifted_at:%Y-%m-%d %H:%M}" if pause.lifted_at else "[red]active[/]"
        since = f"{pause.since:%Y-%m-%d %H:%M}"
        paused = (str(pause.as_of), pause.cause, pause.reason, pause.paused_by, since)
        table.add_row(*paused, lifted, pause.lifted_by or "", pause.lift_reason or "")
    console.print(table if table.rows else f"{portfolio} was never paused")


def pause_by_hand(portfolio: str, by: str, reason: str, at: str = "", until: str = "") -> None:
    """Pause automatic approval from `at` until `until` (RFC 3339); from now, and until somebody lifts it."""
    since, end = given_time(at), given_time(until) if until else None
    if end is not None and end <= since:
        raise BadPause(f"--until: found {end.isoformat()}; expected a time after {since.isoformat()}")
    cause = f"by hand {since.isoformat(timespec='seconds')}"
    pause = Pause(portfolio, since.date(), cause, reason, by, since, end)
    workspace = open_workspace(portfolio)
    workspace.pauses.set_pause(pause)
    lift = f"`lendloop pause lift --portfolio {portfolio} --by NAME --reason TEXT`"
    ends = f"until {end.isoformat(timespec='minutes')}" if end else f"until {lift}"
    console.print(f"automatic approval of {portfolio} is paused from {since.isoformat(timespec='minutes')} {ends}")


def lift_pauses(portfolio: str, by: str, reason: str, at: str = "") -> None:
    """Lift the pauses that are active at `at` (RFC 3339), or now."""
    workspace, when = open_workspace(portfolio), given_time(at)
    lifted = workspace.pauses.lift_pause(portfolio, lifted_by=by, at=when, reason=reason)
    console.print(f"lifted {len(lifted)} pauses of {portfolio}" if lifted else f"{portfolio} is not paused")
