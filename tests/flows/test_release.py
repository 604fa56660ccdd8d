"""From a small file to a released model: what is promoted, what is taken back, what stays as a person left it."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from flows.ingest import ingest
from flows.materialize import materialize
from flows.onboarding.folder import new_portfolio
from flows.release import NoModel, release
from flows.retrain import retrain
from flows.steps import Summary
from flows.workspace import Workspace, open_workspace
from tests.flows.flat_files import asked, plain, write

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
