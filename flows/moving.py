"""Logged decisions made again in another way, and how they move."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice

import polars as pl

from features.permitted import select
from features.spec import EVENT
from flows.deciding import given_time
from flows.workspace import Workspace
from serving.log.record import PLATFORM, Record
from serving.movement import SCHEMA, movement_markdown
from serving.policy import Policy
from serving.redeciding import redecide
from serving.release import LoadedRelease, load_release

PART = 5_000  # records in memory at once
Outcomes = Callable[[list[Record]], dict[str, str]]


class NothingLogged(ValueError):
    """There is no decision to make again."""


def moves(workspace: Workspace, since: str, until: str, before: Outcomes, after: Outcomes) -> pl.DataFrame:
    """A row for each logged decision of [since, until) on a person who is not erased; `SCHEMA` plus `decided_at`."""
    frames = []
    for part in _parts(_records(workspace, since, until)):
        old, new = before(part), after(part)
        rows = [
            (one.decision_id, one.entity_id, _amount(one), old[one.decision_id], new[one.decision_id], one.decided_at)
            for one in part
        ]
        frames.append(pl.DataFrame(rows, schema={**SCHEMA, "decided_at": pl.Datetime("us", "UTC")}, orient="row"))
    if not frames:
        period = f" from {since or 'the first'} to {until or 'now'}" if since or until else ""
        raise NothingLogged(
            f"no decision of {workspace.name}{period} is in the log; "
            f"`lendloop decide FILE --portfolio {workspace.name}` or the service makes some"
        )
    return pl.concat(frames)


def as_logged(records: list[Record]) -> dict[str, str]:
    """What was decided."""
    return {record.decision_id: record.outcome for record in records}


def by_release(release: LoadedRelease) -> Outcomes:
    """What a release would decide."""

    def decide(records: list[Record]) -> dict[str, str]:
        found = redecide(release, records)
        return {one.decision_id: str(made.outcome[row]) for part, made in found for row, one in enumerate(part)}

    return decide


def by_policy(workspace: Workspace, policy: Policy) -> Outcomes:
    """What each decision's own release would decide with `policy` in place of its own."""

    @lru_cache(maxsize=4)
    def release(sha: str) -> Outcomes:
        return by_release(load_release(workspace.release_folder(sha), policy))

    def decide(records: list[Record]) -> dict[str, str]:
        names = dict.fromkeys(record.release for record in records)
        found: dict[str, str] = {}
        for sha in names:
            found |= release(sha)([record for record in records if record.release == sha])
        return found

    return decide


def told(workspace: Workspace, found: pl.DataFrame, policy: Policy) -> str:
    """The movement as Markdown, by the protected groups of the policy's model."""
    spec = workspace.models.models[policy.models[0]]
    return movement_markdown(found, protected_groups(workspace, policy.models[0], found), spec.fairness)


def protected_groups(workspace: Workspace, model: str, found: pl.DataFrame) -> pl.DataFrame | None:
    """The protected columns of each entity as they were known last before the last decision; None: there are none."""
    spec = workspace.models.models[model]
    last = found["decided_at"].max()
    if spec.groups is None or not isinstance(last, datetime):
        return None
    as_of = last.astimezone(UTC).date()
    seen = workspace.lake.read(workspace.name, "tables", spec.observations, as_of=as_of)
    wanted = seen.select(workspace.key, EVENT).filter(
        pl.col(workspace.key).cast(pl.String).is_in(found["entity_id"].implode())
    )
    latest = wanted.group_by(workspace.key).agg(pl.col(EVENT).max()).sort(workspace.key)
    if latest.is_empty():
        return None
    names = [column.name for column in select(workspace.portfolio.features, spec.groups)]
    rows = workspace.store.training_set(latest, [spec.groups], known_by=as_of)
    return rows.select(pl.col(workspace.key).cast(pl.String).alias("entity_id"), *names).unique("entity_id")


def _records(workspace: Workspace, since: str, until: str) -> Iterator[Record]:
    start = given_time(since, "--since") if since else datetime(1970, 1, 1, tzinfo=UTC)
    for record in workspace.log.read(workspace.name, start, given_time(until, "--until")):
        if not record.erased and record.partner != PLATFORM:
            yield record


def _parts(records: Iterable[Record]) -> Iterator[list[Record]]:
    found = iter(records)
    while part := list(islice(found, PART)):
        yield part


def _amount(record: Record) -> float | None:
    amount = (record.personal or {}).get("amount")
    return float(amount) if isinstance(amount, int | float) else None
