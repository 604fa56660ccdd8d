import numpy as np
import polars as pl

from tests.training.made_up import COLUMNS, frame, spec
from training.evaluation import auc
from training.folds import entity_parts, out_of_fold, sample_entities


def test_an_entity_is_in_one_part_whatever_the_order() -> None:
    keys = pl.Series("id", [5, 3, 5, 9, 3, 1, 7, 8])
    part = entity_parts(keys, 3, seed=1)
    assert part[0] == part[2]
    assert part[1] == part[4]
    order = np.random.default_rng(0).permutation(8)
    assert entity_parts(keys[order], 3, seed=1).tolist() == part[order].tolist()


def test_parts_hold_equally_many_entities() -> None:
    part = entity_parts(pl.Series("id", [f"c{n}" for n in range(100)]), 3, seed=2)
    assert sorted(np.bincount(part).tolist()) == [33, 33, 34]


def test_a_sample_keeps_whole_entities() -> None:
    keys = pl.Series("id", np.repeat(np.arange(5_000), 3))
    chosen = sample_entities(keys, 3_000, seed=1)
    assert abs(chosen.sum() - 3_000) < 60
    assert set(np.bincount(keys.to_numpy()[chosen]).tolist()) == {0, 3}
    assert sample_entities(keys, 20_000, seed=1).all()


def test_out_of_fold_predictions_cannot_have_seen_the_label() -> None:
    rows = frame(rows=400, months=1).with_columns(loan_id=pl.int_range(pl.len()) // 2)
    noise = rows.with_columns(debt=pl.col("loan_id").cast(pl.Float64), income=pl.lit(0.0), trade=pl.lit("x"))
    random = np.random.default_rng(4).integers(0, 2, size=200).astype(np.int8)
    noise = noise.with_columns(label=pl.Series(np.repeat(random, 2)))
    raw = out_of_fold(spec(), noise, COLUMNS, noise["loan_id"])
    assert abs(auc(noise["label"].to_numpy(), raw).value - 0.5) < 0.1
