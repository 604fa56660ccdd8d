"""`lendloop simulate`: a world in a folder, and mistakes told plainly."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli.main import app
from simulation.description import WorldError
from simulation.scenarios.scenario import ScenarioError, names

TINY = ("--customers", "30", "--months", "1", "--workers", "1")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["simulate", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_scenarios_are_listed() -> None:
    told = run("--list")
    assert all(name in told for name in names())


def test_a_world_is_written_and_told(tmp_path: Path) -> None:
    told = run("--scenario", "outage", "--out", str(tmp_path), *TINY)
    assert "transactions" in told
    assert "true_people" in told
    assert (tmp_path / "raw" / "transactions" / "day=2024-01-31").is_dir()
    with pytest.raises(WorldError, match="another world"):
        run("--scenario", "quiet", "--out", str(tmp_path), *TINY)


def test_an_unknown_scenario_or_policy_is_told(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="quiet"):
        run("--scenario", "calm", "--out", str(tmp_path))
    with pytest.raises(WorldError, match="approve_all"):
        run("--policy", "kind", "--out", str(tmp_path))
    assert not any(tmp_path.iterdir())
