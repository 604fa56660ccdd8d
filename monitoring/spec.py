"""`monitoring.yaml`: what is watched, the thresholds of the three alert levels, and who is told."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from features.documents import Document, read_document
from monitoring.metric import Level, Period

# Everything that daily and monthly monitoring measure, so that a misspelt watch is refused.
MetricName = Literal[
    "decisions",
    "decisions_to_usual",
    "rows_to_usual",
    "outcome_share",
    "stale_share",
    "feature_age",
    "missing_share",
    "missing_rise",
    "feature_psi",
    "score_psi",
    "mean_probability",
    "matured_share",
    "auc",
    "ks",
    "calibration_error",
    "observed_rate",
    "observed_to_predicted",
    "selection_rate",
    "selection_gap",
    "review_approval_rate",
]
Side = Literal["above", "below", "outside"]


class Persistence(Document):
    """After how many periods in a row over the yellow threshold an alert becomes orange, then red; null: never."""

    orange: int | None = Field(None, ge=2)
    red: int | None = Field(None, ge=2)


class Watch(Document):
    """One metric that is watched: its thresholds, the evidence it takes, and how long it may last.

    A level without a threshold is never reached by the value; `persistence` raises a level by duration only.
    `side` outside is for ratios: a threshold of 1.25 means over 1.25 or under 1 / 1.25.
    """

    metric: MetricName
    segment: str | None = Field(None, description="one feature, group or outcome; null: each of them")
    period: Period = "month"
    side: Side
    yellow: float
    orange: float | None = None
    red: float | None = None
    evidence: Literal["value", "interval"] = Field(
        "value", description="interval: the nearer end of the 95 % interval must be over the threshold too"
    )
    persistence: Persistence = Persistence(orange=2)
    clear: float = Field(0.9, gt=0, le=1, description="an alert ends when the value is back inside clear × yellow")
    minimum: int = Field(1, ge=1, description="fewest rows; with fewer the level is ok, with the note 'too few'")

    @model_validator(mode="after")
    def _ordered(self) -> "Watch":
        given = [value for value in (self.yellow, self.orange, self.red) if value is not None]
        if given != sorted(given, reverse=self.side == "below"):
            raise ValueError(f"thresholds {given} of side {self.side!r}: expected yellow, orange, red ever more severe")
        if self.side == "outside" and self.yellow <= 1:
            raise ValueError(f"yellow {self.yellow}: a threshold of side 'outside' is a ratio over 1, such as 1.25")
        return self

    @property
    def name(self) -> str:
        """The metric, and the segment when only one is watched."""
        return f"{self.metric} {self.segment or ''}".strip()

    def watches(self, name: str, segment: str, period: Period) -> bool:
        """Whether the metric `name` of `segment` is one of those watched here."""
        return self.metric == name and self.period == period and self.segment in (None, segment)


ALWAYS = (Watch(metric="rows_to_usual", side="below", yellow=0, orange=0, minimum=30),)
"""What is watched even where `monitoring.yaml` does not name it: without rows there are no features to judge."""


class MonitoringSpec(Document):
    """The whole of `monitoring.yaml`."""

    watch: tuple[Watch, ...] = Field(min_length=1)
    told: dict[Literal["yellow", "orange", "red"], tuple[str, ...]] = Field(default={})

    @model_validator(mode="after")
    def _each_once(self) -> "MonitoringSpec":
        seen: set[tuple[str, str | None, str]] = set()
        for watch in self.watch:
            key = (watch.metric, watch.segment, watch.period)
            if key in seen:
                raise ValueError(f"{watch.name!r} is watched twice for a {watch.period}; expected one entry each")
            seen.add(key)
        return self

    @property
    def watches(self) -> tuple[Watch, ...]:
        """Everything that is watched."""
        named = {watch.metric for watch in self.watch}
        return (*self.watch, *(watch for watch in ALWAYS if watch.metric not in named))

    def watch_of(self, name: str, segment: str, period: Period) -> Watch | None:
        """The watch that a metric falls under."""
        return watch_of(self.watches, name, segment, period)

    def told_of(self, level: Level) -> tuple[str, ...]:
        """Who is told of an alert of `level`; nobody when all is ok."""
        return self.told.get(level, ()) if level != "ok" else ()


def watch_of(watches: Iterable[Watch], name: str, segment: str, period: Period) -> Watch | None:
    """The watch that a metric falls under; one that names the segment goes before one that does not."""
    found = [watch for watch in watches if watch.watches(name, segment, period)]
    return min(found, key=lambda watch: watch.segment is None, default=None)


def read_monitoring(path: Path) -> MonitoringSpec:
    """Parse `monitoring.yaml`."""
    return read_document(path, MonitoringSpec)
