"""Databases that behave as one does on a bad day, or tell what was done to them."""

from collections.abc import Callable
from typing import Any, TypeVar

from serving.log.database import Database, Session

T = TypeVar("T")


class Told:
    """A database whose writing transactions are seen; all else is the database's own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


class Twice(Told):
    """The reply to every commit is lost, so that each transaction is run again, after it was committed."""

    def alone(self, work: Callable[[Session], T]) -> T:
        self._database.alone(work)
        return self._database.alone(work)


class Counted(Told):
    """Counts how many entries of lists each transaction writes."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.wrote: list[int] = []

    def alone(self, work: Callable[[Session], T]) -> T:
        def counted(session: Session) -> T:
            before = _entries(session)
            done = work(session)
            self.wrote.append(_entries(session) - before)
            return done

        return self._database.alone(counted)


def _entries(session: Session) -> int:
    return int(session.rows("SELECT count(*) FROM list_entries")[0][0])
