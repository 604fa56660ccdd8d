"""A scorecard of points becomes the champion of a small lender and decides; the incumbent it replaces is compared."""

from collections.abc import Iterator
from datetime import date

import polars as pl
import pytest

from flows.bringing import import_model
from flows.ingest import ingest
from flows.materialize import materialize
from flows.onboarding.check import check_portfolio
from flows.onboarding.folder import new_portfolio
from flows.parallel import decide_both
from flows.release import release
from flows.retrain import retrain
from flows.workspace import Workspace, open_workspace
from serving.release import load_release
from tests.flows.flat_files import asked, plain, write
from training.brought.points_file import read_points

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
        import_model(NAME, "risk", root / "card.csv", "ana", root / "names.csv", None)
        yield open_workspace(NAME)


def test_a_scorecard_is_trained_released_and_decides_by_its_points(lender: Workspace) -> None:
    before = (lender.portfolio.folder / "models.yaml").read_text(encoding="utf-8")
    assert "    brought:  # in place of the estimator" in before
    assert check_portfolio(lender.portfolio.folder.parent, NAME).faults == ()
    trained = retrain(NAME, AUGUST)["models"]["risk"]
    assert "learned elsewhere, until a day that nobody stated (brought/risk.csv, brought by ana)" in trained["summary"]
    assert retrain(NAME, AUGUST)["models"]["risk"]["reused"]
    released = release(NAME, AUGUST)
    assert released["promoted"]
    assert {gate["name"] for gate in released["gates"]} >= {"reproducible", "not_worse", "calibrated", "permitted"}
    # Whoever brings it again, or with another map, writes over what is there and nothing else.
    root = lender.portfolio.folder.parent.parent
    import_model(NAME, "risk", root / "card.csv", "ana", root / "names.csv", None)
    assert (lender.portfolio.folder / "models.yaml").read_text(encoding="utf-8") == before

    rows = lender.lake.read(NAME, "tables", "records", as_of=SEPTEMBER).sort("event_timestamp").tail(200)
    model = load_release(lender.release_folder(released["release"])).models["risk"]
    both = decide_both(lender, incumbent_period(rows), SEPTEMBER)
    points = read_points(CARD.encode())[0].total(rows.select(pl.col("x").alias("X value")))
    constant, slope = read_points(CARD.encode())[0].log_odds("risk")
    expected = 1 / (1 + (-(model.calibration.log_odds(constant + slope * points))).clip(-700, 700).__pow__(1))
    assert len(expected) == both.rows.height


def incumbent_period(rows: pl.DataFrame) -> pl.DataFrame:
    raise NotImplementedError
