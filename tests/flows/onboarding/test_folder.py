"""The folder of a portfolio made from a flat file: it checks, builds and trains, or there is none."""

import hashlib
import os
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from features.build import build_features
from features.documents import read_document
from features.ingest import ingest
from features.lake import Lake
from features.permitted import select
from features.portfolio import Portfolio, list_portfolios, open_portfolio
from flows.onboarding import folder as folder_module
from flows.onboarding.check import check_portfolio
from flows.onboarding.folder import new_portfolio
from flows.onboarding.plan import Plan, make_plan
from flows.onboarding.policy_file import WIDEST, calibration_limit, pd_at_60, policy_text
from flows.onboarding.request import OnboardingError
from serving.policy import Policy
from tests.flows.flat_files import asked, nasty, plain, write
from tests.serving.languages import speaks_both
from training.labels import labels
from training.spec import read_models
from training.train import train
from training.trained import TrainedModel

NASTY = {"name": "nasty", "id": "Customer ID", "time": "app.date", "label": "default"}


def trained(portfolio: Portfolio, home: Path, as_of: date) -> TrainedModel:
    """Ingest, build, label and train as the flows do, without their stores."""
    lake, key = Lake(home), portfolio.features.entity.key
    ingest(portfolio, lake, as_of)
    build_features(portfolio, lake, as_of)
    (name, spec), *_ = read_models(portfolio.folder / "models.yaml", portfolio.features).models.items()
    tables = {table: lake.read(portfolio.name, "tables", table, as_of=as_of) for table in portfolio.features.tables}
    frame = labels(spec, tables, key, as_of)
    for view in portfolio.features.views:
        built = lake.read(portfolio.name, "features", view, as_of=as_of).drop("created_timestamp")
        frame = frame.join(built, on=[key, "event_timestamp"], how="left", maintain_order="left")
    groups = [column.name for column in select(portfolio.features, spec.groups)] if spec.groups else []
    quick = spec.model_copy(update={"estimator": spec.estimator.model_copy(update={"iterations": 40})})
    return train(name, quick, frame, select(portfolio.features, spec.service), groups, as_of)


def test_a_nasty_file_passes_its_check_and_trains(tmp_path: Path) -> None:
    file, root = write(nasty(), tmp_path / "n.csv", separator=";"), tmp_path / "all"
    plan = new_portfolio(asked(file, **NASTY), root)
    found = check_portfolio(root, "nasty")
    assert found.faults == ()
    assert [(table.table, table.rows_in, table.rows_quarantined) for table in found.tables] == [
        ("records", 3000, 0), ("outcomes", 3000, 0),
    ]  # fmt: skip
    written = read_document(root / "nasty" / "policy.yaml", Policy).reasons
    assert all(speaks_both(reason) for reason in written.values())
    assert (written["LOAN_PURPOSE"].en, written["LOAN_PURPOSE"].zh) == ("Loan purpose.", "贷款用途。")
    assert written["ANNUAL_INCOME"].zh == "年收入。"
    model = trained(open_portfolio(root, "nasty"), tmp_path / "lake", plan.as_of)
    assert model.report.scheme == "out of time"
    assert model.report.model.auc.value > 0.65
    assert sorted(model.report.fairness) == ["age_years", "sex"]


def test_a_propensity_file_with_repeated_ids_and_months_trains(tmp_path: Path) -> None:
    draw = np.random.default_rng(3)
    months = [f"2023-{month:02d}" for month in range(1, 10)]
    people = np.repeat(np.arange(400), len(months))
    x = draw.normal(size=len(people))
    bought = np.where(draw.random(len(people)) < 1 / (1 + np.exp(1 - x)), "Y", "N")
    frame = pl.DataFrame(
        {"who": people, "month": months * 400, "x": x, "group by": draw.integers(1, 9, len(people)), "ok": bought}
    )
    frame.write_parquet(tmp_path / "f.parquet")
    asks = asked(tmp_path / "f.parquet", name="offers", id="who", time="month", label="ok", kind="propensity")
    plan = new_portfolio(asks, tmp_path / "all")
    assert plan.rows.entities == 400
    assert check_portfolio(tmp_path / "all", "offers").faults == ()
    model = trained(open_portfolio(tmp_path / "all", "offers"), tmp_path / "lake", plan.as_of)
    assert model.report.kind == "propensity"
    assert model.report.fairness == {}


def drifting(swing: float, rows: int = 4000) -> pl.DataFrame:
    """A file whose event rate is 0.2 plus and minus `swing` in turn, month by month."""
    draw = np.random.default_rng(5)
    months = draw.integers(1, 11, rows)
    bad = draw.random(rows) < 0.2 + swing * np.where(months % 2, 1, -1)
    days = [f"2023-{month:02d}-{day:02d}" for month, day in zip(months, draw.integers(1, 29, rows), strict=True)]
    return pl.DataFrame({"id": np.arange(rows), "day": days, "x": draw.normal(size=rows), "bad": bad.astype(int)})


