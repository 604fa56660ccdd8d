"""A portfolio's months replayed: data arrives, the service answers, the month is closed, two releases are compared."""

import asyncio
from datetime import date, timedelta
from typing import TYPE_CHECKING

from features.calendar import cutoff, month_ends
from flows.comparison import Role, compare
from flows.demo_view import MonthLine, Replayed, show_heading, show_line, show_pauses
from flows.ingest import ingest_flow
from flows.materialize import materialize_flow
from flows.month import month_flow
from flows.progress import started
from flows.served import Served, open_served
from flows.steps import Summary
from flows.traffic import send_month
from flows.workspace import Workspace, open_workspace
from infra.settings import Settings
from monitoring.metric import Metric
from serving.deployment import status
from serving.launch import ServiceError
from serving.pauses import Pause

if TYPE_CHECKING:
    from flows.demo import Months

OFFICER = "demo risk officer: read the report; the retrained model is out"
LOOKS_AFTER = timedelta(days=3)
"""A pause stands for the first three days of the next month: the requests of those days are answered under it."""


def replay(settings: Settings, name: str, months: "Months", most: int) -> Replayed:
    """Run the portfolio's months in order; the first one's release is frozen and compared with from then on."""
    opening, *ends = month_ends(months.first, months.last)[: most + 1]
    show_heading(name)
    first = asyncio.run(month_flow(name, opening))
    workspace = open_workspace(name)
    frozen = open_served(workspace, first["release"]["release"])
    lines = [_opening_line(opening, first)]
    show_line(lines[0])
    for end in ends:
        lines.append(_replay_month(settings, name, end, frozen, months.sample))
        show_line(lines[-1])
        show_pauses(_lift_pause(workspace, end))
    return Replayed(name, tuple(lines))


def _replay_month(settings: Settings, name: str, end: date, frozen: Served, sample: int) -> MonthLine:
    # The day before the month closes: its contacts are known, its outcomes and the next statements are not.
    day = end - timedelta(days=1)
    asyncio.run(ingest_flow(name, day))
    asyncio.run(materialize_flow(name, day))
    workspace = open_workspace(name)
    started(f"{end:%Y-%m} requests")
    traffic = send_month(workspace, day, _address(settings), sample)
    served = open_served(workspace, traffic.releases[-1])
    closed = asyncio.run(month_flow(name, end))
    started(f"{end:%Y-%m} champion beside frozen")
    rows = compare(workspace, served, frozen, end)
    return _line(end, served, traffic.outcomes, rows, closed)


def leave_plots(settings: Settings, replayed: Replayed) -> None:
    """Draw the months of both releases beside each other."""
    from monitoring.metric import to_frame
    from monitoring.plots import draw_months

    started("drawing plots")
    if replayed.metrics:
        draw_months(to_frame(replayed.metrics), settings.reports / replayed.portfolio / "plots")


def _address(settings: Settings) -> str:
    running = status(settings.root())
    if running is None:
        raise ServiceError(f"the service is not running; its log is in {settings.root() / 'service'}")
    return running.url


def _lift_pause(workspace: Workspace, end: date) -> list[Pause]:
    """The month's pauses. Lifting one is for a person: the demo plays that person, some days into the next month.

    Pauses are in the time of decisions: noted now, the requests of the days before are still answered under it.
    """
    workspace.pauses.lift_pause(workspace.name, lifted_by=OFFICER, at=cutoff(end) + LOOKS_AFTER)
    return [pause for pause in workspace.pauses.history(workspace.name) if pause.as_of == end]


def _opening_line(month: date, closed: Summary) -> MonthLine:
    return MonthLine(month, closed["release"]["release"], {}, (), (), "frozen from here on", _is_reused(closed))


def _line(
    month: date, served: Served, outcomes: dict[str, int], rows: dict[Role, list[Metric]], closed: Summary
) -> MonthLine:
    champion, frozen = tuple(rows["champion"]), tuple(rows["frozen"])
    level = closed["monitor"]["level"]
    return MonthLine(month, served.release.sha, outcomes, champion, frozen, level, _is_reused(closed))


def _is_reused(closed: Summary) -> bool:
    return all(model["reused"] for model in closed["retrain"]["models"].values())
