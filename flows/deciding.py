"""`lendloop decide`: a file of applications decided and logged."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import polars.selectors as cs
from pydantic import ValidationError
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from features.documents import expected_of
from features.unquoted import unquoted
from flows.cells import BadCell, read_cells
from flows.decided_rows import DecidedRow, RowDecider, parts, row_keys
from flows.hints import month_command
from flows.listing import list_secret
from flows.logging_keeping import open_anchors
from flows.terminal import console
from flows.workspace import Workspace, open_workspace
from infra.files import check_place, write_whole
from serving.answers import answer_of
from serving.api.schemas import DecisionRequest, PropensityRequest
from serving.api.times import SAID, in_utc
from serving.asked import Asked
from serving.desk import Desk, open_desk
from serving.inquiry import open_inquiry
from serving.log.anchors import AnchorBroken
from serving.log.database import LogUnavailable
from serving.log.record import Record
from serving.partners.partner import LOCAL
from serving.vendors import http_vendors

READERS: dict[str, Callable[[Path, str], pl.DataFrame]] = {
    ".csv": read_cells,
    ".parquet": lambda file, _: pl.read_parquet(file),
    ".jsonl": lambda file, _: pl.read_ndjson(file),
    ".ndjson": lambda file, _: pl.read_ndjson(file),
}
WRITERS: dict[str, Callable[[pl.DataFrame, BytesIO], object]] = {
    ".csv": pl.DataFrame.write_csv,
    ".parquet": pl.DataFrame.write_parquet,
    ".jsonl": pl.DataFrame.write_ndjson,
    ".ndjson": pl.DataFrame.write_ndjson,
}
COLUMNS = ("entity_id", "outcome", "probability", "score", "grade", "limit", "first_reason")
SHOWN = 10
ROW_BYTES = 512
"""Room that a row of the answers takes at most, as a rule."""


class BadFile(ValueError):
    """A file of applications cannot be used; the message names the row and the field."""


def decide_file(file: Path, portfolio: str, out: Path | None, at: str) -> None:
    """Decide every row of `file`, commit the decisions to the log, print a summary and write all to `out`.

    The same file again, at the same time or, where none is given, on the same day (UTC), is answered from the log: a
    run that failed or was killed is simply run again.
    """
    _check_out(out)
    if at:
        given_time(at)  # a wrong time is told first, too; none is the moment in which it is decided
    workspace = open_workspace(portfolio)
    ids = workspace.portfolio.features.entity.type
    applications = read_applications(file, ids)  # a wrong file is told before the registry and the models are opened
    if out is not None:
        check_place(out, applications.height * ROW_BYTES)
    desk = _desk(workspace)
    with closing(workspace.log), closing(workspace.pauses):
        asked = list(_asked(workspace, desk, file, applications, at))
        decided = asyncio.run(_decide_all(workspace, desk, asked))
        _anchor(workspace)
    _tell_before(decided)
    rows = _answers([row.record for row in decided if not row.record.erased])
    _show(rows)
    if out is not None:
        _write(rows, out)
        console.print(f"all {rows.height:,} decisions are in [cyan]{out}[/] and in the decision log")


def read_applications(file: Path, entity: str) -> pl.DataFrame:
    """The rows of a CSV, Parquet or JSON-lines file; it must have a column `entity_id`, of ids of the type `entity`."""
    reader = READERS.get(file.suffix)
    if reader is None:
        raise BadFile(f"{file}: found ending {file.suffix!r}; expected one of {sorted(READERS)}")
    if not file.is_file():
        raise BadFile(f"{file}: no such file; expected applications with a column entity_id")
    try:
        rows: pl.DataFrame = reader(file, entity)
    except BadCell as error:
        raise BadFile(f"{file}: {error}") from None
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise BadFile(f"{file}: cannot be read as {file.suffix[1:]}: {unquoted(error)}") from error
    if "entity_id" not in rows.columns or rows.is_empty():
        raise BadFile(f"{file}: found {rows.height} rows of {rows.columns}; expected rows with a column entity_id")
    return rows


def _desk(workspace: Workspace) -> Desk:
    champion = workspace.registry.champion(workspace.name)
    if champion is None:
        raise BadFile(f"{workspace.name} has no champion yet; {month_command(workspace.name)} makes one")
    urls = {"registry": workspace.settings.feature_registry_url, "online": workspace.settings.online_store_url}
    return open_desk(workspace.name, workspace.release_folder(champion.sha), **urls)


def _kind(value: object) -> str:
    """What stands there, without saying it: the type of a value, in the words of a file."""
    kinds = {str: "text", bool: "a truth value", int: "a whole number", float: "a number"}
    return kinds.get(type(value), f"a {type(value).__name__}")


def _asked(workspace: Workspace, desk: Desk, file: Path, rows: pl.DataFrame, given_at: str) -> Iterator[Asked]:
    at = given_time(given_at)
    keys = row_keys(workspace.log.vault, workspace.name, file, at if given_at else at.date())
    kind, model = ("decision", DecisionRequest) if desk.takes("decision") else ("propensity", PropensityRequest)
    for number, row in enumerate(rows.iter_rows(named=True), start=1):
        given: dict[str, Any] = {name: value for name, value in row.items() if value is not None}
        try:
            request = model.model_validate(given)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            where = ".".join(map(str, fault["loc"]))
            if fault["type"] == "extra_forbidden" and where in given:
                raise BadFile(f"{file}: unknown column {where}: {expected_of(where, [model])}") from None
            # The value itself may be personal, and messages end up in logs.
            raise BadFile(f"{file}: row {number}: {where}: {fault['msg']}; found {_kind(fault['input'])}") from None
        if not desk.accepts(request.entity_id):
            expected = desk.release.features.entity_type
            raise BadFile(
                f"{file}: row {number}: entity_id: found {_kind(request.entity_id)}; expected type {expected}"
            )
        yield Asked(LOCAL, workspace.name, kind, request, at, next(keys))  # type: ignore[arg-type]


async def _decide_all(workspace: Workspace, desk: Desk, asked: Sequence[Asked]) -> list[DecidedRow]:
    settings, log = workspace.settings, workspace.log
    vendors = http_vendors(settings.vendors, settings.opened_vendor_keys, settings.vendor_seconds)
    secret = list_secret(settings)
    inquiry = open_inquiry(settings.decision_log_url, secret, log.vault, vendors, settings.vendor_seconds)
    decider = RowDecider(desk, log, workspace.pauses, inquiry)
    try:
        every = track(parts(asked), "deciding", console=console, transient=True)
        return [row for part in every for row in await decider.decide(part)]
    finally:
        await inquiry.close()


def _anchor(workspace: Workspace) -> None:
    """Sign where the chain ends now, as a service does; the decisions stand without."""
    try:
        open_anchors(workspace.settings).append(workspace.log.head(), datetime.now(UTC))
    except (AnchorBroken, LogUnavailable, OSError) as error:
        console.print(f"[yellow]the log's end is not anchored[/]: {escape(str(error))}", highlight=False)


def given_time(at: str, option: str = "--at") -> datetime:
    """The time a person gave with an option, UTC unless it says otherwise; now when none was given."""
    try:
        given = datetime.fromisoformat(at) if at else datetime.now(UTC)
        return in_utc(given if given.tzinfo else given.replace(tzinfo=UTC))
    except ValueError:
        raise BadFile(f"{option}: found {at!r}; expected {SAID}, such as 2010-11-30T12:00:00Z") from None


def _tell_before(decided: Sequence[DecidedRow]) -> None:
    """How many rows are answered from the log: those of a person erased since are answered no more."""
    before = [row.record for row in decided if row.before]
    erased = sum(record.erased for record in before)
    if before:
        first = min(record.decided_at for record in before)
        console.print(
            f"{len(before):,} of the {len(decided):,} rows were decided before, first at {first:%Y-%m-%d %H:%M} UTC, "
            "and are told as they were; --at decides the file at another time",
            highlight=False,
        )
    if erased:
        console.print(f"{erased:,} of them are of people erased since and are left out", highlight=False)
    if erased == len(decided):
        raise BadFile("every row was decided before, of people who were erased since; nothing is left to tell")


def _answers(records: Sequence[Record]) -> pl.DataFrame:
    answers = [answer_of(record) for record in records]
    # All of them tell the types: a counter-offer may come late in a file.
    told = [answer.model_dump(mode="json", exclude={"reasons"}) for answer in answers]
    first = [answer.reasons[0].en if answer.reasons else "" for answer in answers]
    return pl.DataFrame(told, infer_schema_length=None).with_columns(pl.Series("first_reason", first))


def _show(rows: pl.DataFrame) -> None:
    columns = [name for name in COLUMNS if name in rows.columns]
    table = Table(*columns, box=None)
    for row in rows.head(SHOWN).select(columns).iter_rows():
        table.add_row(*(f"{value:.3f}" if isinstance(value, float) else str(value) for value in row))
    console.print(table)
    counts = rows["outcome"].value_counts().sort("outcome")
    console.print(f"{rows.height:,} decided: " + ", ".join(f"{n:,} {outcome}" for outcome, n in counts.iter_rows()))


def _check_out(out: Path | None) -> None:
    """Before anything is decided and logged: the file can be written."""
    if out is None:
        return
    if out.suffix not in WRITERS:
        raise BadFile(f"{out}: found ending {out.suffix!r}; expected one of {sorted(WRITERS)}")
    if out.is_dir():
        raise BadFile(f"{out}: is a folder; expected the name of a file")
    if not out.parent.is_dir():
        raise BadFile(f"{out.parent}: no such folder; make it first")


def _write(rows: pl.DataFrame, out: Path) -> None:
    buffer = BytesIO()
    if out.suffix == ".csv":  # which has no fields within a field
        rows = rows.with_columns(cs.struct().struct.json_encode())
    WRITERS[out.suffix](rows, buffer)
    write_whole(out, buffer.getvalue())
