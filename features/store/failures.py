"""Failures of servers and files under Feast, as errors of ours that say what to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from feast.errors import FeastObjectNotFoundException
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from infra.disk import says_full

ONLINE_FAILURES = (RedisError, psycopg.Error, sqlite3.Error)


class StoreError(RuntimeError):
    """The feature store cannot do what was asked; the message says what was found and what to try."""


class OnlineStoreError(StoreError):
    """The online store does not answer, or holds no such view; the message says what it said and what to try."""


class OnlineStoreSilent(OnlineStoreError):
    """The online store does not answer; it may a moment later."""


def online_error(project: str, error: Exception) -> OnlineStoreError:
    """What a failure of the online store means for a user."""
    text = " ".join(str(error).split())
    command = f"`lendloop run materialize --portfolio {project} --as-of DATE`"
    if "no such table" in text or isinstance(error, psycopg.errors.UndefinedTable):
        return OnlineStoreError(f"online store: {text}; it has no features of {project!r} yet: run {command} first")
    if "is full" in text:
        return OnlineStoreError(f"online store: {text}; nothing is half-written: free space and run again")
    return OnlineStoreSilent(f"online store does not answer: {text}; check that it runs and that its URL is right")


@contextmanager
def told(project: str) -> Iterator[None]:
    """Raise what fails inside as `StoreError`, with what to try."""
    try:
        yield
    except ONLINE_FAILURES as error:
        raise online_error(project, error) from error
    except SQLAlchemyError as error:
        text = " ".join(str(getattr(error, "orig", None) or error).split())
        remedy = "free space" if says_full(text) else "check that its server runs and that its URL is right"
        raise StoreError(f"feature registry: {text}; {remedy}, then run the command again") from error
    except FeastObjectNotFoundException as error:
        raise StoreError(f"{error}: the portfolio is not registered, or has changed; register it first") from error
