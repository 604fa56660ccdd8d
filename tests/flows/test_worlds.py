"""`lendloop simulate`: a world in a folder, and mistakes told plainly."""

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli.main import app
from flows.schedule import with_raw_files
from flows.worlds import PORTFOLIO, hand_over, last_month
from infra.settings import Settings
from simulation.description import WorldError
from simulation.scenarios.scenario import ScenarioError, names

TINY = ("--customers", "30", "--months", "1", "--workers", "1")


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, in which the portfolio is told where the raw tables are."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("LENDLOOP_HOME", str(folder))
    return folder


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["simulate", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_scenarios_are_listed() -> None:
    told = run("--list")
    assert all(name in told for name in names())


def test_a_world_is_written_and_told(tmp_path: Path, home: Path) -> None:
    told = run("--scenario", "outage", "--out", str(tmp_path), *TINY)
    assert "transactions" in told
    assert "true_people" in told
    assert (tmp_path / "raw" / "transactions" / "day=2024-01-31").is_dir()
    assert "lendloop run month --portfolio simulated_lender --as-of 2024-01-31" in " ".join(told.split())
    assert (home / "made" / PORTFOLIO / "transactions" / "day=2024-01-31").is_dir()
    assert not (home / "made" / PORTFOLIO / "true_people").exists()
    with pytest.raises(WorldError, match="another world"):
        run("--scenario", "quiet", "--out", str(tmp_path), *TINY)


def test_days_that_are_gone_have_not_landed(tmp_path: Path) -> None:
    """Two months, and from the middle of the first one on anew for one month: the second is no month any more."""
    run("--out", str(tmp_path), "--customers", "30", "--months", "2", "--workers", "1")
    told = run("--out", str(tmp_path), *TINY, "--from", "2024-01-15")
    assert "--as-of 2024-01-31" in " ".join(told.split())
    assert not list(tmp_path.glob("*/*/day=2024-02-*"))
    # As a kill amid the second run leaves it: folders without files.
    (tmp_path / "raw" / "logins" / "day=2024-02-29").mkdir()
    assert last_month(tmp_path / "raw") == date(2024, 1, 31)


def test_an_unknown_scenario_or_policy_is_told(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="quiet"):
        run("--scenario", "calm", "--out", str(tmp_path))
    with pytest.raises(WorldError, match="approve_all"):
        run("--policy", "kind", "--out", str(tmp_path))
    assert not any(tmp_path.iterdir())


def test_the_portfolio_reads_the_world_that_was_simulated_last(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "raw" / "customers" / "day=2024-03-10").mkdir(parents=True)
        hand_over(tmp_path / "made", tmp_path / name / "raw")
    assert (tmp_path / "made" / PORTFOLIO).resolve() == (tmp_path / "two" / "raw").resolve()
    assert [path.name for path in (tmp_path / "made").iterdir()] == [PORTFOLIO]


def test_a_portfolio_without_a_world_is_not_scheduled(home: Path) -> None:
    settings = Settings()
    assert PORTFOLIO not in with_raw_files(settings)
    (home / "world").mkdir()
    hand_over(settings.made, home / "world")
    assert PORTFOLIO in with_raw_files(settings)


@pytest.mark.parametrize(("day", "month"), [("2024-03-31", "2024-03-31"), ("2024-03-30", "2024-02-29")])
def test_the_last_month_is_one_that_landed_whole(tmp_path: Path, day: str, month: str) -> None:
    (tmp_path / "customers" / f"day={day}").mkdir(parents=True)
    (tmp_path / "customers" / f"day={day}" / "people.parquet").touch()
    assert str(last_month(tmp_path)) == month
