import numpy as np
import polars as pl

from tests.training.made_up import frame, labels_of, spec
from training.fairness import MISSING
from training.groups import approve, fairness_of, group_values
from training.spec import FairnessSpec

AGES = pl.Series("age", [19, 30, 44, 70, None])


def test_numbers_are_cut_at_the_bands_of_the_file() -> None:
    found = group_values(AGES, FairnessSpec(bands={"age": (25, 45)}))
    assert found.tolist() == ["under 25", "25–45", "25–45", "45 and over", MISSING]


def test_numbers_without_bands_are_cut_at_their_quartiles() -> None:
    assert len(set(group_values(pl.Series("age", range(100)), FairnessSpec()).tolist())) == 4
    assert set(group_values(pl.Series("age", [None, None], dtype=pl.Float64), FairnessSpec()).tolist()) == {MISSING}


def test_words_stay_and_missing_is_a_group() -> None:
    assert group_values(pl.Series("sex", ["f", None]), FairnessSpec()).tolist() == ["f", MISSING]


def test_the_safe_are_approved_and_the_likely_contacted() -> None:
    p = np.linspace(0, 1, 11)
    assert approve("risk", p, 0.3).tolist() == [True] * 4 + [False] * 7
    assert approve("propensity", p, 0.3).tolist() == [False] * 7 + [True] * 4


def test_a_risk_deserves_by_repaying_and_a_propensity_by_converting() -> None:
    rows = frame()
    labels = labels_of(rows)
    perfect = labels.astype(np.float64)
    risk = fairness_of(spec(), rows, ["sex", "age"], labels, perfect)
    assert set(risk) == {"sex", "age"}
    assert risk["sex"].true_positive_gap.value == 0
    assert risk["sex"].true_positive_gap.by_group["f"].rate == 1
    propensity = fairness_of(spec(kind="propensity"), rows, ["sex"], labels, perfect)
    assert propensity["sex"].true_positive_gap.by_group["f"].rate == 1
