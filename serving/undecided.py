"""Why a request was not decided: the problems that a clerk answers with."""

import logging
from collections.abc import Sequence

from serving.api.problems import Problem
from serving.log.batcher import LogOverloaded
from serving.log.commit import Appended, IdempotencyConflict
from serving.log.database import LogUnavailable
from serving.log.record import Record

_log = logging.getLogger("lendloop.api")
_FORESEEN = IdempotencyConflict | LogUnavailable | LogOverloaded | TimeoutError


def answering(outcomes: Sequence[Appended | BaseException]) -> list[Record | Problem]:
    """What each request is answered with; raises what nobody foresaw, unless others are in the log all the same."""
    odd = [outcome for outcome in outcomes if not isinstance(outcome, Appended | _FORESEEN)]
    if odd and not any(isinstance(outcome, Appended) for outcome in outcomes):
        raise odd[0]
    for name in sorted({type(outcome).__name__ for outcome in odd}):
        _log.error("unexpected error", extra={"error": name})
    return [outcome.record if isinstance(outcome, Appended) else _problem(outcome) for outcome in outcomes]


def _problem(outcome: BaseException) -> Problem:
    if isinstance(outcome, IdempotencyConflict):
        return reused()
    if isinstance(outcome, LogUnavailable | LogOverloaded):
        return unlogged()
    if isinstance(outcome, TimeoutError):
        return slow_log()
    return Problem(500, "the service failed at this item; ask again with the same key")


def reused() -> Problem:
    """The idempotency key is of another request."""
    detail = "this key was used for another request; use a new key, or repeat that request"
    return Problem(422, detail, at=("header", "Idempotency-Key"))


def unlogged() -> Problem:
    """The log cannot be written: nothing was decided."""
    detail = "the decision log cannot be written, so nothing was decided; try again"
    return Problem(503, detail, headers={"retry-after": "1"})


def slow_log() -> Problem:
    """The log was not heard of in time: whether it was decided is not known."""
    detail = "the decision log did not confirm in time; ask again with the same Idempotency-Key"
    return Problem(503, detail, headers={"retry-after": "1"})


def not_loaded() -> Problem:
    """The portfolio has a release, but none that could be loaded."""
    detail = "the portfolio's release cannot be loaded; GET /v1/releases says why"
    return Problem(503, detail, headers={"retry-after": "5"})


def misfit(entity_type: str, at: tuple[str, str] = ("body", "entity_id")) -> Problem:
    """The entity's id is not of the type of the portfolio's keys."""
    expected = "an integer" if entity_type == "int" else "text"
    return Problem(422, f"expected {expected}", at=at)
