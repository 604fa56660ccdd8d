import json
from math import log

import numpy as np
import polars as pl
import pytest

from tests.training.made_up import COLUMNS, frame, labels_of, spec
from training.evaluation import auc, calibration_error
from training.inputs import MISSING, input_order
from training.score import ScoreScale, probability
from training.scorecard import CategoryBins, NumberBins, Scorecard, fit_scorecard, load_scorecard

ROWS = frame()
SCALE = ScoreScale(pd_at_60=0.1, points_to_double_odds=20)


@pytest.fixture(scope="module")
def card() -> Scorecard:
    return fit_scorecard(spec(monotone={"debt": 1}), ROWS, COLUMNS, labels_of(ROWS))


def test_it_learns_what_is_there(card: Scorecard) -> None:
    later = frame(seed=2)
    p = probability(card.log_odds(later))
    assert auc(labels_of(later), p).value > 0.78
    assert calibration_error(labels_of(later), p) < 0.06


def test_points_add_up_to_the_score(card: Scorecard) -> None:
    table = card.points(SCALE)
    points = {(row["feature"], row["bin"]): row["points"] for row in table.iter_rows(named=True)}
    row = ROWS.head(1)
    total = points["(base)", ""]
    for bins in card.document.features:
        value = row[bins.name][0]
        evidence = bins.values(
            np.array([float("nan") if value is None else value], dtype=object if bins.kind == "category" else float)
        )
        total += SCALE.points_per_log_odds * bins.coefficient * float(evidence[0])
    assert total == pytest.approx(float(SCALE.unclipped(card.log_odds(row))[0]))
    assert set(table["feature"]) == {"(base)", "debt", "income", "trade"}


def test_it_is_json_and_comes_back(card: Scorecard) -> None:
    assert json.loads(card.dump())["intercept"] == card.document.intercept
    again = load_scorecard(card.dump(), card.columns)
    assert again.log_odds(ROWS).tolist() == card.log_odds(ROWS).tolist()
    assert fit_scorecard(spec(monotone={"debt": 1}), ROWS, COLUMNS, labels_of(ROWS)).dump() == card.dump()


def test_missing_has_evidence_of_its_own() -> None:
    gone = ROWS.with_columns(debt=pl.when(pl.col("label") == 1).then(None).otherwise("debt"))
    bins = fit_scorecard(spec(), gone, COLUMNS[:1], labels_of(gone)).document.features[0]
    assert isinstance(bins, NumberBins)
    assert bins.missing > max(bins.woe)


def test_a_known_sign_orders_the_bins(card: Scorecard) -> None:
    debt = next(bins for bins in card.document.features if bins.name == "debt")
    assert isinstance(debt, NumberBins)
    assert list(debt.woe) == sorted(debt.woe)


def test_new_categories_fall_into_the_rest(card: Scorecard) -> None:
    trade = next(bins for bins in card.document.features if bins.name == "trade")
    assert isinstance(trade, CategoryBins)
    assert trade.values(np.array(["astronaut"], dtype=object))[0] == trade.other
    assert any("miner" in group for group in trade.groups)


def test_useless_and_backward_features_are_dropped() -> None:
    noise = ROWS.with_columns(income=pl.lit(1.0), trade=pl.lit(None, dtype=pl.String))
    document = fit_scorecard(spec(), noise, COLUMNS, labels_of(noise)).document
    assert [bins.name for bins in document.features] == ["debt"]
    assert all(bins.coefficient > 0 for bins in document.features)


def test_nothing_useful_leaves_the_base_rate() -> None:
    constant = ROWS.with_columns(debt=pl.lit(1.0), income=pl.lit(1.0), trade=pl.lit("baker"))
    card = fit_scorecard(spec(), constant, COLUMNS, labels_of(constant))
    rate = labels_of(constant).mean()
    assert card.document.features == ()
    assert card.log_odds(constant) == pytest.approx(log(rate / (1 - rate)))


def test_many_categories_stay_readable() -> None:
    many = ROWS.with_columns(trade=pl.concat_str(pl.lit("t"), pl.int_range(pl.len()) % 700))
    card = fit_scorecard(spec(), many, COLUMNS, labels_of(many))
    assert sum(len(bins.bins()) for bins in card.document.features) < 30
    assert input_order(COLUMNS) == card.columns
    assert MISSING in [name for bins in card.document.features for name, _ in bins.bins()]
