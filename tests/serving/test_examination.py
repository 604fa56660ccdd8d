"""A candidate's models examined as a whole: what is stored gives the figures again, or the release is kept back."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from features.spec import Entity
from serving.examination import Examined, examine
from serving.gates import Promotion
from serving.policy import Gates, Policy, Reason, RiskPolicy
from serving.reference import model_parts
from serving.release import LoadedRelease, build_release, load_release
from tests.training.made_up import AS_OF, COLUMNS, frame, spec
from training.boosted import load_boosted
from training.score import ScoreScale
from training.train import train
from training.trained import TrainedModel, load_trained, save_trained

POLICY = Policy(
    risk=RiskPolicy(
        model="risk",
        scale=ScoreScale(pd_at_60=0.3, points_to_double_odds=10),
        review_below=60,
        decline_below=20,
        grades={"A": 90, "B": 80, "C": 70, "D": 60},
        limits={"A": 5000, "B": 4000, "C": 3000, "D": 2000, "E": 0},
        gates=Gates(largest_auc_loss=0.01, largest_calibration_error=0.1),
    ),
    reasons={
        column.name.upper(): Reason(features=(column.name,), en=f"The {column.name}.", zh="。") for column in COLUMNS
    },
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    """A trained model as it comes back from its files."""
    made, folder = train("risk", spec(), frame(), COLUMNS, ["sex"], AS_OF), tmp_path_factory.mktemp("trained")
    save_trained(made, folder)
    loaded = load_trained(folder)
    assert (loaded.validated, loaded.cbm) == (made.validated, made.cbm)
    return loaded


@pytest.fixture(scope="module")
def candidate(trained: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> LoadedRelease:
    releases = tmp_path_factory.mktemp("releases")
    entity = Entity(name="loan", key="loan_id", type="int", meaning="a made-up loan")
    parts = {"risk": model_parts(trained, POLICY)}
    made = build_release(releases, portfolio="made_up", as_of=AS_OF, entity=entity, policy=POLICY, models=parts)
    return load_release(releases / made.sha)


def examined(candidate: LoadedRelease, trained: TrainedModel) -> Promotion:
    names = [column.name for column in COLUMNS]
    return examine(candidate, None, {"risk": Examined(spec(), trained, permitted=names, groups=["sex"])})


def test_the_validated_model_comes_back_and_gives_the_figures_of_the_test_again(trained: TrainedModel) -> None:
    assert trained.validated is not None
    assert trained.validated != trained.cbm
    again = load_boosted(trained.validated, trained.columns).log_odds(trained.held_out)
    assert again == pytest.approx(trained.held_out["log_odds"].to_numpy())


def test_both_the_released_and_the_validated_model_are_reproduced(
    candidate: LoadedRelease, trained: TrainedModel
) -> None:
    promotion = examined(candidate, trained)
    assert promotion.allowed
    released, validated = [result for result in promotion.results if result.name == "reproducible"]
    assert (released.subject, validated.subject) == ("risk", "risk: as validated")
    assert f"fitted on {trained.report.first_month} to 2024-06" in released.found
    assert f"fitted on {trained.report.validated.first_month} to 2024-05" in validated.found
    assert validated.found.startswith("largest difference 0 in log-odds over 300 rows")


def test_a_validated_model_that_is_another_keeps_the_release_back(
    candidate: LoadedRelease, trained: TrainedModel
) -> None:
    (blocked,) = examined(candidate, replace(trained, validated=trained.cbm)).blocked_by
    assert (blocked.name, blocked.subject) == ("reproducible", "risk: as validated")


def test_a_released_model_that_is_not_the_one_trained_keeps_the_release_back(
    candidate: LoadedRelease, trained: TrainedModel
) -> None:
    assert trained.validated is not None
    blocked = examined(candidate, replace(trained, cbm=trained.validated)).blocked_by
    assert [result.subject for result in blocked if result.name == "reproducible"] == ["risk"]


def test_a_test_without_a_model_is_not_asked_to_be_reproduced(
    candidate: LoadedRelease, trained: TrainedModel, tmp_path: Path
) -> None:
    rate = trained.held_out.with_columns(log_odds=np.full(trained.held_out.height, -1.0))
    save_trained(replace(trained, validated=None, held_out=rate), tmp_path)
    loaded = load_trained(tmp_path)
    assert loaded.validated is None
    assert [r.subject for r in examined(candidate, loaded).results if r.name == "reproducible"] == ["risk"]
