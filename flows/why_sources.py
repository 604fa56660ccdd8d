"""The rows a decision's features were made from: the feature row, the canonical rows, the raw files, as recorded."""

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from features.ingested import read_ingested
from features.spec import CREATED, EVENT, Use
from flows.hints import yesterday
from flows.workspace import Workspace
from serving.log.record import Record

Facts = dict[str, Any]
_USE: dict[str, Use] = {"decision": "credit", "propensity": "marketing"}
_TOLERANCE = 1e-6  # online stores may keep 32 bits of a number


def sources_of(workspace: Workspace, record: Record) -> Facts:
    """For each view the row of the lake and those it was computed from; and the raw files of the tables."""
    if record.entity_id is None:
        return {"fault": "the person was erased from the log: whose rows they are is not known any more"}
    views = {view: _view(workspace, record, view, time) for view, time in record.feature_times.items()}
    return {"views": views, "raw": _raw(workspace)}


def _view(workspace: Workspace, record: Record, view: str, time: str | None) -> Facts:
    spec = workspace.portfolio.features
    if time is None:
        return {"fault": "there was no row of this view"}
    if view not in spec.views:
        return {"fault": f"features.yaml has no view {view!r} any more"}
    event, table = datetime.fromisoformat(time), spec.views[view].table
    made = _rows(workspace, record, ("features", view), pl.col(EVENT) == event)[-1:]
    rows = _rows(workspace, record, ("tables", table), pl.col(EVENT) <= event)
    # Permitted columns only: what must not be used for the decision is no part of its story.
    kept = {name for name, column in spec.tables[table].columns.items() if _USE[record.kind] in column.uses}
    for row in rows:
        row["values"] = {name: value for name, value in row["values"].items() if name in kept}
    found: Facts = {"table": table, "rows": rows, "row": None}
    if made:
        values = made[0].pop("values")
        found["row"] = made[0] | {"differs": _differing(values, record)}
    return found


def _rows(workspace: Workspace, record: Record, where: tuple[Any, str], condition: pl.Expr) -> list[Facts]:
    """The entity's rows known when it was decided, oldest first, each with its partition and that one's digest."""
    layer, table = where
    entity: int | str = str(record.entity_id)
    if workspace.portfolio.features.entity.type == "int":
        entity = int(entity)
    wanted = (pl.col(workspace.key) == entity) & (pl.col(CREATED) <= record.decided_at) & condition
    found: list[Facts] = []
    for part in workspace.lake.partitions(record.portfolio, layer, table):
        file = workspace.lake.file(record.portfolio, layer, table, part.month)
        frame = pl.scan_parquet(file, hive_partitioning=False).filter(wanted).collect()
        place = str(file.relative_to(workspace.settings.root()))
        for values in frame.iter_rows(named=True):
            times = {"event": values.get(EVENT), "created": values.get(CREATED)}
            found.append({**times, "file": place, "digest": part.inputs, "values": values})
    return sorted(found, key=lambda row: (row["event"], row["created"]))


def _differing(values: Facts, record: Record) -> list[str]:
    """The logged features that the lake now has otherwise."""
    return [name for name, logged in (record.features or {}).items() if name in values and _other(logged, values[name])]


def _other(logged: Any, stored: Any) -> bool:
    if isinstance(logged, int | float) and isinstance(stored, int | float):
        return abs(logged - stored) > _TOLERANCE * max(1.0, abs(stored))
    # Not a number is logged as missing.
    return bool(logged != stored and not (logged is None and stored != stored))


def _raw(workspace: Workspace) -> Facts:
    """The raw files the tables were made from, and whether they still are what they were."""
    noted = read_ingested(workspace.lake, workspace.name)
    if noted is None:
        command = f"`lendloop run ingest --portfolio {workspace.name} --as-of {yesterday()}`"
        return {"fault": f"the lake does not say what its tables were made from; run {command}"}
    facts: Facts = {"as_of": noted.as_of.isoformat(), "inputs": noted.inputs, "folder": _short(workspace)}
    now = workspace.portfolio.raw_files()
    if noted.files is None:
        names = [{"file": name, "sha256": digest, "recorded": None} for name, digest in now.items()]
        return facts | {"files": names}
    kept = [
        {"file": name, "sha256": digest, "recorded": True, "unchanged": now.get(name) == digest}
        for name, digest in noted.files.items()
    ]
    return facts | {"files": kept}


def _short(workspace: Workspace) -> str:
    folder = workspace.portfolio.folder
    return str(folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder)
