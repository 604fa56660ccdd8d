"""A sample of real rows, sent over HTTP to the running service as a lending system would send them."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from http.client import HTTPConnection, HTTPException
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import polars as pl

from flows.demand import ASKED, demand
from flows.partnering import demo_key
from flows.progress import note
from flows.workspace import Workspace
from serving.reasons import PAUSED

PATHS = {"risk": "decisions", "propensity": "propensities"}
CONNECTIONS = 8
SECONDS = 30
AMOUNTS = (10_000, 30_000, 50_000, 100_000, 200_000)

Answer = dict[str, Any]
Request = tuple[str, dict[str, Any], dict[str, str]]
"""Path, body and headers."""


class TrafficFailed(RuntimeError):
    """The service did not answer a request as it should; the message has its answer."""


@dataclass(frozen=True)
class Traffic:
    """How many requests of a month were answered, with what, and how many of them under a pause."""

    sent: int
    outcomes: dict[str, int]
    paused: int
    releases: tuple[str, ...]


def tally(answers: Sequence[Answer]) -> Traffic:
    """The answers counted."""
    outcomes = Counter(answer["outcome"] for answer in answers)
    paused = sum(any(reason["code"] == PAUSED.code for reason in answer["reasons"]) for answer in answers)
    releases = {answer["release"] for answer in answers}
    return Traffic(len(answers), dict(sorted(outcomes.items())), paused, tuple(sorted(releases)))


def send_days(workspace: Workspace, end: date, days: tuple[date, date], url: str, sample: int) -> list[Answer]:
    """Ask the month's requests of the days from the first to the second, both included; the service's answers.

    A request's idempotency key is made of month and entity: a month that is replayed gets its answers from the log.
    """
    bearer = f"Bearer {demo_key(workspace.settings)}"
    requests = [
        _request(workspace, row, spec.kind, end, bearer)
        for name, spec in workspace.models.models.items()
        if name in workspace.policy.models
        for row in demand(workspace, spec.observations, end, sample)
        .filter(pl.col(ASKED).dt.date().is_between(*days))
        .iter_rows(named=True)
    ]
    return _send(url, requests)


def _request(workspace: Workspace, row: dict[str, Any], kind: str, end: date, bearer: str) -> Request:
    entity = row[workspace.key]
    body: dict[str, Any] = {"entity_id": entity}
    if kind == "risk":
        body["amount"] = AMOUNTS[hash_of(entity) % len(AMOUNTS)]
    headers = {
        "Authorization": bearer,
        "Content-Type": "application/json",
        "Idempotency-Key": f"demo-{workspace.name}-{kind}-{end:%Y-%m}-{entity}",
        "Lendloop-Decision-Time": row[ASKED].isoformat(),
    }
    return f"/v1/portfolios/{workspace.name}/{PATHS[kind]}", body, headers


def hash_of(entity: int | str) -> int:
    """A number that is the same in every process, as `hash` of a string is not."""
    return sum(map(ord, str(entity)))


def _send(url: str, requests: Sequence[Request]) -> list[Answer]:
    """Every request's answer, over a few connections that stay open; plain ones cost a quarter of httpx's CPU."""
    done = count(1)

    def ask_all(part: Iterable[Request]) -> list[Answer]:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=SECONDS)
        answers = []
        for request in part:
            answers.append(_ask(connection, url, request))
            if (number := next(done)) % 50 == 0:
                note(f"{number} of {len(requests)} requests answered")
        connection.close()
        return answers

    parts = [requests[place::CONNECTIONS] for place in range(CONNECTIONS)]
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        return [answer for answers in threads.map(ask_all, parts) for answer in answers]


def _ask(connection: HTTPConnection, url: str, request: Request) -> Answer:
    path, body, headers = request
    try:
        connection.request("POST", path, json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read()
    except (OSError, HTTPException) as error:
        raise TrafficFailed(f"{url}{path} did not answer: {error!r}") from error
    if response.status != 200:
        raise TrafficFailed(f"{url}{path} answered {response.status}: {text[:300].decode(errors='replace')}")
    answer: Answer = json.loads(text)
    return answer
