"""Times that a caller sends: with a zone, in UTC from here on, of years that every part of the platform can hold."""

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BeforeValidator

YEARS = range(1900, 2200)  # columns of nanoseconds end in 2262, and nobody's word is older than a person
SAID = f"RFC 3339, of the years {YEARS[0]} to {YEARS[-1]}"
EXPECTED = f"expected a time with its zone ({SAID}), as in 2005-09-30T12:00:00Z"


def in_utc(when: datetime) -> datetime:
    """The same time in UTC; `ValueError` where it has no zone or is of no year that there can be."""
    try:
        found = when.astimezone(UTC) if when.tzinfo is not None else None
    except OverflowError:  # the first and the last day there are, in a zone where UTC is beyond them
        found = None
    if found is None or found.year not in YEARS:
        raise ValueError(EXPECTED)
    return found


# What `fromisoformat` reads besides (weeks, days without dashes, hours alone) is no RFC 3339, and neither are digits of
# other scripts.
_WRITTEN = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII | re.IGNORECASE
)


def read_time(text: object) -> datetime:
    """The time that a text says, in UTC; or `ValueError`: a number is no time, whatever it may have counted."""
    if not isinstance(text, str) or _WRITTEN.fullmatch(text) is None:
        raise ValueError(EXPECTED)
    try:
        when = datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError(EXPECTED) from None
    return in_utc(when)


SentTime = Annotated[datetime, BeforeValidator(read_time)]