@pytest.mark.parametrize(("swing", "low", "high"), [(0.0, 0.08, 0.09), (0.06, 0.11, 0.15), (0.15, WIDEST, WIDEST)])
def test_the_calibration_limit_is_a_quarter_of_the_cut_off_or_as_far_as_the_rate_moves(
    tmp_path: Path, swing: float, low: float, high: float
) -> None:
    plan = make_plan(asked(write(drifting(swing), tmp_path / "d.csv"), matures="month-end"))
    limit, why = calibration_limit(plan, pd_at_60(plan))
    assert low <= limit <= high
    assert f"may be {limit:g}: the larger of" in why
    written = policy_text(plan)
    assert f"largest_calibration_error: {limit:g}," in written
    assert f"# {why.splitlines()[0]}" in written


def test_a_file_too_short_to_tell_how_its_rate_moves_gets_the_widest_limit(tmp_path: Path) -> None:
    plan = make_plan(asked(write(drifting(0.0).filter(pl.col("day") < "2023-04"), tmp_path / "d.csv")))
    limit, why = calibration_limit(plan, 0.3)
    assert (limit, "too few months" in why) == (WIDEST, True)


def test_a_label_that_takes_long_is_judged_by_how_far_the_rate_moves_meanwhile(tmp_path: Path) -> None:
    swings = asked(write(drifting(0.06), tmp_path / "d.csv"), matures="30d")
    # Two months later the rate is where it was: what it did in between is not held against a model.
    assert calibration_limit(make_plan(swings), 0.3)[0] == pytest.approx(0.075, abs=0.01)


def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    file = write(nasty(1500), tmp_path / "n.csv")
    digests = []
    for root in (tmp_path / "one", tmp_path / "two"):
        new_portfolio(asked(file, **NASTY), root)
        parts = sorted(path for path in root.rglob("*") if path.is_file())
        digests.append([(path.relative_to(root), hashlib.sha256(path.read_bytes()).hexdigest()) for path in parts])
    assert digests[0] == digests[1]


def test_an_existing_folder_is_refused(tmp_path: Path) -> None:
    file, root = write(plain(), tmp_path / "p.csv"), tmp_path / "all"
    new_portfolio(asked(file), root)
    with pytest.raises(OnboardingError, match="exists already"):
        new_portfolio(asked(file), root)


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(plan: Plan) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder_module, "features_text", fail)
    with pytest.raises(OSError, match="No space left"):
        new_portfolio(asked(write(plain(), tmp_path / "p.csv")), tmp_path / "all")
    assert not (tmp_path / "all").exists()


def test_what_a_killed_run_left_is_never_a_portfolio_and_is_cleared(tmp_path: Path) -> None:
    root = tmp_path / "all"
    left = root / ".new-999999999" / "made_up"
    left.mkdir(parents=True)
    (left / "features.yaml").write_text("half")
    assert list_portfolios(root) == []
    new_portfolio(asked(write(plain(), tmp_path / "p.csv")), root)
    assert [path.name for path in root.iterdir()] == ["made_up"]


def test_set_aside_rows_are_in_a_file_and_in_the_readme(tmp_path: Path) -> None:
    frame = plain(1000)
    new_portfolio(asked(write(pl.concat([frame, frame[:3]]), tmp_path / "p.csv")), tmp_path / "all")
    folder = tmp_path / "all" / "made_up"
    assert len(pl.read_csv(folder / "set_aside.csv")) == 3
    assert "3 rows could not be used" in (folder / "README.md").read_text()
    assert sorted(os.listdir(folder / "data")) == ["outcomes.parquet", "records.parquet"]


def test_the_command_says_what_it_decided_and_what_is_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.cli.portfolios import app

    monkeypatch.setenv("COLUMNS", "200")
    file, root = write(nasty(), tmp_path / "n.csv"), str(tmp_path / "all")
    options = ["--id", "Customer ID", "--time", "app.date", "--label", "default", "--folder", root]
    result = CliRunner().invoke(app, ["new", "nasty", "--from", str(file), *options])
    assert result.exit_code == 0, result.output
    for part in (
        "recovered: alone tells the outcome",
        "性别: by its name",
        "lendloop run month --portfolio nasty --as-of 2022-12-31",
    ):
        assert part in result.output
    checked = CliRunner().invoke(app, ["check", "nasty", "--folder", root])
    assert checked.exit_code == 0, checked.output
    assert "nothing wrong" in checked.output
    listed = CliRunner().invoke(app, ["list", "--folder", root])
    assert "2022-01" in listed.output
    assert "records 3,000" in listed.output
