"""`lendloop decide-book`: every customer of a portfolio decided by the champion, in parts, into Parquet files.

A book answers nobody and is not in the decision log: it is what the champion would answer to each, at the end of a day.
In it is everyone of whom any view that the model reads has a row known by then, however old.
"""

import json
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache, partial
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
from rich.progress import track

from features.calendar import cutoff
from features.customers import Customers, bounded
from features.newest import Newest
from flows.cluster import workers_of
from flows.hints import month_command
from flows.terminal import console
from flows.workspace import Workspace, open_workspace
from infra.files import write_whole
from serving.book import book_context, book_rows, decide_book, model_of, score_book
from serving.consents import open_consents
from serving.desk import Kind
from serving.permitted import Consents, purposes
from serving.release import LoadedRelease, load_release

AT_ONCE = 250_000
"""Customers decided at once."""
NOTES = "book.json"


class BadBook(ValueError):
    """A book cannot be decided, or not into this folder; the message says why."""


@dataclass(frozen=True)
class Book:
    """What is decided, by which release, and where to: whoever is told this makes the same files."""

    portfolio: str
    release: str
    as_of: date
    kind: Kind
    paused: bool
    scores_only: bool
    out: Path

    @property
    def at(self) -> datetime:
        """The time of all decisions: the last moment of the day."""
        return cutoff(self.as_of) - timedelta(microseconds=1)

    def file(self, number: int) -> Path:
        """Where a part is written."""
        return self.out / f"part-{number:05}.parquet"


@dataclass(frozen=True)
class Part:
    """Some of a book's customers."""

    number: int
    customers: Customers


def decide_whole_book(portfolio: str, as_of: date, out: Path, *, scores_only: bool = False) -> None:
    """Decide everyone of whom the model's views know a row at `as_of`; parts that are there already are kept."""
    workspace = open_workspace(portfolio)
    book = _book(workspace, as_of, out, scores_only)
    newest = newest_of(workspace, load_release(workspace.release_folder(book.release)), book)
    features = newest.made_from()
    parts = _noted(book, newest, features)
    counts: dict[str, int] = {}
    done = workers_of(workspace.settings)(partial(decide_part, book), parts)
    for found in track(done, "deciding", total=len(parts), console=console, transient=True):
        counts = {name: counts.get(name, 0) + found.get(name, 0) for name in {**counts, **found}}
    if newest.made_from() != features:
        raise BadBook(f"{out}: features were built anew meanwhile, and its files may be a mix; remove it and run again")
    told = ", ".join(f"{count:,} {outcome}" for outcome, count in sorted(counts.items()))
    console.print(f"{sum(counts.values()):,} customers: {told}")
    console.print(f"in {len(parts)} files in [cyan]{out}[/]; made by release {book.release}")


def decide_part(book: Book, part: Part) -> dict[str, int]:
    """Decide some customers and write their file, unless it is there; how many there are of each outcome."""
    file = book.file(part.number)
    if not file.is_file():
        write_whole(file, _decided(book, part.customers))
    found: dict[str, int] = json.loads(pl.read_parquet_metadata(file)["outcomes"])
    return found


def newest_of(workspace: Workspace, release: LoadedRelease, book: Book) -> Newest:
    """The features that a release reads."""
    columns = model_of(release, book.kind).columns
    return Newest(workspace.lake, workspace.name, workspace.key, columns, book.as_of)


def _decided(book: Book, customers: Customers) -> bytes:
    workspace, release = _opened(book.portfolio, book.release)
    frame = newest_of(workspace, release, book).read(customers)
    rows = book_rows(frame, model_of(release, book.kind), book.at)
    entities = frame[workspace.key].to_arrow()
    rows, context = book_context(rows, book.at, book.kind, book.paused, _consents(workspace, release, book, frame))
    if book.scores_only:
        table = pl.DataFrame(score_book(release, book.kind, rows, workspace.key, entities))
        outcomes = {"scored": table.height - table["probability"].null_count()}
        outcomes["not scored"] = table["probability"].null_count()
    else:
        table = pl.DataFrame(decide_book(release, book.kind, rows, context, workspace.key, entities))
        outcomes = dict(table["outcome"].value_counts().iter_rows())
    buffer = BytesIO()
    table.write_parquet(
        buffer, metadata={"release": book.release, "at": f"{book.at}", "outcomes": json.dumps(outcomes)}
    )
    return buffer.getvalue()


def _consents(workspace: Workspace, release: LoadedRelease, book: Book, frame: pl.DataFrame) -> list[Consents]:
    needed = purposes(release.policy, book.kind)
    if not needed:
        return []
    people = [str(entity) for entity in frame[workspace.key].to_list()]
    with closing(open_consents(workspace.settings.decision_log_url, workspace.log.vault)) as consents:
        return [*consents.states(workspace.name, people, needed, book.at)]


@lru_cache(maxsize=2)
def _opened(portfolio: str, sha: str) -> tuple[Workspace, LoadedRelease]:
    """Once in a process: a worker decides many parts."""
    workspace = open_workspace(portfolio)
    return workspace, load_release(workspace.release_folder(sha))


def _book(workspace: Workspace, as_of: date, out: Path, scores_only: bool) -> Book:
    champion = workspace.registry.champion(workspace.name)
    if champion is None:
        raise BadBook(f"{workspace.name} has no champion yet; {month_command(workspace.name)} makes one")
    release = load_release(workspace.release_folder(champion.sha))
    kind: Kind = "decision" if release.policy.risk is not None else "propensity"
    book = Book(workspace.name, champion.sha, as_of, kind, False, scores_only, out.resolve())
    paused = workspace.pauses.active_pause(workspace.name, book.at) is not None
    return Book(**{**asdict(book), "paused": paused})


def _noted(book: Book, newest: Newest, features: dict[str, dict[str, str]]) -> list[Part]:
    """The parts of a book, by what its folder notes of it, now or before; a folder with another book is refused."""
    told = {name: str(value) for name, value in asdict(book).items() if name != "out"} | {"features": features}
    file = book.out / NOTES
    if file.is_file():
        there = _read(file)
        if other := sorted(
            name for name in told.keys() | there.keys() - {"bounds"} if told.get(name) != there.get(name)
        ):
            raise BadBook(f"{book.out}: holds another book (other {', '.join(other)}); choose another folder")
        # Parts that are there are of these: cut anew, they might be others.
        ranges = bounded(there["bounds"])
    else:
        ranges = newest.ranges(AT_ONCE)
        _begin(book.out, told | {"bounds": [one.low for one in ranges[1:]]})
    return [Part(number, customers) for number, customers in enumerate(ranges)]


def _begin(folder: Path, noted: dict[str, Any]) -> None:
    if folder.exists() and any(not one.name.startswith(NOTES) for one in folder.iterdir()):
        raise BadBook(f"{folder}: is not empty, and holds no {NOTES}; choose another folder")
    write_whole(folder / NOTES, json.dumps(noted, indent=1).encode())


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("bounds"), list):
        raise BadBook(f"{file}: cannot be read; remove the folder and run again")
    return found
