"""All books beside the log, compared with the acts in its chain."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from serving.audit.acts import Act, read_acts
from serving.audit.book import Book, Finding
from serving.audit.consents import Consents
from serving.audit.course import Course
from serving.audit.lists import Entries, Imports, Versions
from serving.audit.partners import Keys, Partners
from serving.audit.pauses import PauseRows
from serving.audit.staff import StaffRows
from serving.log.books import ADOPT
from serving.log.books import adopted as marks_of
from serving.log.database import Session, open_database
from serving.log.migration import version
from serving.log.schema import VERSION
from serving.log.vault import Vault


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found: rows that differ; what could not be compared, and how often; rows that an act adopted.

    `rows`: all there are; `compared`: those of which nothing is left that could not be.
    """

    acts: int
    rows: int
    compared: int
    findings: Sequence[Finding]
    unknown: Sequence[tuple[str, str, int]]
    adopted: int


def audit(url: str, vault: Vault | None) -> Audit:
    """Compare every book at the log's URL with the acts, from one consistent state, reading only.

    Without the `vault` of the log's keys, what only a mark vouches for is not compared. `vault` must have a connection
    of its own: keys are read while the state is held.
    """
    with closing(open_database(url, read_only=True)) as database:
        strict = version(database) == VERSION
        return database.snapshot(lambda session: _audit(session, vault, strict))


def _audit(session: Session, vault: Vault | None, strict: bool) -> Audit:
    imports = Imports()
    lists = (Versions(), imports, Entries(imports=imports))
    books: list[Book] = [Partners(), Keys(), PauseRows(), Consents(), StaffRows(), *lists]
    acts, findings, course = 0, list[Finding](), Course()
    for act in read_acts(session) if session.columns("decisions") else ():
        acts += 1
        try:
            findings += _follow(books, act, vault, course)
        except (KeyError, TypeError, ValueError, AttributeError):
            findings.append(Finding("acts", act.id, "it cannot be read as an act about a book"))
    findings += [found for book in books for found in book.compare(session, vault, strict or course.kept)]
    unknown = [(book.table.name, why, count) for book in books for why, count in book.unknown.items()]
    rows, compared, adopted = (
        sum(counts) for counts in zip(*((book.rows, book.compared, len(book.adopted)) for book in books), strict=True)
    )
    return Audit(acts, rows, compared, findings, unknown, adopted)


def _follow(books: Sequence[Book], act: Act, vault: Vault | None, course: Course) -> Iterator[Finding]:
    """Have the books follow an act, and say what is wrong with it."""
    if (fault := course.fault(act)) is not None:
        yield Finding("acts", act.id, fault)
        return
    if (lack := course.lack(act)) is not None:
        yield Finding("acts", act.id, lack)
    for book in books:
        if act.name != ADOPT:
            book.follow(act, vault)
        elif act.inputs["book"] == book.table.name:
            book.adopt(marks_of(act.inputs))
