"""A scorecard of points becomes the champion of a small lender and decides; the incumbent it replaces is compared."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
import yaml

from flows.bringing import import_model
from flows.incumbents import import_decisions, parse_fields, parse_mapping
from flows.ingest import ingest
from flows.materialize import materialize
from flows.models_file import Braces, bring
from flows.onboarding.check import check_portfolio
from flows.onboarding.folder import new_portfolio
from flows.parallel import compare_incumbent, decide_both
from flows.parallel_facts import facts_of, figures_of
from flows.release import release
from flows.retrain import retrain
from flows.workspace import Workspace, open_workspace
from serving.incumbent import IncumbentError, read_decisions
from serving.release import load_release
from tests.flows.flat_files import asked, plain, write
from training.brought.model import BroughtError
from training.brought.points_file import read_points
from training.spec import Brought

NAME = "made_up"
AUGUST, SEPTEMBER = date(2023, 8, 31), date(2023, 9, 30)
CARD = """feature,from,to,category,points
(base),,,,300
X value,,-1,,60
X value,-1,0,,35
X value,0,1,,-10
X value,1,,,-45
X value,,,(missing),0
"""


@pytest.fixture(scope="module")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A portfolio of one file with features up to September, and a scorecard in the place of its estimator."""
    root = tmp_path_factory.mktemp("lender")
    new_portfolio(asked(write(plain(2000), root / "plain.csv"), matures="month-end"), root / "portfolios")
    (root / "card.csv").write_text(CARD, encoding="utf-8")
    (root / "names.csv").write_text("theirs,ours\nX value,x\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LENDLOOP_HOME", str(root / "home"))
        patch.setenv("LENDLOOP_PORTFOLIOS", str(root / "portfolios"))
        for day in (AUGUST, SEPTEMBER):
            ingest(NAME, day)
            materialize(NAME, day)
        import_card(root)
        yield open_workspace(NAME)


def import_card(root: Path) -> None:
    import_model(NAME, "risk", root / "card.csv", "ana", root / "names.csv", None)


def decisions(lender: Workspace, path: Path) -> pl.DataFrame:
    """The log of a system that went by whether x is above 0, an hour after each of September's applications."""
    rows = lender.lake.read(NAME, "tables", "records", as_of=SEPTEMBER).filter(
        pl.col("event_timestamp").dt.month() == 9
    )
    made = rows.select(
        pl.col(lender.key).alias("Who"),
        pl.col("event_timestamp").dt.offset_by("1h").dt.to_string("iso:strict").alias("When"),
        pl.when(pl.col("x") > 0).then(pl.lit("N")).otherwise(pl.lit("Y")).alias("Granted"),
        (500 - 100 * (pl.col("x") > 0).cast(pl.Int64)).alias("Rating"),
        pl.lit(1000).alias("Sum"),
        "x",
    )
    made.drop("x").write_csv(path)
    return made


def test_a_scorecard_is_tested_released_and_decides_by_its_points(lender: Workspace) -> None:
    before = (lender.portfolio.folder / "models.yaml").read_text(encoding="utf-8")
    assert "    brought:  # in place of the estimator" in before
    assert check_portfolio(lender.portfolio.folder.parent, NAME).faults == ()
    trained = retrain(NAME, AUGUST)["models"]["risk"]
    assert "learned elsewhere, until a day that nobody stated (brought/risk.csv, brought by ana)" in trained["summary"]
    assert retrain(NAME, AUGUST)["models"]["risk"]["reused"]
    released = release(NAME, AUGUST)
    assert released["promoted"]
    assert {gate["name"] for gate in released["gates"]} >= {"reproducible", "not_worse", "calibrated", "permitted"}
    # Brought again, the file is as it was.
    import_card(lender.portfolio.folder.parent.parent)
    assert (lender.portfolio.folder / "models.yaml").read_text(encoding="utf-8") == before


