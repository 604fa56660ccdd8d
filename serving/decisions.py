"""Decisions: arrays for many, and the record of one with its terms, reasons and what was wrong with its features."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from serving.applications import occurs
from serving.causes import Cause, in_order
from serving.policy import Policy
from serving.policy import Reason as PolicyReason
from serving.problems import PROBLEM_REASONS, Problems
from serving.reasons import Reason, strongest
from serving.scoring import Flags, Kind, LoadedModel, Scored
from training.score import Floats

if TYPE_CHECKING:
    from serving.counter_change import Change

Outcome = Literal["approve", "review", "decline", "contact", "skip"]
FAVOURABLE = ("approve", "contact")


@dataclass(frozen=True)
class Terms:
    """A sum: base + contributions + other + clipped = the score (risk), or the calibrated log-odds (propensity)."""

    base: float
    contributions: Mapping[str, float]
    other: float
    clipped: float

    @property
    def total(self) -> float:
        """What the terms add up to."""
        return self.base + sum(self.contributions.values()) + self.other + self.clipped


@dataclass(frozen=True)
class Decision:
    """One decision; score, grade and limit are a risk model's, and None when the features could not be scored.

    `problems`: what was wrong with the features (missing, invalid, stale, future, late) and which ones.
    `confirmations`: people who must confirm an approval out of review. `counter_offer`: the amount that would be
    approved; `counter_change`: where none would be, the nearest change of the terms that would. `open_rules`: rules
    that neither held nor failed, as something they look at is missing.
    """

    kind: Kind
    model: str
    release: str
    outcome: Outcome
    probability: float | None
    score: float | None
    grade: str | None
    limit: float | None
    terms: Terms | None
    reasons: tuple[Reason, ...]
    problems: Mapping[str, tuple[str, ...]]
    confirmations: int = 0
    counter_offer: float | None = None
    open_rules: tuple[str, ...] = ()
    counter_change: "Change | None" = None

    @property
    def degraded(self) -> bool:
        """Whether it was made without the full use of fresh features."""
        return bool(self.problems)


@dataclass(frozen=True)
class Decisions:
    """Decisions as arrays; NaN and "" where there is no score. `points` is rows x (codes, then the inputs of none)."""

    kind: Kind
    model: str
    release: str
    codes: tuple[str, ...]
    texts: Mapping[str, PolicyReason]
    outcome: NDArray[np.str_]
    probability: Floats
    score: Floats
    grade: NDArray[np.str_]
    limit: Floats
    base: float
    points: Floats
    clipped: Floats
    shown: NDArray[np.intp]
    passes: Flags
    problems: Problems
    causes: tuple[Cause, ...]
    confirmations: NDArray[np.intp]
    counter_offer: Floats
    open_rules: tuple[tuple[str, Flags], ...]
    strongest_first: bool
    counter_changes: Mapping[int, "Change"] = field(default_factory=dict)
    """By row; most rows have none."""
    used: Sequence[Mapping[str, float]] | None = None
    """What each row found its quotas to have granted, where that was looked up."""

    def __len__(self) -> int:
        return len(self.outcome)

    @property
    def degraded(self) -> Flags:
        """Rows decided without the full use of fresh features."""
        return self.problems.any

    @cached_property
    def told(self) -> tuple[Cause, ...]:
        """What is told before the score, in order: what was wrong with features, and causes where it is no favour."""
        kinds = self.problems.kinds().items() if occurs(self.problems.any) else ()
        wrong = [Cause(PROBLEM_REASONS[kind], np.logical_or.reduce(flags, axis=1), 1) for kind, (_, flags) in kinds]
        refused = ~np.isin(self.outcome, FAVOURABLE)
        causes = [replace(cause, rows=cause.rows & refused) for cause in self.causes]
        return tuple(in_order([*wrong, *causes], self.strongest_first))

    def one(self, row: int) -> Decision:
        """The decision of one row."""
        risk, scored = self.kind == "risk", not self.problems.unscored[row]
        outcome: Any = str(self.outcome[row])
        problems = self.problems.of(row)
        return Decision(
            kind=self.kind,
            model=self.model,
            release=self.release,
            outcome=outcome,
            probability=float(self.probability[row]) if scored else None,
            score=float(self.score[row]) if scored and risk else None,
            grade=str(self.grade[row]) if scored and risk else None,
            limit=float(self.limit[row]) if risk else None,
            terms=self._terms(row) if scored else None,
            reasons=self._reasons(row),
            problems=problems,
            confirmations=int(self.confirmations[row]),
            counter_offer=None if np.isnan(self.counter_offer[row]) else float(self.counter_offer[row]),
            open_rules=tuple(name for name, rows in self.open_rules if rows[row]),
            counter_change=self.counter_changes.get(row),
        )

    def _terms(self, row: int) -> Terms:
        points = self.points[row]
        shown = [int(column) for column in self.shown[row] if column >= 0]
        contributions = {self.codes[column]: float(points[column]) for column in shown}
        other = float(points.sum() - points[shown].sum())
        return Terms(self.base, contributions, other, float(self.clipped[row]))

    def _reasons(self, row: int) -> tuple[Reason, ...]:
        """Causes first, then the contributions that pushed the same way; each code once."""
        favourable = self.outcome[row] in FAVOURABLE
        found = {cause.reason.code: cause.reason for cause in self.told if cause.rows[row]}
        # A score that passes is no reason for a review that something else caused.
        if not self.problems.unscored[row] and self.passes[row] == favourable:
            for column in self.shown[row]:
                if column >= 0 and (self.points[row, column] > 0) == favourable:
                    code = self.codes[column]
                    text = self.texts[code]
                    found.setdefault(code, Reason(code, text.en, text.zh, float(self.points[row, column])))
        return tuple(found.values())


def pack(
    release: str,
    model: LoadedModel,
    policy: Policy,
    outcome: NDArray[np.str_],
    scored: Scored,
    problems: Problems,
    causes: tuple[Cause, ...],
    *,
    passes: Flags,
    base: float,
    points: Floats,
    score: Floats | None = None,
    grade: NDArray[np.str_] | None = None,
    limit: Floats | None = None,
    clipped: Floats | None = None,
    confirmations: NDArray[np.intp] | None = None,
    counter_offer: Floats | None = None,
    open_rules: tuple[tuple[str, Flags], ...] = (),
    counter_changes: Mapping[int, "Change"] = MappingProxyType({}),
    used: Sequence[Mapping[str, float]] | None = None,
) -> Decisions:
    """The decisions of a model; what only a risk model gives is NaN or "" for any other."""
    none = np.full(len(outcome), np.nan)
    return Decisions(
        kind=model.kind,
        model=model.name,
        release=release,
        codes=model.codes,
        texts=policy.reasons,
        outcome=outcome,
        probability=np.where(problems.unscored, np.nan, scored.probability),
        score=none if score is None else score,
        grade=np.full(len(outcome), "") if grade is None else grade,
        limit=none if limit is None else limit,
        base=base,
        points=points,
        clipped=np.zeros(len(outcome)) if clipped is None else clipped,
        shown=strongest(points[:, : len(model.codes)], passes, policy.reasons_shown),
        passes=passes,
        problems=problems,
        causes=causes,
        confirmations=np.zeros(len(outcome), dtype=np.intp) if confirmations is None else confirmations,
        counter_offer=none if counter_offer is None else counter_offer,
        open_rules=open_rules,
        strongest_first=policy.risk is not None and policy.risk.strongest_first,
        counter_changes=counter_changes,
        used=used,
    )
