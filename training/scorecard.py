"""The standing benchmark: a logistic regression on the weight of evidence of optimal bins, stored as JSON."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from features.documents import Document
from features.permitted import FeatureColumn
from training.binning import category_groups, number_cuts
from training.estimators import check_classes
from training.inputs import MISSING, Rows, encode, input_order, names_of
from training.score import Floats, Labels, ScoreScale
from training.spec import ModelSpec


class NumberBins(Document):
    """Bins of a number: under `cuts[0]`, from each cut on, and missing; `woe` has one value more than `cuts`."""

    kind: Literal["number"] = "number"
    name: str
    cuts: tuple[float, ...]
    woe: tuple[float, ...]
    missing: float
    coefficient: float = 0.0

    def values(self, numbers: Floats) -> Floats:
        """The weight of evidence of each number."""
        known = np.asarray(self.woe)[np.searchsorted(self.cuts, numbers, side="right")]
        return np.where(np.isnan(numbers), self.missing, known)

    def bins(self) -> list[tuple[str, float]]:
        """(what the bin holds, its weight of evidence)."""
        edges = ["-inf", *(f"{cut:g}" for cut in self.cuts), "inf"]
        named = [f"[{low}, {high})" for low, high in itertools.pairwise(edges)]
        return [*zip(named, self.woe, strict=True), (MISSING, self.missing)]


class CategoryBins(Document):
    """Bins of a category: groups of values, and every other value; missing is a value like any other."""

    kind: Literal["category"] = "category"
    name: str
    groups: tuple[tuple[str, ...], ...]
    woe: tuple[float, ...]
    other: float
    coefficient: float = 0.0

    def values(self, words: NDArray[np.object_]) -> Floats:
        """The weight of evidence of each value."""
        known = {word: woe for group, woe in zip(self.groups, self.woe, strict=True) for word in group}
        return np.array([known.get(word, self.other) for word in words], dtype=np.float64)

    def bins(self) -> list[tuple[str, float]]:
        """(what the bin holds, its weight of evidence)."""
        return [*((", ".join(g), w) for g, w in zip(self.groups, self.woe, strict=True)), ("(other)", self.other)]


Bins = Annotated[NumberBins | CategoryBins, Field(discriminator="kind")]


class ScorecardDocument(Document):
    """The stored scorecard: log-odds = intercept + sum of coefficient x weight of evidence."""

    intercept: float
    features: tuple[Bins, ...]


@dataclass(frozen=True)
class Scorecard:
    """A fitted scorecard."""

    columns: tuple[FeatureColumn, ...]
    document: ScorecardDocument

    def log_odds(self, frame: pl.DataFrame) -> Floats:
        """Raw log-odds of the event, one for each row."""
        evidence = _evidence(self.document.features, frame, self.columns)
        weights = np.array([bins.coefficient for bins in self.document.features])
        raw: Floats = evidence @ weights + self.document.intercept
        return raw

    def dump(self) -> bytes:
        """The scorecard as JSON."""
        return self.document.model_dump_json(indent=1).encode()

    def points(self, scale: ScoreScale) -> pl.DataFrame:
        """The table a person adds up: `feature`, `bin`, `points`; its first row is the base."""
        base = scale.base + scale.points_per_log_odds * self.document.intercept
        rows = [("(base)", "", base)]
        for bins in self.document.features:
            rows += [(bins.name, n, scale.points_per_log_odds * bins.coefficient * woe) for n, woe in bins.bins()]
        return pl.DataFrame(rows, schema=["feature", "bin", "points"], orient="row")


def fit_scorecard(
    spec: ModelSpec,
    frame: pl.DataFrame,
    columns: Sequence[FeatureColumn],
    labels: Labels,
    rows: Rows | None = None,
) -> Scorecard:
    """Bins, weights of evidence and coefficients from a sample of the rows; wrong-way coefficients are dropped.

    Of `rows` of the frame only, if given; `labels` are of the rows it learns from.
    """
    check_classes(labels)
    ordered = input_order(columns)
    drawn = np.sort(np.random.default_rng(spec.seed).permutation(len(labels))[: spec.scorecard.sample])
    frame, labels = frame[drawn if rows is None else np.flatnonzero(rows)[drawn]], labels[drawn]
    check_classes(labels)
    features = _bin(spec, frame, ordered, labels)
    coefficients, intercept = np.zeros(0), float(np.log(labels.mean() / (1 - labels.mean())))
    evidence = _evidence(features, frame, ordered)
    while features:
        coefficients, intercept = _regress(evidence, labels, spec.scorecard.inverse_penalty)
        kept = coefficients > 0
        if kept.all():
            break
        features = [bins for bins, keep in zip(features, kept, strict=True) if keep]
        coefficients, evidence = np.zeros(0), evidence[:, kept]
    fitted = [b.model_copy(update={"coefficient": float(c)}) for b, c in zip(features, coefficients, strict=True)]
    return Scorecard(ordered, ScorecardDocument(intercept=intercept, features=tuple(fitted)))


def load_scorecard(stored: bytes, columns: Sequence[FeatureColumn]) -> Scorecard:
    """A stored scorecard."""
    return Scorecard(tuple(columns), ScorecardDocument.model_validate_json(stored))


def _bin(
    spec: ModelSpec, frame: pl.DataFrame, columns: tuple[FeatureColumn, ...], labels: Labels
) -> list[NumberBins | CategoryBins]:
    """Bins of every feature that tells anything."""
    inputs = encode(frame, columns)
    found: list[NumberBins | CategoryBins] = []
    for name, values in zip(names_of(columns, "float"), inputs.numbers.T.astype(np.float64), strict=True):
        cuts = number_cuts(values, labels, spec.scorecard.bins, spec.monotone.get(name))
        member = np.where(np.isnan(values), len(cuts) + 1, np.searchsorted(cuts, values, side="right"))
        woe = _woe(member, labels, len(cuts) + 2)
        found.append(NumberBins(name=name, cuts=cuts, woe=woe[:-1], missing=woe[-1]))
    for name, words in zip(names_of(columns, "category"), inputs.categories.T, strict=True):
        groups = category_groups(words, labels, spec.scorecard.bins)
        place = {word: position for position, group in enumerate(groups) for word in group}
        woe = _woe(np.array([place.get(word, len(groups)) for word in words]), labels, len(groups) + 1)
        found.append(CategoryBins(name=name, groups=groups, woe=woe[:-1], other=woe[-1]))
    return [bins for bins in found if len({woe for _, woe in bins.bins() if woe}) > 1]


def _woe(member: NDArray[np.int64], labels: Labels, bins: int) -> tuple[float, ...]:
    """ln of the bin's odds over everyone's odds, each bin shrunk by half an event and half another; empty bins 0."""
    rows = np.bincount(member, minlength=bins)
    events = np.bincount(member, weights=labels, minlength=bins)
    overall = np.log(labels.sum() / (len(labels) - labels.sum()))
    return tuple(np.where(rows > 0, np.log((events + 0.5) / (rows - events + 0.5)) - overall, 0.0).tolist())


def _evidence(
    features: Sequence[NumberBins | CategoryBins], frame: pl.DataFrame, columns: Sequence[FeatureColumn]
) -> Floats:
    """Rows x features: the weight of evidence of every value."""
    used = {bins.name for bins in features}
    read = [column for column in columns if column.name in used]
    inputs = encode(frame, read)
    numbers = dict(zip(names_of(read, "float"), inputs.numbers.T, strict=True))
    words = dict(zip(names_of(read, "category"), inputs.categories.T, strict=True))
    result = np.empty((frame.height, len(features)))
    for position, bins in enumerate(features):
        if isinstance(bins, NumberBins):
            result[:, position] = bins.values(numbers[bins.name].astype(np.float64))
        else:
            result[:, position] = bins.values(words[bins.name])
    return result


def _regress(evidence: Floats, labels: Labels, inverse_penalty: float) -> tuple[Floats, float]:
    """Coefficients and intercept of the penalised logistic regression."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=inverse_penalty, solver="newton-cholesky").fit(evidence, labels)
    return fitted.coef_[0], float(fitted.intercept_[0])
