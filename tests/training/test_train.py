from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.training.made_up import AS_OF, COLUMNS, frame, spec
from training.boosted import load_boosted
from training.digests import inputs_digest
from training.inputs import InputError
from training.labels import NoLabels, OneClassOnly
from training.score import probability
from training.task import TooFewRows
from training.train import train
from training.trained import TrainedModel, load_trained, save_trained

GROUPS = ["sex", "age"]
ROWS = frame()


@pytest.fixture(scope="module")
def trained() -> TrainedModel:
    return train("risk", spec(), ROWS, COLUMNS, GROUPS, AS_OF)


def test_the_report_has_every_fact(trained: TrainedModel) -> None:
    report = trained.report
    assert (report.scheme, report.held_out_months, report.last_month) == (
        "out of time",
        ("2024-05", "2024-06"),
        "2024-06",
    )
    assert report.model.rows == 300
    assert report.model.auc.low > 0.7
    assert report.scorecard.auc.low > 0.7
    assert set(report.fairness) == set(GROUPS)
    assert {judged.month for judged in report.window.judged} == {"2024-05", "2024-06"}
    assert report.inputs == inputs_digest("risk", spec(), ROWS, COLUMNS, GROUPS, AS_OF)
    assert report.out_of_fold.rows == report.rows == trained.out_of_fold.height == trained.reference.height


def test_the_model_is_the_one_described(trained: TrainedModel) -> None:
    model = load_boosted(trained.cbm, trained.columns)
    assert [column.name for column in trained.columns] == ["debt", "income", "trade"]
    assert trained.reference.columns == ["debt", "income", "trade"]
    assert np.isfinite(model.log_odds(trained.reference)).all()
    folds = trained.out_of_fold
    assert folds["probability"].to_numpy() == pytest.approx(
        probability(trained.calibration.log_odds(folds["log_odds"].to_numpy()))
    )


def test_the_last_month_is_scored_by_a_model_that_has_not_seen_it(trained: TrainedModel) -> None:
    assert trained.held_out["event_timestamp"].dt.month().unique().to_list() == [6]
    june = pl.col("event_timestamp").dt.month() == 6
    flipped = ROWS.with_columns(label=pl.when(june).then(1 - pl.col("label")).otherwise("label").cast(pl.Int8))
    again = train("risk", spec(), flipped, COLUMNS, GROUPS, AS_OF)
    assert again.held_out["probability"].to_list() == trained.held_out["probability"].to_list()
    assert again.held_out["scorecard_probability"].to_list() == trained.held_out["scorecard_probability"].to_list()
    assert again.cbm != trained.cbm


def test_twice_is_the_same_bytes_and_files_come_back(trained: TrainedModel, tmp_path: Path) -> None:
    again = train("risk", spec(), ROWS, COLUMNS, GROUPS, AS_OF)
    save_trained(trained, tmp_path / "a")
    save_trained(again, tmp_path / "b")
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name
    loaded = load_trained(tmp_path / "a")
    assert (loaded.report, loaded.cbm, loaded.columns) == (trained.report, trained.cbm, trained.columns)
    assert loaded.out_of_fold.equals(trained.out_of_fold)


def test_what_goes_in_changes_the_digest() -> None:
    given = inputs_digest("risk", spec(), ROWS, COLUMNS, GROUPS, AS_OF)
    assert inputs_digest("risk", spec(), ROWS, COLUMNS[::-1], GROUPS, AS_OF) != given
    assert inputs_digest("risk", spec(seed=1), ROWS, COLUMNS, GROUPS, AS_OF) != given
    assert inputs_digest("risk", spec(), ROWS.with_columns(debt=pl.col("debt") + 1), COLUMNS, GROUPS, AS_OF) != given
    assert inputs_digest("risk", spec(), ROWS, COLUMNS, GROUPS, date(2024, 7, 31)) != given


def test_one_month_is_tested_on_entities_held_out_of_it() -> None:
    only = ROWS.filter(pl.col("event_timestamp").dt.month() == 6)
    report = train("risk", spec(), only, COLUMNS, [], AS_OF).report
    assert (report.scheme, report.held_out_months, report.model.rows) == ("held-out entities", ("2024-06",), 75)
    assert report.fairness == {}


def test_progress_is_told_in_words() -> None:
    told: list[str] = []
    train("risk", spec(windows=(2,)), ROWS, COLUMNS, [], AS_OF, progress=told.append)
    assert told[0] == "2 models of candidate windows, tested on 2024-05, 2024-06"
    assert any(one.endswith(", and the benchmark scorecard") for one in told)


@pytest.mark.parametrize(
    ("rows", "error", "said"),
    [
        (ROWS.clear(), NoLabels, "no labelled row at 2024-06-30"),
        (ROWS.with_columns(label=pl.lit(0, pl.Int8)), OneClassOnly, "all 1800 labels at 2024-06-30 are 0"),
        (ROWS.head(40), TooFewRows, r"40 labelled rows .* at least 50 rows"),
        (ROWS.with_columns(label=pl.lit(None, pl.Int8)), InputError, "1800 of 1800 labels are missing"),
        (ROWS.drop("sex"), InputError, r"lacks \['sex'\]"),
    ],
)
def test_rows_that_rule_training_out_are_said(rows: pl.DataFrame, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        train("risk", spec(), rows, COLUMNS, GROUPS, AS_OF)


def test_a_month_of_one_class_and_columns_without_values_are_borne() -> None:
    may = pl.col("event_timestamp").dt.month() == 5
    odd = ROWS.with_columns(
        label=pl.when(may).then(0).otherwise("label").cast(pl.Int8), income=pl.lit(None, dtype=pl.Float64)
    )
    report = train("risk", spec(), odd, COLUMNS, GROUPS, AS_OF).report
    assert report.held_out_months == ("2024-04", "2024-06")
