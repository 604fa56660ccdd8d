"""`lendloop log …` and `lendloop decision replay`: the decision log checked, kept and made again."""

from pathlib import Path
from typing import Annotated

import typer

log = typer.Typer(help="The decision log.", no_args_is_help=True)
decision = typer.Typer(help="Decisions that were made.", no_args_is_help=True)

Portfolio = Annotated[str, typer.Option("--portfolio", "-p", help="a folder in portfolios/")]


@log.command("verify")
def verify(
    public_key: Annotated[str, typer.Option(help="your own copy of the key that signs the anchors")] = "",
    last_anchor: Annotated[str, typer.Option(help="a head's hash that you have kept: it must be in the chain")] = "",
) -> None:
    """Check every record, link and anchor, reading only.

    Exit code 1 names the first broken one.
    """
    from flows.logging_keeping import verify_log

    if not verify_log(public_key, last_anchor):
        raise typer.Exit(1)


@log.command("anchor")
def anchor() -> None:
    """Sign where the chain ends now, and keep it outside the database."""
    from flows.logging_keeping import anchor_log

    anchor_log()


@log.command("rekey")
def rekey() -> None:
    """Rotate the master key of personal fields.

    Killed, it goes on when it is run again.
    """
    from flows.logging_keeping import rekey_log

    rekey_log()


@log.command("erase")
def erase(
    portfolio: Portfolio,
    entity: Annotated[str, typer.Option(help="the person's entity id")],
    by: Annotated[str, typer.Option(help="who does it; kept in the log")],
    reason: Annotated[str, typer.Option(help="why, without naming the person; kept in the log")],
) -> None:
    """Erase what is personal in every record of a person.

    The chain still verifies.
    """
    from flows.logging_keeping import erase_person

    erase_person(portfolio, entity, by, reason)


@log.command("backup")
def backup(to: Annotated[Path, typer.Argument(help="the file to write; an older one is replaced")]) -> None:
    """Copy the log into one file while the service writes, and verify it."""
    from flows.logging_backup import back_up_log

    back_up_log(to)


@log.command("restore")
def restore(file: Annotated[Path, typer.Argument(help="what `lendloop log backup FILE` wrote")]) -> None:
    """Bring a backup into an empty database (SQLite or Postgres), verified against the anchors."""
    from flows.logging_backup import restore_log

    restore_log(file)


@log.command("export")
def export() -> None:
    """Write what is new in the log to the lake as Parquet, by portfolio and day, each record once."""
    from flows.logging_backup import export_decisions

    export_decisions()


@log.command("drop-key")
def drop_key(name: Annotated[str, typer.Argument(help="the master key's name; default: list them")] = "") -> None:
    """Retire an old master key after a rekey; refused while a data key needs it."""
    from flows.logging_backup import drop_key

    drop_key(name)


@decision.command("replay")
def replay(
    portfolio: Portfolio,
    decision_id: Annotated[str, typer.Argument(help="one decision; default: all in [--since, --until)")] = "",
    since: Annotated[str, typer.Option(help="RFC 3339 time; default: the first decision")] = "",
    until: Annotated[str, typer.Option(help="RFC 3339 time; default: now")] = "",
    release: Annotated[str, typer.Option(help="another release to compare with; default: each decision's own")] = "",
) -> None:
    """Make logged decisions again, bit for bit.

    Exit code 1 when one differs on its own release in any bit.
    """
    from flows.logging_replay import replay_decisions

    if not replay_decisions(portfolio, decision_id, since, until, release):
        raise typer.Exit(1)
