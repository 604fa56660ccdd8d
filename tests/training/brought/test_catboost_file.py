"""A CatBoost model of another house scores the same under our names; what cannot be explained exactly is refused."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from serving.scoring import explained
from tests.training.brought.cards import SPEC, brought
from tests.training.made_up import frame, spec
from training.boosted import load_boosted
from training.brought.model import BroughtError
from training.brought.reading import read_brought, take
from training.model_json import to_cbm

THEIRS = {"Branche": "trade", "Schulden": "debt", "Einkommen": "income"}
ROWS = frame(rows=100)


def table() -> pd.DataFrame:
    """The rows as the other house has them: its names, a category first."""
    rows = ROWS.with_columns(trade=ROWS["trade"].fill_null("(missing)"))
    return pd.DataFrame({name: rows[ours].to_numpy() for name, ours in THEIRS.items()})


def fitted(**options: Any) -> Any:
    from catboost import CatBoost

    given = {"iterations": 8, "depth": 3, "allow_writing_files": False, "logging_level": "Silent", "thread_count": 1}
    model = CatBoost({"loss_function": "Logloss", **given, **options})
    return model.fit(table(), ROWS["label"].to_numpy(), cat_features=["Branche"])


@pytest.mark.parametrize("one_hot", [1, 10], ids=["statistics", "one-hot"])
def test_it_scores_the_same_under_our_names_and_order(one_hot: int) -> None:
    model = fitted(one_hot_max_size=one_hot)
    taken = take(Path("risk.cbm"), to_cbm(model), brought("risk.cbm", names=THEIRS), spec(), SPEC)
    assert [column.name for column in taken.columns] == ["debt", "income", "trade"]
    cbm = taken.weigh(ROWS)
    assert load_boosted(cbm, taken.columns).log_odds(ROWS) == pytest.approx(model.predict(table()), abs=1e-12)
    explained("risk", cbm, taken.columns)
    assert any("its event is the class 1, not 0" in note for note in taken.origin.notes)
    assert any("1 of its 2 numbers were never missing" in note for note in taken.origin.notes)


def test_what_rules_look_at_is_an_input_without_effect() -> None:
    names = {theirs: ours for theirs, ours in THEIRS.items() if ours != "income"}
    model = fitted(ignored_features=["Einkommen"])
    full = take(Path("risk.cbm"), to_cbm(model), brought("risk.cbm", names=THEIRS), spec(), SPEC, ["income"])
    assert [column.name for column in full.columns] == ["debt", "income", "trade"]
    from catboost import CatBoostClassifier

    options = {"iterations": 4, "verbose": 0, "allow_writing_files": False, "thread_count": 1}
    rows = table()[[*names]]
    other = CatBoostClassifier(**options).fit(rows, ROWS["label"].to_numpy(), cat_features=["Branche"])
    taken = take(Path("risk.cbm"), to_cbm(other), brought("risk.cbm", names=names), spec(), SPEC, ["income"])
    assert [column.name for column in taken.columns] == ["debt", "income", "trade"]
    raw = other.predict(rows, prediction_type="RawFormulaVal")
    assert load_boosted(taken.weigh(ROWS), taken.columns).log_odds(ROWS) == pytest.approx(raw, abs=1e-12)
    explained("risk", taken.weigh(ROWS), taken.columns)
    assert "the policy's rules look at income, which it does not read" in " ".join(taken.origin.notes)


def test_one_that_has_our_names_already_is_served_as_the_very_file() -> None:
    from catboost import CatBoostClassifier

    model = CatBoostClassifier(iterations=2, verbose=0, allow_writing_files=False, thread_count=1)
    content = to_cbm(model.fit(ROWS.select("debt", "income").to_pandas(), ROWS["label"].to_numpy()))
    assert take(Path("risk.cbm"), content, brought("risk.cbm"), spec(), SPEC).weigh(ROWS) == content


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"grow_policy": "Lossguide"}, "its trees are not symmetric"),
        ({"loss_function": "MultiClass"}, "has 2 outputs, a multiclass model"),
        ({"loss_function": "RMSE"}, "was trained for RMSE, so its output is no log-odds"),
    ],
)
def test_what_cannot_be_explained_exactly_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(BroughtError, match=f"risk.cbm: {said}"):
        take(Path("risk.cbm"), to_cbm(fitted(**options)), brought("risk.cbm", names=THEIRS), spec(), SPEC)


def test_text_and_what_is_no_model_are_refused() -> None:
    from catboost import CatBoostClassifier

    words = pd.DataFrame({"text": ["late again and again", "always on time so far"] * 50, "debt": range(100)})
    model = CatBoostClassifier(iterations=2, verbose=0, allow_writing_files=False, text_features=["text"])
    with pytest.raises(BroughtError, match="reads text features, for which there are no exact reasons"):
        take(Path("risk.cbm"), to_cbm(model.fit(words, [1, 0] * 50)), brought("risk.cbm"), spec(), SPEC)
    for content in (b"", b"feature,points\n"):
        with pytest.raises(BroughtError, match=r"risk.cbm: is no .cbm that CatBoost can load"):
            take(Path("risk.cbm"), content, brought("risk.cbm"), spec(), SPEC)


def test_every_input_that_does_not_match_is_named() -> None:
    names = {"Branche": "income", "Schulden": "sex"}
    with pytest.raises(BroughtError) as caught:
        take(Path("risk.cbm"), to_cbm(fitted()), brought("risk.cbm", names=names), spec(), SPEC)
    faults = str(caught.value).splitlines()
    assert len(faults) == 3
    assert "feature 'sex' may not be used: " in faults[0]
    assert "the portfolio has no feature 'Einkommen'; map its name with --names" in faults[1]
    assert "reads it as a category (mapped to 'income'), and feature 'income' is a number" in faults[2]


def test_a_file_that_changed_since_it_was_looked_at_is_refused(tmp_path: Path) -> None:
    (tmp_path / "risk.cbm").write_bytes(b"other")
    with pytest.raises(BroughtError, match=r"has SHA-256 d9298a10d1b0…, models.yaml says 000000000000…"):
        read_brought(tmp_path, spec(brought=brought("risk.cbm")), SPEC)
    with pytest.raises(BroughtError, match=r"absent.cbm: cannot be read: No such file"):
        read_brought(tmp_path, spec(brought=brought("absent.cbm")), SPEC)
