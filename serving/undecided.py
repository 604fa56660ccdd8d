"""Why a request was not decided: the problems that a clerk answers with."""

from serving.api.problems import Problem


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
