"""Entries of lists as a person adds them: what could never match is refused, or warned of."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli.lists import app
from serving.lists.entry import BadEntry

PORTFOLIOS = Path(__file__).resolve().parents[2] / "portfolios"
CARDS = "taiwan_cards"  # ids are integers; its policy names no list


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home beside portfolios of its own, of which the cards' policy names the list `fraud`."""
    root = tmp_path / "portfolios"
    for name in (CARDS, "bank_deposits"):
        shutil.copytree(PORTFOLIOS / name, root / name, ignore=shutil.ignore_patterns("data"))
    policy = root / CARDS / "policy.yaml"
    text = policy.read_text()
    policy.write_text(text.replace("\nrisk:\n", "\nrisk:\n  lists: {fraud: decline}\n", 1))
    assert policy.read_text() != text
    monkeypatch.setenv("LENDLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LENDLOOP_PORTFOLIOS", str(root))
    return tmp_path


def run(*words: str) -> str:
    found = CliRunner().invoke(app, list(words))
    if found.exception is not None:
        raise found.exception
    return " ".join(found.output.split())


def add(name: str, kind: str, value: str, *more: str) -> str:
    return run("add", name, kind, value, "--source", "bureau", "--reason", "owes", *more)


def test_an_entity_that_is_no_id_of_its_portfolio_is_refused(home: Path) -> None:
    assert "added to fraud" in add("fraud", "entity", "18", "--portfolio", CARDS)
    for wrong in ("018", "eighteen", "1 8"):
        with pytest.raises(BadEntry, match=f"an id as decisions of {CARDS} have it, an integer without leading zeros"):
            add("fraud", "entity", wrong, "--portfolio", CARDS)


def test_an_import_names_the_row_whose_entity_is_no_id_and_adds_none(home: Path) -> None:
    file = home / "fraud.csv"
    file.write_text(f"kind,value,reason,portfolio\nphone,0900 1,owes,\nentity,018,owes,{CARDS}\n")
    with pytest.raises(BadEntry, match=r"fraud\.csv: row 2: value: expected an id"):
        run("import", "fraud", str(file), "--source", "bureau")
    file.write_text(f"kind,value,reason,portfolio\nphone,0900 1,owes,\nentity,18,owes,{CARDS}\n")
    assert "2 added to fraud" in run("import", "fraud", str(file), "--source", "bureau")


def test_a_list_that_no_policy_names_is_warned_of(home: Path) -> None:
    assert "no policy" not in add("fraud", "phone", "0900 1")
    assert "no policy of any portfolio names the list fruad" in add("fruad", "phone", "0900 1")
    file = home / "fruad.csv"
    file.write_text("kind,value,reason\nphone,0900 2,owes\n")
    assert "no policy of any portfolio names the list fruad" in run("import", "fruad", str(file), "--source", "bureau")


def test_an_entity_whose_own_policy_does_not_name_the_list_is_warned_of(home: Path) -> None:
    said = add("fraud", "entity", "18", "--portfolio", "bank_deposits")
    assert "the policy of bank_deposits does not name the list fraud" in said
