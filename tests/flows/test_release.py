"""From a small file to a released model: what is promoted, what is taken back, what stays as a person left it."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from features.calendar import cutoff
from features.lake import NoData
from features.lake_files import to_parquet
from flows.booking import BadBook, decide_whole_book
from flows.ingest import ingest
from flows.materialize import materialize
from flows.onboarding.folder import new_portfolio
from flows.release import NoModel, release
from flows.retrain import retrain
from flows.steps import Summary
from flows.workspace import Workspace, open_workspace
from serving.applications import Circumstances
from serving.desk import open_desk
from tests.flows.flat_files import asked, plain, write
from tests.serving.test_columns import told

NAME = "made_up"
AUGUST, SEPTEMBER = date(2023, 8, 31), date(2023, 9, 30)


@pytest.fixture(scope="module")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A portfolio of one file with features up to September; its models take a moment to fit."""
    root = tmp_path_factory.mktemp("lender")
    new_portfolio(asked(write(plain(2000), root / "plain.csv"), matures="month-end"), root / "portfolios")
    edit(root / "portfolios" / NAME, "windows:", "estimator: {iterations: 20, depth: 2}\n    windows:")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LENDLOOP_HOME", str(root / "home"))
        patch.setenv("LENDLOOP_PORTFOLIOS", str(root / "portfolios"))
        for day in (AUGUST, SEPTEMBER):
            ingest(NAME, day)
            materialize(NAME, day)
        yield open_workspace(NAME)


def edit(folder: Path, old: str, new: str) -> None:
    text = (folder / "models.yaml").read_text(encoding="utf-8")
    assert old in text
    (folder / "models.yaml").write_text(text.replace(old, new), encoding="utf-8")


def trained_and_released(as_of: date) -> Summary:
    retrain(NAME, as_of)
    return release(NAME, as_of)


def test_what_happens_to_a_release_over_its_life(lender: Workspace) -> None:
    with pytest.raises(NoModel, match="run `lendloop run retrain"):
        release(NAME, SEPTEMBER)
    first = trained_and_released(SEPTEMBER)
    assert (first["promoted"], first["champion"]) == (True, first["release"])
    assert [gate["found"] for gate in first["gates"] if gate["name"] == "not_worse"] == ["no champion yet"]

    # Twice changes nothing.
    assert retrain(NAME, SEPTEMBER)["models"]["risk"]["reused"]
    assert release(NAME, SEPTEMBER) == first
    assert len(lender.registry.history(NAME)) == 1

    # A change of models.yaml is released: it and the champion of the same date are compared by their own tests.
    edit(lender.portfolio.folder, "iterations: 20", "iterations: 30")
    changed = trained_and_released(SEPTEMBER)
    assert changed["champion"] == changed["release"] != first["release"]
    (compared,) = [gate["found"] for gate in changed["gates"] if gate["name"] == "not_worse"]
    assert "rows that both were tested on, each by a model of its past" in compared

    # Taken back in the file, it is taken back in production, without fitting anything.
    edit(lender.portfolio.folder, "iterations: 30", "iterations: 20")
    assert retrain(NAME, SEPTEMBER)["models"]["risk"]["reused"]
    assert release(NAME, SEPTEMBER)["champion"] == first["release"]

    # What a person takes back stays so.
    lender.registry.rollback(NAME, by="risk officer")
    assert release(NAME, SEPTEMBER)["champion"] == changed["release"]

    # A past month never takes over, and is said to be one, whatever gates say of it beside a later champion.
    past = trained_and_released(AUGUST)
    assert past["summary"].split(" ", 1)[1].startswith("not promoted: of a past month")
    assert past["champion"] == changed["release"]


def test_a_book_is_what_the_champion_would_answer_to_each(
    lender: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("features.lake_files.ROW_GROUP", 20)
    monkeypatch.setattr("flows.booking.AT_ONCE", 50)
    # Written anew in small groups of rows, as a large file has many.
    for file in lender.lake.root.rglob("features/**/part.parquet"):
        notes = {name: pl.read_parquet_metadata(file)[name] for name in ("covers", "inputs")}
        file.write_bytes(to_parquet(pl.read_parquet(file, hive_partitioning=False), notes))
    decide_whole_book(NAME, SEPTEMBER, tmp_path / "book")
    parts = sorted((tmp_path / "book").glob("*.parquet"))
    assert len(parts) > 3
    rows = pl.read_parquet(parts)
    champion = lender.registry.champion(NAME)
    assert champion is not None
    urls = {"registry": lender.settings.feature_registry_url, "online": lender.settings.online_store_url}
    desk = open_desk(NAME, lender.release_folder(champion.sha), **urls)
    at = cutoff(SEPTEMBER) - timedelta(microseconds=1)
    assert rows[lender.key].n_unique() == rows.height > 300
    for row in rows.gather_every(5).iter_rows(named=True):
        looked = desk.look_up([row[lender.key]], at)
        online = desk.decide("decision", looked, circumstances=Circumstances(business_date=at.date()))
        assert repr(told(online)) == repr({name: row[name] for name in told(online)})

    # It goes on where it was stopped; what is there is kept, and another book is not mixed with it.
    times = {part: part.stat().st_mtime_ns for part in parts[1:]}
    parts[0].unlink()
    decide_whole_book(NAME, SEPTEMBER, tmp_path / "book")
    assert pl.read_parquet(parts).equals(rows)
    assert {part: part.stat().st_mtime_ns for part in parts[1:]} == times
    with pytest.raises(BadBook, match="holds another book \\(other scores_only\\)"):
        decide_whole_book(NAME, SEPTEMBER, tmp_path / "book", scores_only=True)
    with pytest.raises(BadBook, match="is not empty"):
        decide_whole_book(NAME, SEPTEMBER, tmp_path)
    with pytest.raises(NoData, match="up to 2023-09-30; expected 2023-10-31: `lendloop run materialize"):
        decide_whole_book(NAME, date(2023, 10, 31), tmp_path / "later")

    decide_whole_book(NAME, SEPTEMBER, tmp_path / "scores", scores_only=True)
    scores = pl.read_parquet(tmp_path / "scores" / "*.parquet")
    both = rows.join(scores, on=lender.key, suffix="_alone")
    assert both.height == rows.height
    assert (both["score"] - both["score_alone"]).abs().max() < 1e-9
