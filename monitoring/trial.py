"""Champion and challenger on the same decisions: who moves, by how much scores differ, and who was right."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from features.documents import Document
from features.permitted import FeatureColumn
from features.profiles import make_profile
from monitoring.drift import psi
from monitoring.fairness import selection_gaps
from monitoring.measure import Measure, exact, ranged
from monitoring.pairs import Pairs
from monitoring.performance import performance
from serving.movement import Shift, matrix, shift
from training import evaluation
from training.evaluation import Interval
from training.labels import LABEL
from training.score import Floats, Labels
from training.spec import FairnessSpec

DIFFERENCES = (-20.0, -10.0, -5.0, -2.0, -0.5, 0.5, 2.0, 5.0, 10.0, 20.0)
"""Bounds of the bins of differences, in points of the score, or for a propensity in points of probability."""
OF_MATURED = ("auc", "ks", "calibration_error", "predicted_rate", "observed_rate", "observed_to_predicted")


class Movement(Document):
    """How many decisions the champion answers by one outcome and the challenger by another, or the same."""

    before: str
    after: str
    decisions: int


class Bin(Document):
    """How many decisions have a difference of the scores, challenger less champion, in one bin."""

    label: str
    decisions: int


class Beside(Document):
    """One figure of both on the same decisions, each with its 95 % interval."""

    name: str
    segment: str
    champion: Interval
    challenger: Interval
    n: int


class TrialFacts(Document):
    """What both decided, or would have decided, about the same decisions.

    `answered`: decisions that the challenger itself answered, in a canary. `psi`: of the challenger's probabilities
    against the champion's, on the champion's ten equal bins. `matured`: decisions with a known label, which the figures
    but for the approval gaps rest on. `stops`: canaries that the service stopped itself, in words.
    """

    champion: str
    challenger: str
    decisions: int
    answered: int
    left_out: int
    moves: tuple[Movement, ...]
    approved: Shift
    differences: tuple[Bin, ...]
    mean_difference: float | None
    psi: float | None
    matured: int
    figures: tuple[Beside, ...]
    auc_gain: Interval | None
    stops: tuple[str, ...] = ()

    def measures(self) -> Iterator[Measure]:
        """The rows that the metrics table has of the comparison itself, under the role of the challenger."""
        n = self.decisions
        yield exact("paired_decisions", "", float(n), n)
        if n:
            yield exact("outcome_moved_share", "", self.approved.moved / n, n)
            yield Measure("approval_change", "", self.approved.change, self.approved.low, self.approved.high, n)
        if self.psi is not None and self.mean_difference is not None:
            yield exact("psi_to_champion", "", self.psi, n)
            yield exact("score_difference", "", self.mean_difference, n)
        if self.auc_gain is not None:
            yield ranged("auc_gain", "", self.auc_gain, self.matured)


@dataclass(frozen=True)
class People:
    """What is known of the people decided about: key and protected columns, one row an entity, and who is compared."""

    groups: pl.DataFrame
    key: str
    kind: str
    spec: FairnessSpec


def trial_facts(decided: Pairs, matured: Pairs, people: People, stops: Sequence[str] = ()) -> TrialFacts:
    """The facts of the pairs `decided`; those `matured` have their labels in the column `label`."""
    champion, challenger = decided.releases
    moves = pl.DataFrame(
        {
            "before": decided.champion["outcome"],
            "after": decided.challenger["outcome"],
            "amount": pl.Series([None] * len(decided), dtype=pl.Float64),
        }
    )
    difference = _differences(decided)
    return TrialFacts(
        champion=champion,
        challenger=challenger,
        decisions=len(decided),
        answered=decided.answered,
        left_out=decided.left_out,
        moves=tuple(Movement(before=a, after=b, decisions=n) for a, b, n, *_ in matrix(moves).iter_rows()),
        approved=shift(moves, "all"),
        differences=tuple(_binned(difference)),
        mean_difference=float(difference.mean()) if len(difference) else None,
        psi=_psi(decided),
        matured=len(matured),
        figures=(*_of_matured(matured), *_gaps(decided, people)),
        auc_gain=_auc_gain(matured),
        stops=tuple(stops),
    )


def _differences(pairs: Pairs) -> Floats:
    """Challenger less champion where both have a score: points of the score, or of probability in per cent."""
    name, scale = ("score", 1.0) if pairs.champion["score"].count() else ("probability", 100.0)
    found = (pairs.challenger[name] - pairs.champion[name]).drop_nulls().drop_nans()
    return scale * found.to_numpy()


def _binned(difference: Floats) -> Iterator[Bin]:
    places = np.searchsorted(DIFFERENCES, difference, side="right")
    found = np.bincount(places, minlength=len(DIFFERENCES) + 1)
    ends = [f"{bound:+g}" for bound in DIFFERENCES]
    inner = [f"{low} to {high}" for low, high in pairwise(ends)]
    for label, n in zip((f"under {ends[0]}", *inner, f"{ends[-1]} and over"), found, strict=True):
        yield Bin(label=label, decisions=int(n))


def _psi(pairs: Pairs) -> float | None:
    known = pairs.champion["probability"].is_not_null() & pairs.challenger["probability"].is_not_null()
    if not known.any():
        return None
    before, after = (side.filter(known).select("probability") for side in (pairs.champion, pairs.challenger))
    column = make_profile(before, [FeatureColumn("probability", "outputs", "float", 1)]).columns["probability"]
    # Both samples are of the same decisions: there is no chance between them to take away.
    return psi(np.array(column.counts[:-1]), column.count(after["probability"])[:-1]).raw


def _of_matured(pairs: Pairs) -> Iterator[Beside]:
    scored = _scored(pairs)
    sides = [performance(side, side) for side in (scored.champion, scored.challenger)]
    mine, theirs = ({one.name: one for one in side if one.finite} for side in sides)
    for name in OF_MATURED:
        if name in mine and name in theirs:
            yield _beside(mine[name], theirs[name])


def _gaps(pairs: Pairs, people: People) -> Iterator[Beside]:
    sides = [
        selection_gaps(side, people.groups, key=people.key, kind=people.kind, spec=people.spec)
        for side in (pairs.champion, pairs.challenger)
    ]
    for column, before in sides[0].items():
        after = sides[1][column]
        if before.value is not None and after.value is not None:
            mine, theirs = (
                Interval(value=gap.value or 0.0, low=gap.low or 0.0, high=gap.high or 0.0) for gap in (before, after)
            )
            n = sum(rate.n for name, rate in before.by_group.items() if name not in before.small)
            yield Beside(name="selection_gap", segment=column, champion=mine, challenger=theirs, n=n)


def _auc_gain(pairs: Pairs) -> Interval | None:
    """AUC of the challenger less that of the champion, with DeLong's interval of paired areas."""
    scored = _scored(pairs)
    labels: Labels = scored.champion[LABEL].to_numpy()
    if not 0 < labels.sum() < len(labels):
        return None
    champion, challenger = (side["probability"].to_numpy() for side in (scored.champion, scored.challenger))
    gain, half = evaluation.auc_loss(labels, champion, challenger)
    return Interval(value=gain, low=gain - half, high=gain + half)


def _scored(pairs: Pairs) -> Pairs:
    """The pairs that both gave a probability."""
    known = pairs.champion["probability"].is_not_null() & pairs.challenger["probability"].is_not_null()
    return pairs.only(pairs.champion.filter(known)["decision_id"])


def _beside(mine: Measure, theirs: Measure) -> Beside:
    sides: Mapping[str, Interval] = {
        name: Interval(value=one.value, low=one.low, high=one.high)
        for name, one in (("champion", mine), ("challenger", theirs))
    }
    return Beside(name=mine.name, segment=mine.segment, n=mine.n, **sides)
