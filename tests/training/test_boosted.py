import polars as pl
import pytest

from tests.training.made_up import COLUMNS, frame, labels_of, spec
from training import boosted
from training.boosted import fit_boosted, load_boosted, side_by_side
from training.estimators import EstimatorError
from training.evaluation import auc
from training.inputs import input_order
from training.spec import Boosting

ROWS = frame()


def test_it_learns_what_is_there() -> None:
    model = fit_boosted(spec(), ROWS, COLUMNS, labels_of(ROWS))
    later = frame(seed=2)
    assert auc(labels_of(later), model.log_odds(later)).value > 0.78
    assert next(iter(model.importance(later))) == "debt"


def test_the_same_input_gives_the_same_bytes() -> None:
    first, second = (fit_boosted(spec(), ROWS, COLUMNS, labels_of(ROWS)).dump() for _ in range(2))
    assert first == second
    other = fit_boosted(spec(seed=7), ROWS, COLUMNS, labels_of(ROWS)).dump()
    assert other != first


def test_threads_and_fits_side_by_side_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fit() -> list[float]:
        return fit_boosted(spec(), ROWS, COLUMNS, labels_of(ROWS)).log_odds(ROWS).tolist()

    alone = fit()
    assert side_by_side([fit] * 4, ROWS.height) == [alone] * 4
    monkeypatch.setattr(boosted, "SMALL", 0)
    assert fit() == alone
    assert side_by_side([fit] * 2, ROWS.height) == [alone] * 2


def test_a_stored_model_predicts_the_same() -> None:
    model = fit_boosted(spec(), ROWS, COLUMNS, labels_of(ROWS))
    again = load_boosted(model.dump(), model.columns)
    assert again.log_odds(ROWS).tolist() == model.log_odds(ROWS).tolist()
    assert again.model.get_metadata()["train_finish_time"] == ""


def test_a_stored_model_refuses_other_columns() -> None:
    model = fit_boosted(spec(), ROWS, COLUMNS, labels_of(ROWS))
    with pytest.raises(EstimatorError, match=r"the model reads \['debt', 'income', 'trade'\]"):
        load_boosted(model.dump(), COLUMNS)


def test_a_known_sign_is_never_broken() -> None:
    noisy = spec(monotone={"debt": -1}, estimator=Boosting(iterations=60, depth=4))
    model = fit_boosted(noisy, ROWS, COLUMNS, labels_of(ROWS))
    line = pl.DataFrame({"debt": [n / 10 for n in range(-30, 31)], "income": 0.0, "trade": "baker"})
    raw = model.log_odds(line)
    assert (raw[1:] <= raw[:-1] + 1e-9).all()


def test_values_never_seen_are_scored() -> None:
    model = fit_boosted(spec(), ROWS.drop_nulls(), COLUMNS, labels_of(ROWS.drop_nulls()))
    odd = pl.DataFrame(
        {"debt": [None, 1.0], "income": [0.0, None], "trade": ["astronaut", None]},
        schema={"debt": pl.Float64, "income": pl.Float64, "trade": pl.String},
    )
    assert len(model.log_odds(odd)) == 2
    assert model.log_odds(odd.clear()).tolist() == []


@pytest.mark.parametrize("columns", [COLUMNS[:1], COLUMNS[1:2]], ids=["numbers only", "categories only"])
def test_one_kind_of_column_is_enough(columns: tuple[object, ...]) -> None:
    chosen = [column for column in COLUMNS if column in columns]
    assert fit_boosted(spec(), ROWS, chosen, labels_of(ROWS)).columns == input_order(chosen)


def test_nothing_to_learn_is_said() -> None:
    constant = ROWS.with_columns(debt=pl.lit(1.0), income=pl.lit(1.0), trade=pl.lit("baker"))
    with pytest.raises(EstimatorError, match="CatBoost cannot learn from 1800 rows of 3 features"):
        fit_boosted(spec(), constant, COLUMNS, labels_of(constant))
    with pytest.raises(EstimatorError, match="0 events among the 1800 rows to learn from"):
        fit_boosted(spec(), ROWS, COLUMNS, labels_of(ROWS) * 0)


def test_a_gpu_is_asked_for_in_models_yaml() -> None:
    asked = spec().model_copy(update={"estimator": Boosting(task_type="GPU", devices="0:1")})
    parameters = boosted._parameters(asked, input_order(COLUMNS), ROWS.height)
    assert (parameters["task_type"], parameters["devices"]) == ("GPU", "0:1")
    assert not {"task_type", "devices"} & set(boosted._parameters(spec(), input_order(COLUMNS), ROWS.height))
    with pytest.raises(ValueError, match="on a GPU CatBoost tries all features"):
        Boosting(task_type="GPU", rsm=0.5)
    with pytest.raises(ValueError, match="task_type is not GPU"):
        Boosting(devices="0")
