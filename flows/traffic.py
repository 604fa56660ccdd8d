"""A sample of real rows, sent over HTTP to the running service as a lending system would send them."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import httpx
import polars as pl

from features.calendar import month_start
from features.spec import EVENT
from flows.progress import note
from flows.workspace import Workspace

PATHS = {"risk": "decisions", "propensity": "propensities"}
CONNECTIONS = 8
NOON = timedelta(hours=12)
AMOUNTS = (10_000, 30_000, 50_000, 100_000, 200_000)
SEED = 20_091


class TrafficFailed(RuntimeError):
    """The service did not answer a request as it should; the message has its answer."""


@dataclass(frozen=True)
class Traffic:
    """How many requests of a month were answered, and with what."""

    sent: int
    outcomes: dict[str, int]
    releases: tuple[str, ...]


def send_month(workspace: Workspace, as_of: date, url: str, sample: int) -> Traffic:
    """Ask about a seeded sample of the newest observations known at `as_of`, each at its own time in the month.

    A request's idempotency key is made of month and entity: a month that is replayed gets its answers from the log.
    """
    answers: list[dict[str, Any]] = []
    for name, spec in workspace.models.models.items():
        if name in workspace.policy.models:
            people = (
                newest(workspace, spec.observations, as_of).sample(fraction=1.0, shuffle=True, seed=SEED).head(sample)
            )
            requests = [_request(workspace, row, spec.kind, as_of) for row in people.sort(EVENT).iter_rows(named=True)]
            address = f"{url}/v1/portfolios/{workspace.name}/{PATHS[spec.kind]}"
            answers += asyncio.run(_send(address, requests))
    outcomes = Counter(answer["outcome"] for answer in answers)
    return Traffic(len(answers), dict(sorted(outcomes.items())), tuple(sorted({a["release"] for a in answers})))


def newest(workspace: Workspace, table: str, as_of: date) -> pl.DataFrame:
    """Key and time of the observations of the last month that has any, as known at `as_of`, each entity once."""
    rows = workspace.lake.read(workspace.name, "tables", table, as_of=as_of).select(workspace.key, EVENT)
    last = rows.filter(pl.col(EVENT).dt.truncate("1mo") == pl.col(EVENT).max().dt.truncate("1mo"))
    return last.group_by(workspace.key).agg(pl.col(EVENT).max()).sort(EVENT, workspace.key)


def decision_time(event: datetime, as_of: date) -> datetime:
    """Noon of the day of the observation, or of the month's first day when it was observed in an earlier month."""
    opening = datetime.combine(month_start(as_of), time(), UTC)
    return max(event.replace(hour=0, minute=0, second=0, microsecond=0), opening) + NOON


def _request(
    workspace: Workspace, row: dict[str, Any], kind: str, as_of: date
) -> tuple[dict[str, Any], dict[str, str]]:
    entity = row[workspace.key]
    body: dict[str, Any] = {"entity_id": entity}
    if kind == "risk":
        body["amount"] = AMOUNTS[hash_of(entity) % len(AMOUNTS)]
    headers = {
        "Idempotency-Key": f"demo-{workspace.name}-{kind}-{as_of:%Y-%m}-{entity}",
        "Lendloop-Decision-Time": decision_time(row[EVENT], as_of).isoformat(),
    }
    return body, headers


def hash_of(entity: int | str) -> int:
    """A number that is the same in every process, as `hash` of a string is not."""
    return sum(map(ord, str(entity)))


async def _send(address: str, requests: list[tuple[dict[str, Any], dict[str, str]]]) -> list[dict[str, Any]]:
    gate = asyncio.Semaphore(CONNECTIONS)
    done = 0

    async with httpx.AsyncClient(timeout=30) as client:

        async def ask(body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
            nonlocal done
            async with gate:
                answer = await client.post(address, json=body, headers=headers)
            if answer.status_code != 200:
                raise TrafficFailed(f"{address} answered {answer.status_code}: {answer.text[:300]}")
            done += 1
            if done % 50 == 0:
                note(f"{done} of {len(requests)} requests answered")
            return dict(answer.json())

        return await asyncio.gather(*(ask(body, headers) for body, headers in requests))
