"""Two systems on the same people whose outcomes are known: who ranked better, and what each approval rate cost.

Values in, figures out. Intervals are of resampled customers, not rows, and of both systems on the same resample.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.documents import Document
from training.evaluation import calibration_error
from training.score import Floats, Labels

Flags = NDArray[np.bool_]
RESAMPLES = 400
LEAST_ROWS, LEAST_EVENTS = 50, 10
"""Fewer say nothing that chance does not."""


class Estimate(Document):
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


class Ranking(Document):
    """How well a system ranks, and how right its probabilities are (None: it gave none)."""

    auc: Estimate
    calibration_error: float | None = None
    predicted: float | None = None


class Trade(Document):
    """The event rate of whom each system favours: as the incumbent did, and the champion at the very same share.

    `at_equal_share`: the champion's event rate when it favours as many; `share_at_equal_rate`: the share it could
    favour at the incumbent's event rate. The differences are champion less incumbent.
    """

    share: Estimate
    event_rate: Estimate
    at_equal_share: Estimate
    difference: Estimate
    share_at_equal_rate: Estimate
    more: Estimate


class Figures(Document):
    """All of it, on the rows that both have scored and whose outcome is known."""

    rows: int
    events: int
    customers: int
    champion: Ranking
    incumbent: Ranking | None
    auc_gain: Estimate | None
    trade: Trade | None


@dataclass(frozen=True)
class Parallel:
    """Rows with a known outcome: the event, whose row it is (numbered from 0), and what each system said.

    `champion`: probability of the event. `incumbent`: anything that rises with that too; None: it gave no score.
    `stated`: the incumbent's probabilities. `favoured`: whom the incumbent approved or contacted. `wanted`: whether the
    event is what is looked for (a sale) and not what is avoided (a loss).
    """

    events: Labels
    entities: NDArray[np.intp]
    champion: Floats
    incumbent: Floats | None
    stated: Floats | None
    favoured: Flags
    wanted: bool


def figures(rows: Parallel, *, with_trade: bool, seed: int = 0) -> Figures | None:
    """The figures; None when there are too few rows or events. `with_trade`: outcomes of the refused are known too."""
    events, count = int(rows.events.sum()), len(rows.events)
    if count < LEAST_ROWS or min(events, count - events) < LEAST_EVENTS:
        return None
    weights = _resamples(rows.entities, seed)
    ours = _areas(rows.events, rows.champion, weights)
    theirs = None if rows.incumbent is None else _areas(rows.events, rows.incumbent, weights)
    return Figures(
        rows=count,
        events=events,
        customers=int(rows.entities.max()) + 1,
        champion=_ranking(rows.events, ours, rows.champion),
        incumbent=None if theirs is None else _ranking(rows.events, theirs, rows.stated),
        auc_gain=None if theirs is None else _estimate(ours - theirs),
        trade=_trade(rows, weights) if with_trade and 0 < rows.favoured.sum() < count else None,
    )


def curve(events: Labels, risk: Floats, *, wanted: bool) -> tuple[Floats, Floats]:
    """Share favoured and event rate among them, as more and more are favoured, the best first."""
    order = _best_first(risk, wanted)
    above = np.arange(1, len(order) + 1)
    return above / len(order), np.cumsum(events[order]) / above


def _resamples(entities: NDArray[np.intp], seed: int) -> list[Floats]:
    """How often each row counts: once each first, then as customers are drawn with replacement."""
    random, people = np.random.default_rng(seed), int(entities.max()) + 1
    drawn = [np.bincount(random.integers(0, people, people), minlength=people)[entities] for _ in range(RESAMPLES)]
    return [np.ones(len(entities)), *(one.astype(np.float64) for one in drawn)]


def _areas(events: Labels, risk: Floats, weights: list[Floats]) -> Floats:
    """The weighted AUC of each resample, ties counting half; NaN where it drew one class."""
    order = np.argsort(risk, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(risk[order]) > 0])
    bad = events[order].astype(np.float64)
    return np.array([_area(bad, one[order], starts) for one in weights])


def _area(bad: Floats, weight: Floats, starts: NDArray[np.intp]) -> float:
    events, rest = np.add.reduceat(weight * bad, starts), np.add.reduceat(weight * (1 - bad), starts)
    whole = events.sum() * rest.sum()
    below = np.cumsum(rest) - rest / 2
    return float((events * below).sum() / whole) if whole > 0 else float("nan")


def _ranking(events: Labels, areas: Floats, probability: Floats | None) -> Ranking:
    if probability is None:
        return Ranking(auc=_estimate(areas))
    known = ~np.isnan(probability)
    if not known.all():
        return Ranking(auc=_estimate(areas))
    error = float(calibration_error(events, probability))
    return Ranking(auc=_estimate(areas), calibration_error=error, predicted=float(probability.mean()))


def _trade(rows: Parallel, weights: list[Floats]) -> Trade:
    order = _best_first(rows.champion, rows.wanted)
    drawn = np.array([_traded(rows, order, one) for one in weights])
    share, rate, equal, reached = drawn.T
    estimates = {"share": share, "event_rate": rate, "at_equal_share": equal, "difference": equal - rate}
    estimates |= {"share_at_equal_rate": reached, "more": reached - share}
    return Trade(**{name: _estimate(values) for name, values in estimates.items()})


def _traded(rows: Parallel, order: NDArray[np.intp], weight: Floats) -> tuple[float, float, float, float]:
    """Share, event rate, the champion's event rate at that share, and its share at that event rate."""
    total, favoured = weight.sum(), weight[rows.favoured].sum()
    if not favoured:
        return (float("nan"),) * 4
    share = favoured / total
    rate = (weight * rows.events)[rows.favoured].sum() / favoured
    above = np.cumsum(weight[order])
    hits = np.cumsum((weight * rows.events)[order])
    # Where the same number is favoured, the row on the cut-off in part.
    equal = float(np.interp(favoured, above, hits)) / favoured
    rates = hits / np.maximum(above, 1e-12)
    kept = np.flatnonzero((rates >= rate) if rows.wanted else (rates <= rate))
    return float(share), float(rate), equal, float(above[kept[-1]] / total) if len(kept) else 0.0


def _best_first(risk: Floats, wanted: bool) -> NDArray[np.intp]:
    return np.argsort(-risk if wanted else risk, kind="stable")


def _estimate(values: Floats) -> Estimate:
    """The first value is of the rows as they are, the others of resamples."""
    low, high = np.nanquantile(values[1:], (0.025, 0.975))
    return Estimate(value=float(values[0]), low=float(low), high=float(high))
