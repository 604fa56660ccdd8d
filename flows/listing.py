"""`lendloop list`: negative lists filled, shown and expired; whom an entry names is kept nowhere."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
from rich.markup import escape
from rich.table import Column, Table

from flows.listed import refuse_no_ids, unnamed
from flows.terminal import console
from flows.workspace import open_settings_log
from infra.settings import Settings
from serving.lists.book import ListBook, Shown, open_lists
from serving.lists.entry import KINDS, BadEntry, Entry, Kind, Match, Named
from serving.partners.key import server_secret

COLUMNS = ("kind", "value", "source", "reason", "match", "portfolio", "valid_from", "valid_until")
VARIABLE = "LENDLOOP_LIST_SECRET"


def add_entry(entry: Entry, by: str) -> None:
    """Add one entry, if it can match; one of a list that nobody looks at is added with a word of warning."""
    settings = Settings()
    refuse_no_ids(settings, [("", entry)])
    with opened(settings) as book:
        added = book.add([entry], by=by, at=datetime.now(UTC))
    console.print(f"{'added to' if added else 'is on'} {entry.list}; services know within a second")
    _warn(settings, entry.list, [entry])


def import_file(name: str, file: Path, source: str, by: str) -> None:
    """Add every row of a CSV file with the columns kind, value, reason and, if wanted, the rest of `COLUMNS`."""
    if not file.is_file():
        raise BadEntry(f"{file}: no such file; expected a CSV with columns {', '.join(COLUMNS)}")
    try:
        rows = pl.read_csv(file, infer_schema=False)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise BadEntry(f"{file}: cannot be read as CSV: {type(error).__name__}") from None
    if unknown := [*(set(rows.columns) - set(COLUMNS)), *({"kind", "value", "reason"} - set(rows.columns))]:
        raise BadEntry(f"{file}: columns {sorted(unknown)}: expected kind, value, reason, and maybe {COLUMNS[2:]}")
    entries = [entry_of(name, row, source) for row in rows.iter_rows(named=True)]
    settings = Settings()
    refuse_no_ids(settings, ((f"{file}: row {row}: ", entry) for row, entry in enumerate(entries, 1)))
    with opened(settings) as book:
        added = book.add(entries, by=by, at=datetime.now(UTC), act="import")
    console.print(f"{added:,} added to {name}, {len(entries) - added:,} there already; services know within a second")
    _warn(settings, name, entries)


def _warn(settings: Settings, name: str, entries: Sequence[Entry]) -> None:
    if fault := unnamed(settings, name, entries):
        console.print(f"[yellow]![/] {escape(fault)}", highlight=False, soft_wrap=True)


def entry_of(name: str, row: dict[str, str | None], source: str = "") -> Entry:
    """The entry that texts describe; what is wrong with it `serving.lists.entry.checked` says."""
    given = {key: value for key, value in row.items() if value}
    kind, match = given.get("kind", ""), given.get("match", "normalised")
    return Entry(
        name,
        Named(_kind(kind), given.get("value", ""), given.get("portfolio", "")),
        given.get("source", source),
        given.get("reason", ""),
        _match(match),
        _day(given.get("valid_from")),
        _day(given.get("valid_until")),
    )


def show_lists(name: str) -> None:
    """Print every entry there ever was of one list, or how many each list has."""
    with opened(Settings()) as book:
        found = book.show(name)
    if not found:
        console.print(f"no entries of {name or 'any list'}; `lendloop list import LIST FILE --by NAME` makes some")
    else:
        console.print(_entries(found) if name else _counts(found))


def _counts(found: list[Shown]) -> Table:
    table = Table("list", "open entries", "expired", "sources", box=None)
    for name in dict.fromkeys(entry.list for entry in found):
        entries = [entry for entry in found if entry.list == name]
        ended = sum(entry.ended_at is not None for entry in entries)
        sources = ", ".join(dict.fromkeys(entry.source for entry in entries))
        table.add_row(name, f"{len(entries) - ended:,}", f"{ended:,}", sources)
    return table


def _entries(found: list[Shown]) -> Table:
    table = Table(
        Column("id", no_wrap=True), "kind", "match", "source", "reason", "holds", "added", "expired", box=None
    )
    for one in found:
        days = f"{one.valid_from or ''} to {one.valid_until or ''}" if one.valid_from or one.valid_until else "always"
        ended = f"{(one.ended_at or '')[:10]} by {one.ended_by}" if one.ended_at else ""
        added = f"{one.added_at[:10]} by {one.added_by}"
        table.add_row(one.id[:10], one.kind, one.match, one.source, one.reason, days, added, ended)
    return table


def expire_entry(name: str, by: str) -> None:
    """End an entry from now on; it stays on record."""
    with opened(Settings()) as book:
        book.expire(name, by=by, at=datetime.now(UTC))
    console.print("expired; services know within a second")


def list_secret(settings: Settings) -> bytes:
    """The secret of the lists' hashes; made on first use when none is given."""
    return server_secret(settings.list_secret.get_secret_value(), settings.list_secret_file, VARIABLE)


@contextmanager
def opened(settings: Settings) -> Iterator[ListBook]:
    """The lists of this home."""
    settings.root().mkdir(parents=True, exist_ok=True)
    log = open_settings_log(settings)
    book = open_lists(settings.decision_log_url, list_secret(settings), log.vault)
    try:
        yield book
    finally:
        book.close()
        log.close()


def _kind(text: str) -> Kind:
    for kind in KINDS:
        if kind == text:
            return kind
    raise BadEntry(f"kind: found {text!r}; expected one of {', '.join(KINDS)}")


def _match(text: str) -> Match:
    if text == "exact":
        return "exact"
    if text == "normalised":
        return "normalised"
    raise BadEntry(f"match: found {text!r}; expected exact or normalised")


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadEntry(f"valid_from or valid_until: found {text!r}; expected a date such as 2026-01-31") from None
