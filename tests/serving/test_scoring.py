import numpy as np
import pytest

from features.permitted import FeatureColumn
from serving.contributions import leaf_table
from serving.scoring import UnfaithfulModel, check_inputs, load_model, sample_inputs, verify
from tests.serving.lender import COLUMNS, NUMERIC, customers, fit, model, policy
from training.boosted import load_boosted
from training.inputs import MISSING, encode
from training.model_json import describe, rebuild
from training.score import Calibration


def test_scores_are_those_of_training():
    frame = customers(400, seed=2)
    trained = load_boosted(fit(COLUMNS), COLUMNS).log_odds(frame)
    scored = model("risk").score(encode(frame, COLUMNS))
    np.testing.assert_allclose(scored.log_odds, 0.9 * trained - 0.1, rtol=0, atol=1e-10)
    np.testing.assert_allclose(scored.probability, 1 / (1 + np.exp(-scored.log_odds)), rtol=1e-12)


def test_checked_inputs_are_those_of_training():
    frame = customers(50)
    values = {column.name: frame[column.name].to_list() for column in COLUMNS}
    found, expected = check_inputs(COLUMNS, values, 50), encode(frame, COLUMNS)
    np.testing.assert_array_equal(found.inputs.numbers, expected.numbers)
    assert found.inputs.categories.tolist() == expected.categories.tolist()
    assert found.missing[:, 2].tolist() == frame["payment_ratio"].is_null().to_list()
    assert not found.invalid.any()


@pytest.mark.parametrize("value", [float("inf"), 1e39, 10**400, "late", object(), [1.0]])
def test_what_is_no_finite_number_is_not_usable(value):
    found = check_inputs(NUMERIC, {"late_streak": [1.0, value]}, 2)
    assert found.invalid[:, 0].tolist() == [False, True]
    assert found.missing[:, 0].tolist() == [False, False]
    assert found.inputs.numbers[0, 0] == 1
    assert np.isnan(found.inputs.numbers[1, 0])


@pytest.mark.parametrize("value", [float("nan"), 3, True, b"clerk"])
def test_what_is_no_text_is_not_a_usable_category(value):
    found = check_inputs(COLUMNS, {"job": [value, None, "clerk"]}, 3)
    assert found.invalid[:, 4].tolist() == [True, False, False]
    assert found.missing[:, 4].tolist() == [False, True, False]
    assert found.inputs.categories[:, 0].tolist() == [MISSING, MISSING, "clerk"]


def test_extra_values_are_left_out_and_absent_columns_are_missing():
    found = check_inputs(NUMERIC, {"sex": ["1"], "tenure": [3.0]}, 1)
    assert found.inputs.numbers.shape == (1, 4)
    assert found.missing.tolist() == [[True, True, True, False]]


def test_a_model_of_other_features_is_refused():
    others = (*NUMERIC[:3], FeatureColumn("age", "person", "float", 45))
    with pytest.raises(UnfaithfulModel, match="age"):
        load_model("risk", "risk", "late", fit(NUMERIC), others, Calibration(), policy())


def test_contributions_that_are_not_catboosts_are_refused():
    from catboost import CatBoost

    booster = CatBoost().load_model(blob=fit(NUMERIC))
    description = describe(booster)
    inputs = sample_inputs(description, NUMERIC)
    verify(booster, booster, leaf_table(description), inputs)
    description["oblivious_trees"][0]["leaf_values"][0] += 0.5
    with pytest.raises(UnfaithfulModel, match="differ from CatBoost"):
        verify(booster, booster, leaf_table(description), inputs)
    with pytest.raises(UnfaithfulModel, match="add up to"):
        verify(booster, rebuild(description), leaf_table(description), inputs)


def test_inputs_of_no_code_are_summed_in_the_last_column():
    loaded = model("risk")
    assert loaded.codes == ("LATENESS", "DEBT", "JOB")
    assert loaded.table.rows.shape[1] == 4
