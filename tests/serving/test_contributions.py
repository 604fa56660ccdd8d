import json

import numpy as np
import pytest

from serving import contributions
from serving.contributions import LeafTable, UnsupportedModel, fill_empty_leaves, leaf_table
from serving.scoring import leaves
from tests.serving.lender import COLUMNS, NUMERIC, customers, fit
from training.inputs import encode
from training.model_json import describe, rebuild


def _load(cbm):
    from catboost import CatBoost

    return CatBoost().load_model(blob=cbm)


@pytest.mark.parametrize(
    ("columns", "one_hot", "depth"),
    [(NUMERIC, 2, 6), (COLUMNS, 2, 6), (COLUMNS, 4, 3), (COLUMNS, 10, 1)],
    ids=["numbers", "statistics", "one-hot and statistics", "one-hot stumps"],
)
def test_contributions_are_those_of_catboost(columns, one_hot, depth):
    from catboost import FeaturesData, Pool

    booster = _load(fit(columns, seed=depth, one_hot=one_hot, depth=depth))
    inputs = encode(customers(500, seed=9), columns)
    categories = inputs.categories if inputs.categories.shape[1] else None
    pool = Pool(FeaturesData(num_feature_data=inputs.numbers, cat_feature_data=categories))
    expected = booster.get_feature_importance(pool, type="ShapValues")
    table = leaf_table(describe(booster))
    found = table.explain(leaves(booster, inputs))
    np.testing.assert_allclose(found, expected[:, :-1], rtol=0, atol=1e-12)
    assert table.base == pytest.approx(expected[0, -1], abs=1e-12)
    np.testing.assert_allclose(table.base + found.sum(axis=1), booster.predict(pool), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("cores", "worth", "chunk"), [(1, 1000, 1000), (1, 1000, 7), (3, 10, 7), (64, 10, 90)])
def test_a_row_alone_has_the_bits_of_the_row_in_a_batch(monkeypatch, cores, worth, chunk):
    for name, value in {"CORES": cores, "WORTH": worth, "CHUNK": chunk}.items():
        monkeypatch.setattr(contributions, name, value)
    booster = _load(fit(COLUMNS))
    table = leaf_table(describe(booster))
    found = leaves(booster, encode(customers(300, seed=5), COLUMNS))
    together = table.explain(found)
    alone = np.vstack([table.explain(found[[row]]) for row in range(len(found))])
    assert (together == alone).all()


def test_groups_add_columns_up():
    table = LeafTable(np.arange(12.0).reshape(3, 4), np.array([0]), 0.5)
    assert table.grouped([[0, 3], [], [1]]).rows.tolist() == [[3, 0, 1], [11, 0, 5], [19, 0, 9]]


def test_a_model_of_other_trees_is_refused():
    from catboost import CatBoost

    frame = customers(300)
    model = CatBoost(
        {"iterations": 3, "grow_policy": "Lossguide", "logging_level": "Silent", "allow_writing_files": False}
    )
    model.fit(encode(frame, NUMERIC).numbers, frame["label"].to_numpy())
    with pytest.raises(UnsupportedModel, match="SymmetricTree"):
        leaf_table(describe(model))


def test_a_model_of_several_outputs_is_refused():
    two = json.loads('{"oblivious_trees": [], "scale_and_bias": [1, [0, 0]], "features_info": {}}')
    with pytest.raises(UnsupportedModel, match="2 outputs"):
        leaf_table(two)


def test_a_leaf_that_only_a_monotone_constraint_fills_is_explained():
    """CatBoost's own SHAP values of such a model depend on the other rows asked about; ours must not."""
    from catboost import CatBoost, Pool

    random = np.random.default_rng(3)
    x = random.normal(size=(300, 3)).round(1)
    y = (x.sum(axis=1) + random.normal(size=300) > 0).astype(int)
    model = CatBoost(
        {"loss_function": "Logloss", "iterations": 60, "depth": 5, "monotone_constraints": [1, 1, 0], "random_seed": 1,
         "logging_level": "Silent", "allow_writing_files": False}
    )  # fmt: skip
    model.fit(Pool(x, y))
    description = describe(model)
    assert fill_empty_leaves(description)
    table = leaf_table(description)
    rows = Pool(random.normal(scale=3, size=(500, 3)))
    found = table.explain(model.calc_leaf_indexes(rows))
    raw = model.predict(rows, prediction_type="RawFormulaVal")
    np.testing.assert_allclose(found.sum(axis=1) + table.base, raw, atol=1e-9)
    expected = rebuild(description).get_feature_importance(rows, type="ShapValues")
    np.testing.assert_allclose(found, expected[:, :-1], atol=1e-9)


def test_one_column_alone_has_the_bits_of_the_batch_too():
    draw = np.random.default_rng(3)
    table = LeafTable(draw.normal(size=(400, 1)), np.arange(0, 400, 2), 0.0)
    found = draw.integers(0, 2, size=(50, 200))
    together = table.explain(found)
    assert (together == np.vstack([table.explain(found[[row]]) for row in range(50)])).all()


def test_without_trees_nothing_contributes():
    table = LeafTable(np.zeros((0, 2)), np.zeros(0, dtype=np.int64), 0.5)
    for rows in (1, 3):
        assert table.explain(np.zeros((rows, 0), dtype=np.int64)).tolist() == [[0.0, 0.0]] * rows
