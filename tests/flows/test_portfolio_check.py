"""`portfolio check` finds every fault of a folder, by file, line and key."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from features.portfolio import PortfolioError
from flows.cli.portfolios import app
from flows.onboarding.check import PortfolioCheck, check_documents, check_portfolio
from flows.onboarding.folder import new_portfolio
from tests.flows.flat_files import asked, plain, write

NAME = "made_up"
Change = Callable[[str, str, str], PortfolioCheck]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("portfolios")
    ages = [20 + place % 50 for place in range(600)]
    frame = plain(600, colour=["red", "green", "blue"] * 200, sex=["f", "m"] * 300, age=ages)
    new_portfolio(asked(write(frame, home / "p.csv")), home / "all")
    return home / "all"


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "all"))


@pytest.fixture
def change(root: Path) -> Change:
    """Replace a text of one file, which must be there, and check."""

    def changed(file: str, before: str, after: str) -> PortfolioCheck:
        path = root / NAME / file
        text = path.read_text()
        assert before in text, text
        path.write_text(text.replace(before, after, 1))
        return check_portfolio(root, NAME)

    return changed


def test_a_sound_portfolio_has_no_faults(root: Path) -> None:
    found = check_portfolio(root, NAME)
    assert found.faults == ()
    assert [(table.table, table.rows_in, table.rows_kept) for table in found.tables] == [
        ("records", 600, 600), ("outcomes", 600, 600),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "before", "after", "expected"),
    [
        ("features.yaml", "entity:", "entity: [", r"features\.yaml:\d+: not valid YAML"),
        ("features.yaml", "type: float, meaning: x", "type: flaot, meaning: x", r"columns\.x\.type: .*found 'flaot'"),
        ("features.yaml", "column: x}", "column: y}", r"views\.record\.features\.x\.column: no column 'y'"),
        ("features.yaml", "transform: value", "transform: valeu", r"features\.x\.transform: no transform 'valeu'"),
        ("features.yaml", "record: all", "recrod: all", r"services\.risk\.views\.recrod: no view 'recrod'"),
        ("features.yaml", "uses: [credit]", "uses: []", r"services\.risk: .*'credit'.*permits only nothing"),
        ("features.yaml", "record: all", "groups: all", r"services\.risk: .*'sex'.*permits only \['fairness'\]"),
        ("models.yaml", "service: risk", "service: rsik", r"models\.yaml:\d+: .*'rsik' is not a service"),
        ("models.yaml", "groups: groups", "groups: risk", r"has use credit, not fairness"),
        ("models.yaml", "monotone: {}", "monotone: {zz: 1}", r"'zz' is not a feature of service"),
        ("models.yaml", "monotone: {}", "monotone: {colour: 1}", r"'colour' is a category"),
        ("models.yaml", "bands: {age", "bands: {agee", r"models\.risk\.fairness\.bands\.agee: no feature"),
        ("models.yaml", "kind: risk", "kind: propensity", r"models\.risk\.service: 'risk' has use credit; expected"),
        ("models.yaml", "windows: [", "widnows: [", r"models\.risk\.widnows: unknown key; .* did you mean 'windows'"),
        ("policy.yaml", "decline_below: 40", "decline_below: 70", r"yaml:\d+: risk\.decline_below: 70 is above"),
        ("policy.yaml", "features: [x]", "features: [y]", r"reasons\.X\.features\.0: 'y' is no input"),
        ("policy.yaml", "  COLOUR:", "  FEATURES_STALE:", r"policy\.yaml:\d+: reasons\.FEATURES_STALE: .*"),
        ("policy.yaml", "model: risk", "model: rsik", r"risk\.model: .*'rsik'"),
        ("monitoring.yaml", "metric: auc", "metric: acu", r"monitoring\.yaml:\d+: watch\.\d\.metric: .*found 'acu'"),
        ("monitoring.yaml", "feature_psi,", "feature_psi, segment: zz,", r"watch\.0\.segment: no feature 'zz'"),
    ],
)  # fmt: skip
def test_a_fault_is_found_with_its_line(change: Change, file: str, before: str, after: str, expected: str) -> None:
    faults = change(file, before, after).faults
    assert any(re.search(expected, fault) for fault in faults), faults
    assert all(re.search(r"\.yaml:\d+: ", fault) for fault in faults), faults


def test_the_line_is_that_of_the_key(change: Change, root: Path) -> None:
    (fault,) = [one for one in change("models.yaml", "bands: {age", "bands: {agee").faults if "bands" in one]
    line = int(fault.partition("models.yaml:")[2].partition(":")[0])
    assert "agee" in (root / NAME / "models.yaml").read_text().splitlines()[line - 1]


def test_faults_of_several_files_are_found_at_once(change: Change) -> None:
    change("features.yaml", "column: x}", "column: y}")
    change("models.yaml", "windows: [", "widnows: [")
    faults = change("monitoring.yaml", "metric: auc", "metric: acu").faults
    assert {Path(fault.partition(":")[0]).name for fault in faults} == {
        "features.yaml",
        "models.yaml",
        "monitoring.yaml",
    }


@pytest.mark.parametrize("file", ["features.yaml", "models.yaml", "policy.yaml", "monitoring.yaml"])
def test_a_missing_file_is_a_fault(root: Path, file: str) -> None:
    (root / NAME / file).unlink()
    assert any(f"{file}: no such file" in fault for fault in check_portfolio(root, NAME).faults)


def test_a_missing_portfolio_says_which_there_are(root: Path) -> None:
    with pytest.raises(PortfolioError, match="found made_up"):
        check_portfolio(root, "unmade")


def test_bad_rows_are_counted_and_too_many_are_a_fault(root: Path) -> None:
    path = root / NAME / "data" / "records.parquet"
    rows = pl.read_parquet(path)
    few = pl.when(pl.int_range(pl.len()) < 3).then(pl.lit("puce")).otherwise("colour")
    rows.with_columns(colour=few).write_parquet(path)
    found = check_portfolio(root, NAME)
    assert found.faults == ()
    assert (found.tables[0].rows_quarantined, found.tables[0].reasons) == (3, {"colour: not a known category": 3})
    rows.with_columns(colour=pl.lit("puce")).write_parquet(path)
    (fault,) = check_portfolio(root, NAME).faults
    assert re.search(r"features\.yaml:\d+: tables\.records\.quarantine_limit: 600 of 600 rows", fault)


def test_a_missing_or_renamed_raw_column_or_table_is_a_fault(root: Path) -> None:
    path = root / NAME / "data" / "records.parquet"
    pl.read_parquet(path).drop("x").write_parquet(path)
    assert "columns ['x'] are missing" in check_portfolio(root, NAME).faults[0]
    path.unlink()
    assert "tables ['records'] of features.yaml are missing" in check_portfolio(root, NAME).faults[0]


def test_documents_are_checked_without_their_tables(root: Path) -> None:
    shutil.rmtree(root / NAME / "data")
    assert check_documents(root, NAME) == ()


def test_the_command_exits_with_1_on_faults(change: Change, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    change("features.yaml", "column: x}", "column: y}")
    result = CliRunner().invoke(app, ["check", NAME, "--folder", str(root)])
    assert result.exit_code == 1
    assert "views.record.features.x.column: no column 'y'" in result.output
    listed = CliRunner().invoke(app, ["list", "--folder", str(root)])
    assert listed.exit_code == 0
    assert "no column 'y'" in listed.output
