"""The retrained champion beside one frozen at the start, on the same whole months of real rows."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Literal

import numpy as np
import polars as pl

from features.calendar import month_start, noon
from features.spec import EVENT
from flows.month_inputs import known_labels, month_inputs
from flows.served import Served
from flows.workspace import Workspace
from monitoring.metric import Metric
from monitoring.month import monthly
from serving.decide import Applications, Context, decide, frame_rows, target
from serving.release import LoadedRelease
from training.labels import KNOWN

Role = Literal["champion", "frozen"]


def compare(workspace: Workspace, served: Served, frozen: Served, as_of: date) -> dict[Role, list[Metric]]:
    """The month's metrics of both releases, each deciding about every observation whose label became known in it."""
    found: dict[Role, list[Metric]] = {"champion": [], "frozen": []}
    for name in frozen.release.models:
        rows = _matured(workspace, name, as_of)
        if rows.is_empty():
            continue
        shared = month_inputs(workspace, served, name, decided(workspace, served.release, name, rows, as_of), as_of)
        found["champion"] += monthly(shared).rows
        profile, score_profile = frozen.profiles(name)
        beside = replace(
            shared,
            role="frozen",
            release=frozen.release.sha,
            run=frozen.runs[name],
            profile=profile,
            score_profile=score_profile,
            decisions=decided(workspace, frozen.release, name, rows, as_of),
        )
        found["frozen"] += monthly(beside).rows
    return found


def _matured(workspace: Workspace, name: str, as_of: date) -> pl.DataFrame:
    """The features, at their own time, of the observations whose label became known in the month of `as_of`."""
    spec = workspace.models.models[name]
    known = known_labels(workspace, spec, as_of)
    opened = datetime.combine(month_start(as_of), time(), UTC)
    rows = known.filter(pl.col(KNOWN) >= opened).select(workspace.key, EVENT)
    return workspace.store.training_set(rows, [spec.service], known_by=as_of)


def decided(workspace: Workspace, release: LoadedRelease, name: str, rows: pl.DataFrame, as_of: date) -> pl.DataFrame:
    """What the release decides about every row at once, as `read_decisions` would give it."""
    model = release.models[name]
    features = frame_rows(rows, model.columns)
    calm = Context(paused=np.zeros(rows.height, dtype=bool))
    if model.kind == "risk":
        made = decide(release, Applications(np.full(rows.height, np.nan)), features, calm)
    else:
        made = target(release, features, calm)
    times = [noon(max(event.date(), month_start(as_of))) for event in rows[EVENT]]
    return pl.DataFrame(
        {
            "decision_id": [f"{name}-{index}" for index in range(rows.height)],
            "portfolio": workspace.name,
            "kind": "decision" if model.kind == "risk" else "propensity",
            "model": name,
            "entity_id": rows[workspace.key].cast(pl.String),
            "decided_at": pl.Series(times, dtype=pl.Datetime("us", "UTC")),
            "release": release.sha,
            "probability": made.probability,
            "score": made.score,
            "grade": made.grade,
            "outcome": made.outcome,
            "stale": made.degraded,
            "features": "{}",
        }
    )
