"""The facts of one month's monitoring, all that its report and its JSON are made of; one that is missing is refused."""

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from features.documents import Document
from monitoring.metric import Level, Metric, Role
from monitoring.performance import CalibrationBin
from monitoring.spec import Watch
from monitoring.trial import TrialFacts

SCHEMA_VERSION = 1


class MissingFact(ValueError):
    """A document cannot be built; the message names each fact that is missing or not a number."""


class Bins(Document):
    """Shares of the reference and of the current sample in the same bins."""

    labels: tuple[str, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]
    reference_rows: int
    current_rows: int


class MonthFacts(Document):
    """What one month's monitoring found, and of which run, release and date."""

    schema_version: Literal[1] = 1
    portfolio: str
    model: str
    kind: Literal["risk", "propensity"]
    role: Role
    as_of: date
    release: str
    run: str
    level: Level
    told: tuple[str, ...]
    metrics: tuple[Metric, ...]
    history: tuple[Metric, ...]
    watch: tuple[Watch, ...]
    absent: dict[str, str]
    features: dict[str, Bins]
    score: Bins | None
    vintages: tuple[str, ...]
    calibration: tuple[CalibrationBin, ...]
    trial: TrialFacts | None = None

    def find(self, name: str, segment: str = "") -> Metric | None:
        """This month's metric of that name and segment."""
        return next((row for row in self.metrics if (row.name, row.segment) == (name, segment)), None)

    def named(self, name: str) -> list[Metric]:
        """This month's metrics of that name, whatever their segment."""
        return [row for row in self.metrics if row.name == name]

    def series(self, name: str, segment: str = "") -> list[Metric]:
        """The metric's months, this one last."""
        rows = [row for row in (*self.history, *self.metrics) if (row.name, row.segment) == (name, segment)]
        return sorted(rows, key=lambda row: row.as_of)


def complete(facts: MonthFacts) -> MonthFacts:
    """The facts, or `MissingFact` with everything a reader of the report would look for in vain."""
    faults = list(_faults(facts))
    if faults:
        raise MissingFact(
            f"monitoring of {facts.portfolio} at {facts.as_of}: "
            + "; ".join(faults)
            + "; run the month's monitoring again"
        )
    return facts


def to_json(facts: MonthFacts) -> str:
    """The facts for machines: every number with its release and date, the run in the head; same facts, same bytes."""
    return complete(facts).model_dump_json(indent=1) + "\n"


def from_json(text: str | bytes) -> MonthFacts:
    """The facts of a JSON written by `to_json`, complete, or `MissingFact`."""
    try:
        return complete(MonthFacts.model_validate_json(text))
    except ValidationError as error:
        raise MissingFact("; ".join(_described(fault) for fault in error.errors(include_url=False))) from None


def write(text: str, path: Path) -> Path:
    """Write `text` to `path` whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with partial.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(path)
    return path


def _faults(facts: MonthFacts) -> Iterator[str]:
    for key in ("portfolio", "model", "release", "run"):
        if not getattr(facts, key):
            yield f"{key} is empty"
    if not facts.metrics:
        yield "there is no metric at all"
    for watch in facts.watch:
        found = any(watch.watches(row.name, row.segment, row.period) for row in facts.metrics)
        if watch.period == "month" and not found and watch.name not in facts.absent:
            yield f"{watch.name} is watched but was neither measured nor said to be absent"
    if facts.score is None and "score_psi" not in facts.absent:
        yield "score is missing and not said to be absent"
    if not facts.calibration and "calibration_error" not in facts.absent:
        yield "calibration is missing and not said to be absent"
    for row in facts.named("feature_psi"):
        if row.segment not in facts.features:
            yield f"the distribution of feature {row.segment} is missing"
        if facts.find("feature_psi_raw", row.segment) is None:
            yield f"feature_psi_raw of feature {row.segment} is missing"


def _described(fault: Any) -> str:
    where = ".".join(str(part) for part in fault["loc"])
    return f"{where}: {fault['msg']}; found {fault.get('input')!r:.60}"
