"""Where to put a cut-off: profit over the cut-off from what a good customer earns and a bad one costs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.score import Floats, Labels, ScoreScale, log_odds

CUT_OFFS = np.arange(101)
PER = 1000.0
"""Profits are per so many applicants."""


@dataclass(frozen=True)
class ProfitCurve:
    """Profit per 1,000 applicants at every cut-off from 0 to 100, with percentile intervals (95 %).

    `best` is the cut-off of the largest profit, its interval what resampled customers would have chosen. `gain` is its
    profit over that of the cut-off in use; `unseen` the same on customers left out of the choice (out of bag).
    """

    profit: Floats
    low: Floats
    high: Floats
    approved: Floats
    bad_rate: Floats
    best: int
    best_low: int
    best_high: int
    current: int
    gain: float
    gain_low: float
    gain_high: float
    unseen: float

    @property
    def recommended(self) -> int:
        """The best cut-off where it earns more than the present one beyond chance, or else the present one."""
        return self.best if self.gain_low > 0 and self.unseen > 0 else self.current


def profit_curve(
    score: Floats,
    bad: Labels,
    entities: NDArray[np.intp],
    *,
    margin: float,
    loss: float,
    current: float,
    resamples: int = 400,
    seed: int = 0,
) -> ProfitCurve:
    """Profit at a cut-off c: the sum over scores >= c of `margin` for a good and -`loss` for a bad one.

    `entities`: number of each row's customer from 0, as customers are resampled, not rows. `current` is rounded up.
    """
    # A score reaches the whole cut-off c exactly where its floor does.
    place = np.clip(np.floor(score), 0, 100).astype(np.intp)
    value = np.where(bad == 1, -loss, margin)
    now = int(np.ceil(current))
    profit = _profit(place, value, np.ones(len(score)))
    best, random = int(profit.argmax()), np.random.default_rng(seed)
    drawn, chosen, unseen = [], [], []
    people = int(entities.max()) + 1
    for _ in range(resamples):
        times = np.bincount(random.integers(0, people, people), minlength=people)[entities].astype(np.float64)
        one = _profit(place, value, times)
        left_out = _profit(place, value, (times == 0).astype(np.float64))
        drawn.append(one)
        chosen.append(int(one.argmax()))
        unseen.append(left_out[chosen[-1]] - left_out[now])
    curves = np.array(drawn)
    gain_low, gain_high = np.quantile(curves[:, best] - curves[:, now], (0.025, 0.975))
    low, high = np.quantile(curves, (0.025, 0.975), axis=0)
    best_low, best_high = np.quantile(chosen, (0.025, 0.975), method="nearest")
    above, bad_above = _above(place, np.ones(len(score))), _above(place, bad.astype(np.float64))
    return ProfitCurve(
        profit=profit,
        low=low,
        high=high,
        approved=above / len(score),
        bad_rate=np.divide(bad_above, above, out=np.full(101, np.nan), where=above > 0),
        best=best,
        best_low=int(best_low),
        best_high=int(best_high),
        current=now,
        gain=float(profit[best] - profit[now]),
        gain_low=float(gain_low),
        gain_high=float(gain_high),
        unseen=float(np.mean(unseen)),
    )


def break_even(margin: float, loss: float, scale: ScoreScale) -> tuple[float, float]:
    """The PD at which an approval earns nothing, margin / (margin + loss), and its score."""
    pd = margin / (margin + loss)
    return pd, float(scale.score(log_odds(pd)))


def _profit(place: NDArray[np.intp], value: Floats, weight: Floats) -> Floats:
    return PER * _above(place, value * weight) / max(float(np.sum(weight)), 1.0)


def _above(place: NDArray[np.intp], weight: Floats) -> Floats:
    """Sum of the weights of the rows that reach each cut-off."""
    found: Floats = np.bincount(place, weights=weight, minlength=101)[::-1].cumsum()[::-1]
    return found
