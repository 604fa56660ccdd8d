"""Commands that a message tells a person to run: whole, so that they work as they are printed."""

from datetime import UTC, date, datetime, timedelta


def month_command(portfolio: str) -> str:
    """The command that closes the month that ended last, by the clock: for a message that knows of no other date."""
    return f"`lendloop run month --portfolio {portfolio} --as-of {last_month_end()}`"


def last_month_end() -> date:
    """The last day of the month before this one (UTC)."""
    return datetime.now(UTC).date().replace(day=1) - timedelta(days=1)


def yesterday() -> date:
    """The last business date that is over (UTC)."""
    return datetime.now(UTC).date() - timedelta(days=1)
