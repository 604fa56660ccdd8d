"""`lendloop list add | import | show | expire`: negative lists that policies refer to."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Negative lists: judicial, tax, industry. Dated, with source and reason.", no_args_is_help=True)

List = Annotated[str, typer.Argument(metavar="LIST", help="name of the list, as in `lists` of policy.yaml")]
By = Annotated[str, typer.Option(help="who does it; kept; default: whoever is signed in, or this machine's user")]


@app.command("add")
def add(
    name: List,
    kind: Annotated[str, typer.Argument(help="entity, name, phone, document, device or company")],
    value: Annotated[str, typer.Argument(help="whom or what; only a keyed hash of it is kept; -: read it from input")],
    source: Annotated[str, typer.Option(help="where it is from")],
    reason: Annotated[str, typer.Option(help="why it is there, without naming anyone; kept")],
    by: By = "",
    exact: Annotated[
        bool, typer.Option("--exact", help="only as it is written; default: whatever case, spaces and signs")
    ] = False,
    portfolio: Annotated[str, typer.Option(help="of an entity: whose id it is")] = "",
    first: Annotated[str, typer.Option("--from", help="first day it holds, such as 2026-01-31")] = "",
    last: Annotated[str, typer.Option("--until", help="last day it holds")] = "",
) -> None:
    """Put one entry on a list."""
    from flows.acting import actor
    from flows.listing import add_entry, entry_of

    given = typer.get_text_stream("stdin").readline().strip() if value == "-" else value
    row: dict[str, str | None] = {"kind": kind, "value": given, "source": source, "reason": reason}
    row |= {"match": "exact" if exact else "", "portfolio": portfolio, "valid_from": first, "valid_until": last}
    add_entry(entry_of(name, row), actor(by))


@app.command("import")
def import_all(
    name: List,
    file: Annotated[Path, typer.Argument(help="CSV: kind, value, reason; also source, match, valid_from, valid_until")],
    by: By = "",
    source: Annotated[str, typer.Option(help="where rows without a source are from")] = "",
) -> None:
    """Put every row of a file on a list, all or none.

    Doing it again changes nothing.
    """
    from flows.acting import actor
    from flows.listing import import_file

    import_file(name, file, source, actor(by))


@app.command("show")
def show(name: Annotated[str, typer.Argument(metavar="LIST", help="default: count all lists")] = "") -> None:
    """Show the lists, or every entry of one with source, dates and reason."""
    from flows.listing import show_lists

    show_lists(name)


@app.command("expire")
def expire(
    name: Annotated[str, typer.Argument(metavar="ID", help="the entry's id, or the first characters of it")],
    by: By = "",
) -> None:
    """End an entry; it stays on record."""
    from flows.acting import actor
    from flows.listing import expire_entry

    expire_entry(name, actor(by))