def test_the_champion_is_compared_with_the_incumbent_on_the_same_people(
    lender: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logged = decisions(lender, tmp_path / "log.csv")
    columns = {"id": "Who", "time": "When", "outcome": "Granted", "score": "Rating", "amount": "Sum"}
    assert import_decisions(NAME, tmp_path / "log.csv", columns, "approve=Y,decline=N").new == logged.height
    assert import_decisions(NAME, tmp_path / "log.csv", columns, "approve=Y,decline=N").there == logged.height

    period = read_decisions(lender.lake, NAME)
    assert period is not None
    both = decide_both(lender, period.sort("event_timestamp", lender.key), SEPTEMBER)
    # The very points of the file, calibrated: of the same customer, as known at the time.
    joined = both.rows.join(logged.select(pl.col("Who").alias(lender.key), "x"), on=lender.key, maintain_order="left")
    card = read_points(CARD.encode())[0]
    constant, slope = card.log_odds("risk")
    raw = constant + slope * card.total(joined.select(pl.col("x").alias("X value")))
    expected = load_release(both.release.folder).models["risk"].calibration.probability(raw)
    assert joined["champion_probability"].to_numpy() == pytest.approx(expected, abs=1e-12)

    compare_incumbent(NAME, "2023-09-01", "2023-10-01", tmp_path / "out", "2023-09-30", "")
    facts = json.loads((tmp_path / "out" / "comparison.json").read_text(encoding="utf-8"))
    assert sum(row["decisions"] for row in facts["matrix"]) == facts["moves"]["decisions"] == logged.height
    assert facts["labels"][0]["labelled"] > 0
    assert facts["figures"]["auc_gain"]["value"] > 0
    assert facts["figures"]["trade"] is not None
    assert not facts["selective"]
    assert (tmp_path / "out" / "comparison.png").stat().st_size > 10_000
    told = (tmp_path / "out" / "comparison.md").read_text(encoding="utf-8")
    assert told.strip() in capsys.readouterr().out
    assert "| incumbent | champion |" in told
    with pytest.raises(IncumbentError, match="no incumbent's decision in the period"):
        compare_incumbent(NAME, "2024-01-01", "", tmp_path / "out", "2023-09-30", "")


def test_outcomes_known_of_the_approved_only_are_said_to_be(lender: Workspace) -> None:
    period = read_decisions(lender.lake, NAME)
    assert period is not None
    both = decide_both(lender, period.sort("event_timestamp", lender.key), SEPTEMBER)
    refused = pl.col("before") == "decline"
    seen = replace(both, rows=both.rows.with_columns(label=pl.when(~refused).then("label")))
    facts = facts_of(seen, found := figures_of(seen))
    assert facts["selective"]
    assert found is None or found.trade is None
    unlearned = decide_both(lender, period.sort("event_timestamp", lender.key), AUGUST)
    assert unlearned.rows["label"].null_count() == period.height
    later = period.with_columns(pl.col("event_timestamp").dt.offset_by("1mo"))
    with pytest.raises(IncumbentError, match="are built up to 2023-09-30, and the last decision is of 2023-10-"):
        decide_both(lender, later, SEPTEMBER)


def test_what_cannot_be_brought_leaves_the_portfolio_as_it_was(lender: Workspace, tmp_path: Path) -> None:
    file = lender.portfolio.folder / "models.yaml"
    before = file.read_bytes()
    (tmp_path / "bad.csv").write_text(CARD.replace("X value,0,1,,-10\n", ""), encoding="utf-8")
    (tmp_path / "good.csv").write_text(CARD.replace("X value", "x"), encoding="utf-8")
    (tmp_path / "names.csv").write_text("theirs,ours\nX value,x,y\n", encoding="utf-8")
    for name, path, names, said in (
        ("risk", tmp_path / "bad.csv", None, "bad.csv:3: X value: no bin covers 0 to 1"),
        ("risk", tmp_path / "absent.csv", None, "absent.csv: cannot be read: No such file"),
        ("risk", tmp_path / "model.pkl", None, "found the ending '.pkl'; expected a .cbm of CatBoost, or a scorecard"),
        ("loss", tmp_path / "good.csv", None, r"has no model 'loss'; expected one of \['risk'\]"),
        ("risk", tmp_path / "good.csv", tmp_path / "names.csv", "names.csv:2: found 3 fields; expected two"),
    ):
        with pytest.raises(BroughtError, match=said):
            import_model(NAME, name, path, "ana", names, None)
    assert file.read_bytes() == before
    # A file that was swapped behind models.yaml is not trained on, and the check says so.
    card = lender.portfolio.folder / "brought" / "risk.csv"
    content = card.read_bytes()
    card.write_bytes(content.replace(b"-45", b"+45"))
    try:
        with pytest.raises(BroughtError, match=r"has SHA-256 .*look at it, and bring it again"):
            retrain(NAME, AUGUST)
        (fault,) = check_portfolio(lender.portfolio.folder.parent, NAME).faults
        assert "models.risk.brought: " in fault
    finally:
        card.write_bytes(content)


def test_the_lines_of_models_yaml_are_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    text = "# top\nmodels:\n  risk:\n    # why\n    kind: risk   # a loss\n\n    # last\n    seed: 3\n"
    path = tmp_path / "models.yaml"
    path.write_text(text, encoding="utf-8")
    given = {"file": "brought/risk.csv", "sha256": "0" * 64, "by": "ana"}
    for names in ({"A b": "x", "ü: y": "z"}, {}):
        bring(path, "risk", Brought.model_validate(given | {"names": names, "learned_until": "2005-06-30"}))
        written = path.read_text(encoding="utf-8")
        assert [line for line in text.splitlines() if line not in written.splitlines()] == []
        loaded = yaml.safe_load(written)["models"]["risk"]
        assert Brought.model_validate(loaded["brought"]).names == names
        assert loaded["seed"] == 3
    path.write_text("models: {risk: {kind: risk}}\n", encoding="utf-8")
    with pytest.raises(Braces, match="written in braces"):
        bring(path, "risk", Brought.model_validate(given))


@pytest.mark.parametrize(
    ("text", "said"),
    [("A", "found 'A'; expected approve or review or decline="), ("approve=A,decline=A", "'A' is mapped twice")],
)
def test_a_wrong_mapping_is_refused(text: str, said: str) -> None:
    assert parse_mapping("approve=A, approve=AP,decline=D", "risk") == {"A": "approve", "AP": "approve", "D": "decline"}
    with pytest.raises(IncumbentError, match=said):
        parse_mapping(text, "risk")


def test_fields_of_an_application_are_named_by_what_they_are() -> None:
    assert parse_fields(["annual_rate=APR", "purpose=Why"]) == {"annual_rate": "APR", "purpose": "Why"}
    with pytest.raises(IncumbentError, match="--field: found 'rate=APR'; expected amount or term_months"):
        parse_fields(["rate=APR"])
