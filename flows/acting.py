"""Who acts at this command line, and what they did to a portfolio put into the decision log's chain."""

from collections.abc import Mapping
from datetime import UTC, datetime

from flows.partnering import login_name
from flows.terminal import console
from flows.workspace import Workspace
from infra.settings import Settings
from serving.log.act import deed
from serving.log.canonical import Json
from serving.log.database import LogUnavailable

MACHINE = "os:"
"""Before the name by which the operating system knows who acts: no member of the staff has a colon in theirs."""


class BadActor(ValueError):
    """Somebody would act in the name of another."""


def actor(given: str = "") -> str:
    """Who acts: the member who is signed in, else this machine's user, with the name that they give themselves."""
    settings = Settings()
    name = signed_in(settings)
    if name is None:
        user = f"{MACHINE}{login_name()}"
        return f"{given} ({user})" if given else user
    if given not in ("", name):
        raise BadActor(
            f"--by: found {given[:80]!r} while {name} is signed in; leave it out, or `lendloop staff logout`"
        )
    return name


def signed_in(settings: Settings) -> str | None:
    """The member of the staff who is signed in at this machine, if anybody is."""
    if not settings.session_file.exists():
        return None
    from flows.staffing import kept, opened_reception

    with opened_reception(settings) as (reception, _):
        member = kept(settings, reception)
    return None if member is None else member.name


def note_done(workspace: Workspace, act: str, by: str, more: Mapping[str, Json]) -> None:
    """Log what was done to a portfolio in the registry, by whom and just now; `more` says to what, and why.

    The registry is another database, and has it already: what cannot be logged must not keep a rollback back.
    """
    try:
        workspace.log.append(deed("staff", act, by, datetime.now(UTC), more, portfolio=workspace.name))
    except LogUnavailable as error:
        console.print(f"[yellow]warning[/]: the decision log has no record of this act: {error}")
