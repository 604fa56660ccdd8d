"""What another release would have decided, from the record of a decision: same features, application, circumstances.

What the other release reads besides is read now, of people for whom it may be read; all else is as it was.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from serving.applications import circumstances_from
from serving.decisions import Decisions
from serving.desk import PURPOSE_OF, Desk, Key, Looked
from serving.log.record import Record, time_text
from serving.redeciding import redecide
from serving.trial.rows import Role, ShadowRow


def shadow_rows(desk: Desk, records: Sequence[Record], role: Role) -> list[ShadowRow]:
    """A row for each record that the release of `desk` can decide about; erased ones are left out."""
    asked = [one for one in records if not one.erased and _takes(desk, one)]
    whole = list(_supplemented(desk, asked))
    return [
        _row(made, row, record, role) for part, made in redecide(desk.release, whole) for row, record in enumerate(part)
    ]


def _takes(desk: Desk, record: Record) -> bool:
    kind = record.kind
    return (kind == "decision" or kind == "propensity") and desk.takes(kind)


def _supplemented(desk: Desk, records: Sequence[Record]) -> Iterator[Record]:
    """The records with what the release reads besides; decided as late where that cannot be read."""
    names = {column.name for column in desk.release.features.columns}
    for kind_lacks, group in groupby(records, lambda record: _lacks(record, names)):
        part = list(group)
        may = [record for record in part if _may_read(desk, record)] if kind_lacks else []
        found = desk.look_up([_key(desk, record) for record in may], may[0].decided_at) if may else None
        rows = {record.decision_id: row for row, record in enumerate(may)}
        for record in part:
            row = rows.get(record.decision_id)
            yield record if found is None or row is None else _with(record, found, row)


def _lacks(record: Record, names: set[str]) -> bool:
    """Whether a release that reads `names` reads more than the record has; nothing more of one that was late."""
    return bool(record.feature_times) and not names <= (record.features or {}).keys()


def _may_read(desk: Desk, record: Record) -> bool:
    kind = record.kind
    if kind != "decision" and kind != "propensity":
        return False
    found, purpose = circumstances_from(record.context), PURPOSE_OF[kind]
    granted = found.consents.get(purpose) == "granted"
    return granted if purpose in desk.release.policy.consents else granted or purpose not in found.consents


def _with(record: Record, found: Looked, row: int) -> Record:
    if found.rows.late:
        return replace(record, features={}, feature_times={})
    times = {view: None if time is None else time_text(time) for view, time in found.times[row].items()}
    return replace(
        record,
        # What was known when it was decided comes first: only what is not there is taken from now.
        features={**found.values[row], **(record.features or {})},
        feature_times={**times, **record.feature_times},
    )


def _key(desk: Desk, record: Record) -> Key:
    entity = record.entity_id or ""
    return int(entity) if desk.release.features.entity_type == "int" else entity


def _row(made: Decisions, row: int, record: Record, role: Role) -> ShadowRow:
    one = made.one(row)
    return ShadowRow(
        decision_id=record.decision_id,
        portfolio=record.portfolio,
        decided_at=time_text(record.decided_at),
        role=role,
        release=made.release,
        outcome=one.outcome,
        probability=_known(one.probability),
        score=_known(one.score),
        grade=one.grade,
        stale=one.degraded,
        reasons=tuple(reason.code for reason in one.reasons),
    )


def _known(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else value
