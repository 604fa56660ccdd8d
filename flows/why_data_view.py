"""What `lendloop why` shows of the data: the rows that features were made of, and the raw files they came in."""

from collections.abc import Iterator

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from flows.why_sources import Facts
from flows.why_words import SHORT, value_text, words

MOST_FILES = 20
"""More raw files than these are not listed one by one."""
WIDEST = 5
"""Columns of a table of raw rows; where there are more, a row's values stand in one."""


def source_lines(sources: Facts) -> Iterator[RenderableType]:
    """The rows behind each view, then the raw files."""
    if "fault" in sources:
        yield Text(sources["fault"], "red")
        return
    for view, found in sources["views"].items():
        yield from _view(view, found)
    raw = sources["raw"]
    if "fault" in raw:
        yield Text(raw["fault"], "red")
        return
    yield Text(f"raw files in {raw['folder']}, ingested up to {raw['as_of']}, inputs {raw['inputs'][:SHORT]}:")
    yield from _files(raw["files"])


def _files(files: list[Facts]) -> Iterator[RenderableType]:
    """Each file; of very many, those that are not what they were."""
    few = len(files) <= MOST_FILES
    shown = files if few else [file for file in files if not (file["recorded"] and file["unchanged"])][:MOST_FILES]
    for file in shown:
        state, colour = _state(file)
        yield Text.assemble(f"  {file['file']}  sha256 {file['sha256'][:SHORT]}  ", (state, colour))
    if not few:
        same = sum(bool(file["recorded"] and file["unchanged"]) for file in files)
        yield Text(f"  of {len(files):,} files {same:,} are unchanged since; --json lists them")


def _state(file: Facts) -> tuple[str, str]:
    if not file["recorded"]:
        return "as it is now (the ingest noted none)", "yellow"
    return ("unchanged since", "green") if file["unchanged"] else ("CHANGED OR GONE since", "red")


def _view(view: str, found: Facts) -> Iterator[RenderableType]:
    if "fault" in found:
        yield Text(f"{view}: {found['fault']}", "yellow")
        return
    if (row := found["row"]) is None:
        yield Text(f"{view}: the lake has no row of that time, known by then", "red")
    else:
        differs = ", ".join(row["differs"])
        same = (f"the lake now differs in {differs}", "red") if differs else ("as logged", "green")
        yield Text.assemble((view, "bold"), f": {row['file']} (rows {row['digest'][:SHORT]}), ", same)
    yield Text.assemble("from the rows of ", (found["table"], "bold"), ":")
    yield _rows(found["rows"]) if found["rows"] else Text("none: the lake has lost them", "red")


def _rows(rows: list[Facts]) -> RenderableType:
    columns = list(rows[0]["values"])
    wide = len(columns) > WIDEST
    table = Table("event", "known", *(["values"] if wide else columns), "file", box=box.SIMPLE_HEAD, show_edge=False)
    for one in rows:
        values = [words(one["values"])] if wide else [value_text(one["values"][name]) for name in columns]
        table.add_row(f"{one['event']:%Y-%m-%d}", f"{one['created']:%Y-%m-%d}", *values, _partition(one["file"]))
    return table


def _partition(file: str) -> str:
    """The partition of a file, as its folder's name says it."""
    return next((part for part in file.split("/") if part.startswith("known=")), file)
