"""MLflow's store on real databases: runs and the models they trained, also where one was killed."""

import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from tests.integration.registry.releases import Killed, Open, client, killed_at
from tests.training.made_up import AS_OF, COLUMNS, frame, spec
from training.train import train
from training.trained import TrainedModel, save_trained

pytestmark = [pytest.mark.integration]


@pytest.fixture(scope="module")
def trained() -> TrainedModel:
    return train("risk", spec(), frame(), COLUMNS, ["sex"], AS_OF)


def test_a_model_is_found_again_with_everything(opened: Open, portfolio: str, trained: TrainedModel) -> None:
    logged = opened().log_model(portfolio, trained)
    registry = opened()
    assert registry.find_model(portfolio, "risk", trained.report.inputs) == logged
    assert registry.model_as_of(portfolio, "risk", AS_OF) is None
    registry.stand(logged)
    assert registry.model_as_of(portfolio, "risk", AS_OF) == logged
    assert registry.held_out(logged.run_id).equals(trained.held_out)
    assert registry.log_model(portfolio, trained) == logged
    assert registry.find_model(portfolio, "risk", "0" * 64) is None
    assert registry.model_as_of(portfolio, "risk", date(2024, 7, 31)) is None
    loaded = registry.load_model(logged)
    assert (loaded.report, loaded.cbm) == (trained.report, trained.cbm)


def test_the_run_holds_parameters_metrics_signature_and_plots(
    open_sqlite: Open, tmp_path: Path, trained: TrainedModel
) -> None:
    registry = open_sqlite()
    logged = registry.log_model("cards", trained)
    run = client(registry).get_run(logged.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["window_months"] == str(trained.report.window.months)
    assert run.data.metrics["model.auc"] == trained.report.model.auc.value
    assert run.data.params["code_digest"] == trained.report.code
    folder = tmp_path / "artifacts" / "cards" / logged.run_id / "artifacts"
    assert {path.name for path in (folder / "plots").iterdir()} >= {"roc.png", "fairness_sex.png"}
    described = (folder / "model" / "MLmodel").read_text(encoding="utf-8")
    assert '"name": "trade"' in described
    assert not [path for path in folder.rglob("*") if path.suffix in {".pkl", ".pickle", ".joblib"}]


def test_a_killed_training_is_marked_and_done_again(open_sqlite: Open, trained: TrainedModel, tmp_path: Path) -> None:
    script = """
import os
import sys
from pathlib import Path
from training.registry import Registry, registry
from training.trained import load_trained
registry.save_trained = lambda *_: os._exit(9)
Registry(sys.argv[1], Path(sys.argv[2])).log_model("cards", load_trained(Path(sys.argv[3])))
"""
    save_trained(trained, tmp_path / "trained")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    argv = [sys.executable, "-c", script, uri, str(tmp_path / "artifacts"), str(tmp_path / "trained")]
    assert subprocess.run(argv, check=False).returncode == 9
    registry = open_sqlite()
    assert registry.find_model("cards", "risk", trained.report.inputs) is None
    logged = registry.log_model("cards", trained)
    experiment = client(registry).get_experiment_by_name("cards").experiment_id
    runs = {run.info.run_id: run.info.status for run in client(registry).search_runs([experiment])}
    assert sorted(runs.values()) == ["FINISHED", "KILLED"]
    assert runs[logged.run_id] == "FINISHED"


def test_a_run_finished_but_not_registered_is_taken(open_sqlite: Open, trained: TrainedModel) -> None:
    registry = open_sqlite()
    with killed_at("_register"), pytest.raises(Killed):
        registry.log_model("cards", trained)
    logged = registry.log_model("cards", trained)
    experiment = client(registry).get_experiment_by_name("cards").experiment_id
    assert [run.info.run_id for run in client(registry).search_runs([experiment])] == [logged.run_id]
