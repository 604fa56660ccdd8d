"""Two releases decide about the same rows: what monitoring is then given of each."""

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl

from features.portfolio import open_portfolio
from flows.comparison import decided
from flows.workspace import Workspace
from infra.settings import Settings
from serving.release import load_release
from tests.serving.small_releases import CAMPAIGN, build_small

PORTFOLIOS = Path(__file__).resolve().parents[2] / "portfolios"
AS_OF = date(2005, 9, 30)


def rows(workspace: Workspace) -> pl.DataFrame:
    times = pl.Series([datetime(2005, 9, 12, tzinfo=UTC)] * 3, dtype=pl.Datetime("us", "UTC"))
    features = {"utilisation": [0.1, 0.9, 0.1], "late_streak": [0.0, 6.0, None]}
    return pl.DataFrame({workspace.key: [1, 2, 3], "event_timestamp": times, **features})


def test_every_row_is_decided_by_score_alone_and_within_the_month(tmp_path: Path) -> None:
    workspace = Workspace(Settings(home=tmp_path, portfolios=PORTFOLIOS), open_portfolio(PORTFOLIOS, "taiwan_cards"))
    steep, flat = (load_release(tmp_path / build_small(tmp_path, slope=slope)) for slope in (1.0, 0.5))
    found, other = (decided(workspace, each, "risk", rows(workspace), AS_OF) for each in (steep, flat))
    assert found["outcome"].to_list() == ["approve", "decline", "review"]
    assert found["stale"].to_list() == [False, False, True]
    assert found["entity_id"].to_list() == ["1", "2", "3"]
    assert found["release"].unique().to_list() == [steep.sha]
    assert found["decided_at"].dt.strftime("%Y-%m").unique().to_list() == ["2005-09"]
    assert found.drop("release", "probability", "score", "grade", "outcome").equals(
        other.drop("release", "probability", "score", "grade", "outcome")
    )
    by_both = np.column_stack([found["probability"].to_numpy()[:2], other["probability"].to_numpy()[:2]])
    assert (by_both[0, 0] < by_both[0, 1], by_both[1, 0] > by_both[1, 1]) == (True, True)


def test_a_propensity_is_a_propensity(tmp_path: Path) -> None:
    workspace = Workspace(Settings(home=tmp_path, portfolios=PORTFOLIOS), open_portfolio(PORTFOLIOS, "bank_deposits"))
    release = load_release(tmp_path / build_small(tmp_path, portfolio=CAMPAIGN))
    found = decided(workspace, release, "propensity", rows(workspace), AS_OF)
    assert found["kind"].unique().to_list() == ["propensity"]
    assert found["outcome"].to_list()[:2] == ["skip", "contact"]
