"""Every command that a message tells a person to run is whole: the command line takes it as it is printed."""

import ast
import re
import shlex
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
import typer

from features.ingested import Ingested, note_ingested
from features.lake import Lake
from flows.cli.main import app
from flows.demo_view import NEXT
from flows.hints import last_month, month_command, yesterday

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("infra", "features", "training", "serving", "monitoring", "flows", "portfolios")
HINT = re.compile(r"`lendloop ([^`]+)`")
# Typer's own click is not the package of that name.
USAGE_ERROR = typer.BadParameter.__mro__[1]
FILLED, DAY = "x", "2010-11-30"


def hints() -> Iterator[tuple[str, str]]:
    """Where each hint stands, and the hint, with something in place of what is filled in when it is printed."""
    for package in PACKAGES:
        for file in sorted((PROJECT / package).rglob("*.py")):
            text = file.read_text(encoding="utf-8")
            # Every worker collects this: only a file that may have a hint is parsed.
            nodes = list(ast.walk(ast.parse(text))) if "`lendloop " in text else []
            docstrings = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
            for node in nodes:
                if id(node) not in docstrings:
                    yield from ((f"{file.relative_to(PROJECT)}: {hint}", hint) for hint in HINT.findall(_text(node)))


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else FILLED for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def parse(command: str) -> None:
    """Raise what the command line would refuse these words with; nothing is run."""
    words = re.sub(f"--as-of (DATE|{FILLED})", f"--as-of {DAY}", command)
    group, context, rest = typer.main.get_command(app), None, shlex.split(words)
    while True:
        context = group.make_context("lendloop", rest, parent=context)
        if not hasattr(group, "resolve_command"):
            return
        _, found, rest = group.resolve_command(context, context._protected_args + context.args)
        assert found is not None
        group = found


FOUND = dict(hints())


def test_hints_are_found() -> None:
    assert len(FOUND) > 25


@pytest.mark.parametrize(
    "hint", [*FOUND.values(), *(one.format(portfolio="x") for one in NEXT.values())], ids=[*FOUND, *NEXT]
)
def test_a_hint_is_a_whole_command(hint: str) -> None:
    parse(hint)


@pytest.mark.parametrize("hint", ["run month", "run monitor --portfolio x", "run nothing", "release promote x"])
def test_half_a_command_is_noticed(hint: str) -> None:
    with pytest.raises(USAGE_ERROR):
        parse(hint)


def test_the_month_of_a_hint_is_one_of_which_there_is_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LENDLOOP_HOME", str(tmp_path))
    by_the_clock = last_month("cards")
    assert (by_the_clock + timedelta(days=1)).day == 1
    assert by_the_clock < yesterday() + timedelta(days=1)
    note_ingested(Lake(tmp_path / "lake"), "cards", Ingested("d" * 64, date(2010, 11, 15)))
    assert last_month("cards") == date(2010, 11, 30)
    assert month_command("cards") == "`lendloop run month --portfolio cards --as-of 2010-11-30`"
    note_ingested(Lake(tmp_path / "lake"), "cards", Ingested("d" * 64, yesterday()))
    assert last_month("cards") == by_the_clock
