"""A brought model through the training: tested out of time, calibrated, compared, and nothing learned."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from tests.training.brought.cards import HEADER, SPEC, brought
from tests.training.made_up import AS_OF, frame, spec
from training.boosted import load_boosted
from training.brought.model import BroughtError
from training.brought.points_file import read_points
from training.brought.reading import take
from training.facts import parameters
from training.task import TooFewRows
from training.train import train
from training.trained import TrainedModel, load_trained, save_trained

ROWS = frame()
CARD = f"""{HEADER}
(base),,,,50
debt,,-1,,20
debt,-1,0,,10
debt,0,1,,-5
debt,1,,,-20
debt,,,(missing),0
income,,0,,-5
income,0,,,8
income,,,(missing),0
trade,,,miner,-12
trade,,,(missing),0
trade,,,(other),3
"""


def trained(card: str = CARD, **changes: object) -> TrainedModel:
    asked = spec(brought=brought(**changes))
    model = take(Path("risk.csv"), card.encode(), asked.brought, asked, SPEC)
    return train("risk", asked, ROWS, model.columns, ["sex", "age"], AS_OF, brought=model)


@pytest.fixture(scope="module")
def made() -> TrainedModel:
    return trained(learned_until="2024-05-31")


def test_it_is_tested_out_of_time_and_calibrated_by_the_data(made: TrainedModel) -> None:
    report = made.report
    assert (report.scheme, report.held_out_months) == ("out of time", ("2024-06",))
    assert report.model.auc.low > 0.7
    assert report.calibration.form == "affine"
    assert report.model.calibration_error < 0.08
    assert set(report.fairness) == {"sex", "age"}
    assert set(report.importance) == {"debt", "income", "trade"}
    assert report.learned == "elsewhere, until 2024-05-31 (risk.csv, brought by ana)"


def test_its_order_is_that_of_the_points(made: TrainedModel) -> None:
    points = read_points(CARD.encode())[0].total(ROWS)
    raw = load_boosted(made.cbm, made.columns).log_odds(ROWS)
    slope, constant = np.polyfit(points, raw, 1)
    assert raw == pytest.approx(slope * points + constant, abs=1e-9)
    assert slope < 0


def test_what_is_stored_says_where_it_is_from(made: TrainedModel, tmp_path: Path) -> None:
    save_trained(made, tmp_path)
    again = load_trained(tmp_path)
    assert (again.brought, again.report) == (CARD.encode(), made.report)
    told = parameters(made.report)
    assert (told["origin"], told["brought_by"], told["brought_file"]) == ("imported", "ana", "risk.csv")
    assert "iterations" not in told


def test_it_is_never_tested_on_what_it_may_have_learned() -> None:
    with pytest.raises(
        TooFewRows, match="learned from outcomes up to 2024-06-30; the labelled rows are of 2024-01 to 2024-06"
    ):
        trained(learned_until=date(2024, 6, 30))


def test_points_that_rank_backwards_are_refused() -> None:
    with pytest.raises(BroughtError, match=r"backwards \(AUC 0.2.* state \(higher_is_better\) 0"):
        trained(CARD + "(higher_is_better),,,,0\n")
