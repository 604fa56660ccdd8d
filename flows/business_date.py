"""The business date of a scheduled run: the day before the instant it was scheduled for, never the clock."""

from datetime import UTC, date, timedelta


class NoBusinessDate(ValueError):
    """A flow was started without `as_of` and without a schedule."""


def business_date(as_of: date | None) -> date:
    """`as_of` when it was given, else the day before the running flow's scheduled start (UTC)."""
    if as_of is not None:
        return as_of
    from prefect.runtime import flow_run

    scheduled = flow_run.get_scheduled_start_time() if flow_run.id else None
    if scheduled is None:
        raise NoBusinessDate("no as_of was given and the run has no schedule; give as_of, a date as 2010-11-30")
    return (scheduled.astimezone(UTC) - timedelta(days=1)).date()


def run_name() -> str:
    """A name for the running flow that a person can find again: flow, portfolio and business date."""
    from prefect.runtime import flow_run

    given = flow_run.parameters
    return f"{flow_run.flow_name} {given['portfolio']} {business_date(given.get('as_of'))}"
