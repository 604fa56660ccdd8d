"""Commands that a message tells a person to run: whole, so that they work as they are printed."""

from datetime import UTC, date, datetime, timedelta

from features.calendar import month_end
from infra.settings import Settings


def month_command(portfolio: str) -> str:
    """The command that closes the last month of a portfolio."""
    return f"`lendloop run month --portfolio {portfolio} --as-of {last_month(portfolio)}`"


def last_month(portfolio: str) -> date:
    """The end of the last month that is over and of which data was brought in; without any, of the last by the clock.

    A replay's months are years ago: by the clock alone there would be nothing to close.
    """
    from features.ingested import read_ingested
    from features.lake import Lake

    today = yesterday() + timedelta(days=1)
    over = today.replace(day=1) - timedelta(days=1)
    noted = read_ingested(Lake(Settings().lake), portfolio)
    return min(month_end(noted.as_of), over) if noted else over


def yesterday() -> date:
    """The last business date that is over (UTC)."""
    return datetime.now(UTC).date() - timedelta(days=1)
