"""Two systems on people whose outcomes are known: each figure against its plain definition."""

from dataclasses import replace

import numpy as np
import pytest

from serving.parallel_run import Parallel, curve, figures
from training.evaluation import auc_value


def made(rows: int = 1200, seed: int = 4, skill: float = 1.0) -> Parallel:
    """A champion that sees the truth, and an incumbent that sees `skill` of it and favours its safer 60 %."""
    random = np.random.default_rng(seed)
    truth, noise = random.normal(-1.5, 1.2, rows), random.normal(0, 1.2, rows)
    probability = 1 / (1 + np.exp(-truth))
    rank = skill * truth + (1 - skill) * noise
    return Parallel(
        events=(random.random(rows) < probability).astype(np.int8),
        entities=np.arange(rows) // 2,
        champion=probability,
        incumbent=rank,
        stated=None,
        favoured=rank <= np.quantile(rank, 0.6),
        wanted=False,
    )


def test_an_equal_is_no_better() -> None:
    rows = made()
    found = figures(rows, with_trade=True)
    assert found is not None
    assert found.auc_gain is not None
    assert found.trade is not None
    assert found.champion.auc.value == pytest.approx(auc_value(rows.events, rows.champion))
    assert (found.auc_gain.low, found.auc_gain.value, found.auc_gain.high) == pytest.approx((0, 0, 0), abs=1e-12)
    assert found.trade.difference.value == pytest.approx(0, abs=1e-9)
    assert found.trade.share.value == pytest.approx(0.6)
    assert found.trade.more.value >= 0  # as many at least, and those a little further at the same rate


def test_a_better_one_is_so_beyond_chance_at_the_same_share_and_at_the_same_rate() -> None:
    rows = made(skill=0.3)
    found = figures(rows, with_trade=True)
    assert found is not None
    assert found.auc_gain is not None
    assert found.trade is not None
    assert found.auc_gain.low > 0
    assert found.trade.difference.high < 0
    assert found.trade.more.low > 0
    safest = np.argsort(rows.champion)[: int(rows.favoured.sum())]
    assert found.trade.at_equal_share.value == pytest.approx(rows.events[safest].mean())
    assert found.trade.event_rate.value == pytest.approx(rows.events[rows.favoured].mean())
    reached = np.sort(rows.champion)[: round(found.trade.share_at_equal_rate.value * len(rows.events))]
    assert rows.events[np.argsort(rows.champion)[: len(reached)]].mean() <= found.trade.event_rate.value


def test_where_the_event_is_wanted_the_likeliest_are_favoured() -> None:
    rows = made(skill=0.3)
    asked = replace(rows, wanted=True, favoured=rows.incumbent >= np.quantile(rows.incumbent, 0.4))
    found = figures(asked, with_trade=True)
    assert found is not None
    assert found.trade is not None
    assert found.trade.difference.low > 0
    assert found.trade.more.low > 0


def test_ties_count_half_and_resampled_customers_are_wider_than_resampled_rows() -> None:
    rows = made()
    coarse = np.round(rows.champion, 1)
    found = figures(replace(rows, champion=coarse), with_trade=False)
    assert found is not None
    assert found.trade is None
    assert found.champion.auc.value == pytest.approx(auc_value(rows.events, coarse))
    one = np.tile(np.arange(300), 4)  # each customer four times over
    four = replace(rows, events=rows.events[one], champion=rows.champion[one], incumbent=None, entities=one)
    four = replace(four, favoured=rows.favoured[one])
    clustered, loose = (figures(each, with_trade=False) for each in (four, replace(four, entities=np.arange(1200))))
    assert clustered is not None
    assert loose is not None
    width, narrow = (each.champion.auc.high - each.champion.auc.low for each in (clustered, loose))
    assert width > 1.5 * narrow
    assert clustered.customers == 300
    assert clustered.incumbent is None


def test_too_few_are_not_compared() -> None:
    rows = made(40)
    assert figures(rows, with_trade=True) is None


def test_the_curve_ends_at_everybody() -> None:
    rows = made()
    share, rate = curve(rows.events, rows.champion, wanted=False)
    assert (share[-1], rate[-1]) == (1.0, pytest.approx(rows.events.mean()))
    assert rate[len(rate) // 2] < rate[-1]
