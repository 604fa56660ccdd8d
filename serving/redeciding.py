"""Logged decisions made again, many at once, by a release in memory; nothing is looked up and nothing is logged."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import numpy as np

from serving.applications import Applications, Context, application_from, circumstances_from
from serving.decide import DAY, Decider, FeatureRows, decide, late_rows, target
from serving.decisions import Decisions
from serving.log.record import DECIDING, Record
from serving.scoring import Column
from training.score import Floats


def redecide(release: Decider, records: Iterable[Record]) -> Iterator[tuple[list[Record], Decisions]]:
    """The records in parts, each with the decisions on what it holds; records of erased persons are left out.

    The same bits as `answers.decide_again` gives one by one.
    """
    parts: dict[tuple[str, bool], list[Record]] = defaultdict(list)
    for record in records:
        if not record.erased and record.kind in DECIDING:
            parts[record.kind, not record.feature_times].append(record)
    for (kind, late), part in parts.items():
        features = late_rows(len(part)) if late else _features(part)
        context = Context.of([circumstances_from(record.context, record.personal) for record in part])
        if kind == "propensity":
            yield part, target(release, features, context)
        else:
            asked = Applications.of([application_from(record.personal or {}) for record in part])
            yield part, decide(release, asked, features, context)


def _features(records: list[Record]) -> FeatureRows:
    held: list[Mapping[str, Any]] = [record.features or {} for record in records]
    names = dict.fromkeys(name for one in held for name in one)
    values: dict[str, Column] = {name: [one.get(name) for one in held] for name in names}
    views = dict.fromkeys(view for record in records for view in record.feature_times)
    return FeatureRows(len(records), values, {view: _ages(records, view) for view in views})


def _ages(records: list[Record], view: str) -> Floats:
    times = [record.feature_times.get(view) for record in records]
    return np.array(
        [
            np.nan if time is None else (record.decided_at.timestamp() - datetime.fromisoformat(time).timestamp()) / DAY
            for record, time in zip(records, times, strict=True)
        ]
    )
