"""From a small file to a released model: what is promoted, what is taken back, what stays as a person left it."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
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
LATELY = """
  lately:
    table: records
    freshness: 35
    features:
      x_lately: {transform: value, column: x}"""
AUGUST, SEPTEMBER = date(2023, 8, 31), date(2023, 9, 30)


@pytest.fixture(scope="module")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A portfolio of one file and two views, with features up to September; its models take a moment to fit."""
    root = tmp_path_factory.mktemp("lender")
    folder = root / "portfolios" / NAME
    new_portfolio(asked(write(plain(2000), root / "plain.csv"), matures="month-end"), folder.parent)
    edit(folder, "windows:", "estimator: {iterations: 20, depth: 2}\n    windows:")
    edit(folder, "views:\n  record:", f"views:{LATELY}\n  record:", "features.yaml")
    edit(folder, "record: all", "record: all\n      lately: all", "features.yaml")
    edit(folder, "features: [x]", "features: [x, x_lately]", "policy.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LENDLOOP_HOME", str(root / "home"))
        patch.setenv("LENDLOOP_PORTFOLIOS", str(root / "portfolios"))
        for day in (AUGUST, SEPTEMBER):
            ingest(NAME, day)
            materialize(NAME, day)
        yield open_workspace(NAME)


def edit(folder: Path, old: str, new: str, name: str = "models.yaml") -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new), encoding="utf-8")


def rebuilding(lender: Workspace, function: Callable[[Any], Any], parts: list[Any]) -> Iterator[Any]:
    """Work on parts while a month of features is built anew."""
    for place, part in enumerate(parts):
        if place == 1:
            file = lender.lake.file(NAME, "features", "lately", "2023-09")
            rows, notes = pl.read_parquet(file, hive_partitioning=False), pl.read_parquet_metadata(file)
            file.write_bytes(to_parquet(rows, {"covers": notes["covers"], "inputs": "other rows"}))
        yield function(part)


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
    monkeypatch.setattr("flows.booking.AT_ONCE", 200)
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
    # In it is whoever has a feature, and everyone whose views are online is decided as there, stale or not.
    known = lender.lake.read(NAME, "features", "record", as_of=SEPTEMBER, columns=[lender.key])[lender.key]
    assert rows[lender.key].to_list() == known.unique().sort().to_list()
    problems, unlike = Counter[str](), 0
    for row in rows.gather_every(2).iter_rows(named=True):
        looked = desk.look_up([row[lender.key]], at)
        ages = looked.rows.ages
        if np.isnan(ages["record"]).any():
            continue  # too old already when the store was first filled: the service knows nothing of them
        online = desk.decide("decision", looked, circumstances=Circumstances(business_date=at.date()))
        if np.isnan(ages["lately"]).any():
            unlike += 1
            assert (online.outcome, row["outcome"]) == ("review", "review")
            assert "stale lately" in row["problems"]
            continue
        assert repr(told(online)) == repr({name: row[name] for name in told(online)})
        problems.update([", ".join(row["problems"])])
    assert problems.keys() == {"", "stale lately", "stale record, stale lately"}, "none, one and both of the views"
    assert min(problems.values()) > 30
    assert unlike > 30

    # It goes on where it was stopped; what is there is kept, and another book is not mixed with it.
    times = {part: part.stat().st_mtime_ns for part in parts[1:]}
    parts[0].unlink()
    decide_whole_book(NAME, SEPTEMBER, tmp_path / "book")
    assert pl.read_parquet(parts).equals(rows)
    assert {part: part.stat().st_mtime_ns for part in parts[1:]} == times
    with pytest.raises(BadBook, match="holds another book \\(other scores_only\\)"):
        decide_whole_book(NAME, SEPTEMBER, tmp_path / "book", scores_only=True)
    with monkeypatch.context() as patch:
        patch.setattr("flows.booking.workers_of", lambda _: partial(rebuilding, lender))
        with pytest.raises(BadBook, match="built anew meanwhile"):
            decide_whole_book(NAME, SEPTEMBER, tmp_path / "book")
    with pytest.raises(BadBook, match="holds another book \\(other features\\)"):
        decide_whole_book(NAME, SEPTEMBER, tmp_path / "book")
    with pytest.raises(BadBook, match="is not empty"):
        decide_whole_book(NAME, SEPTEMBER, tmp_path)
    with pytest.raises(NoData, match="up to 2023-09-30; expected 2023-10-31: `lendloop run materialize"):
        decide_whole_book(NAME, date(2023, 10, 31), tmp_path / "later")

    decide_whole_book(NAME, SEPTEMBER, tmp_path / "scores", scores_only=True)
    scores = pl.read_parquet(tmp_path / "scores" / "*.parquet")
    both = rows.join(scores, on=lender.key, suffix="_alone")
    assert both.height == rows.height
    assert (both["score"] - both["score_alone"]).abs().max() < 1e-9
