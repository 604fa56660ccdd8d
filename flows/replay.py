"""A portfolio's months replayed: data arrives, the service answers, the month is closed, two releases are compared."""

import asyncio
from datetime import date, timedelta
from typing import TYPE_CHECKING

from features.calendar import cutoff, month_start
from flows.comparison import Role, compare
from flows.demo_view import MonthLine, Replayed, show_heading, show_kept_back, show_line, show_pauses
from flows.ingest import ingest
from flows.materialize import materialize
from flows.month import month_flow
from flows.progress import started
from flows.releasing import promote_release
from flows.served import Served, open_served
from flows.steps import Summary, directly
from flows.traffic import Traffic, send_days, tally
from flows.workspace import Workspace, open_workspace
from infra.settings import Settings
from monitoring.metric import Metric
from serving.deployment import status
from serving.launch import ServiceError
from serving.pauses import Pause

if TYPE_CHECKING:
    from flows.demo import Months

OFFICER, FINDING = "demo risk officer", "read the report; the retrained model is out"
LOOKS_AFTER = timedelta(days=3)
"""A pause stands for the first three days of the next month: the requests of those days are answered under it."""


def replay(settings: Settings, name: str, months: "Months", most: int) -> Replayed:
    """Run the portfolio's months in order; the first one's release is frozen and compared with from then on."""
    opening, *ends = months.ends[: most + 1]
    show_heading(name)
    first = _open(name, opening)
    workspace = open_workspace(name)
    frozen = open_served(workspace, first["release"]["release"])
    lines = [_opening_line(opening, first)]
    show_line(lines[0])
    for end in ends:
        line, closed = _replay_month(settings, name, end, frozen, months.sample)
        lines.append(line)
        show_line(line)
        show_kept_back(closed["release"])
        show_pauses(_lift_pause(workspace, end))
    return Replayed(name, tuple(lines))


def _open(name: str, opening: date) -> Summary:
    """The first month. What the gates keep back is for a person to promote, and the demo plays that person."""
    first = asyncio.run(month_flow(name, opening))
    if first["release"]["champion"] is None:
        promote_release(name, first["release"]["release"], OFFICER, force=True)
        show_kept_back(first["release"], OFFICER)
        first |= {part: done for part, done in asyncio.run(month_flow(name, opening)).items() if part != "retrain"}
    return first


def _replay_month(settings: Settings, name: str, end: date, frozen: Served, sample: int) -> tuple[MonthLine, Summary]:
    workspace, answers = open_workspace(name), []
    # Each request is answered from the data of its own day at the latest. Until the day before the month closes nothing
    # is known that a request of its first days must not know; the last day brings contacts and statements of its own.
    eve = end - timedelta(days=1)
    for days in ((month_start(end), eve), (end, end)):
        _arrive(name, days[1])
        started(f"{end:%Y-%m} requests")
        answers += send_days(workspace, end, days, _address(settings), sample)
    traffic = tally(answers)
    served = open_served(workspace, traffic.releases[-1])
    closed = asyncio.run(month_flow(name, end))
    started(f"{end:%Y-%m} champion beside frozen")
    rows = compare(workspace, served, frozen, end)
    return _line(end, served, traffic, rows, closed), closed


def _arrive(name: str, day: date) -> None:
    """What became known up to `day`, checked and written to the online store."""
    # Plain calls: the month's flow does both again, by Prefect, and finds all of it done.
    for part in (ingest, materialize):
        directly(part, name, day)


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
    workspace.pauses.lift_pause(workspace.name, lifted_by=OFFICER, at=cutoff(end) + LOOKS_AFTER, reason=FINDING)
    return [pause for pause in workspace.pauses.history(workspace.name) if pause.as_of == end]


def _opening_line(month: date, closed: Summary) -> MonthLine:
    return MonthLine(month, closed["release"]["release"], tally(()), (), (), "frozen from here on", _is_reused(closed))


def _line(month: date, served: Served, traffic: Traffic, rows: dict[Role, list[Metric]], closed: Summary) -> MonthLine:
    champion, frozen = tuple(rows["champion"]), tuple(rows["frozen"])
    level = closed["monitor"]["level"]
    return MonthLine(month, served.release.sha, traffic, champion, frozen, level, _is_reused(closed))


def _is_reused(closed: Summary) -> bool:
    return all(model["reused"] for model in closed["retrain"]["models"].values())
