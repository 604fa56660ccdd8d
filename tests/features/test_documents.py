"""Files are read as they were meant: odd ones are refused by their line, and do not end the process."""

import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from pydantic import Field

from features.documents import DEEPEST, Document, DocumentError, parse_document
from monitoring.spec import MonitoringSpec

DEEP = 50_000


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * DEEP + "]" * DEEP,
        "a: " + "{b: " * DEEP + "1" + "}" * DEEP,
        "a:\n  " + "- " * DEEP + "1",
        "a:\n  " + "? " * DEEP + "1",
        "\n".join(" " * level + "a:" for level in range(DEEPEST + 1)),
        "a: [" + '"]]]]", [' * DEEP + "]" * DEEP,
    ],
    ids=["lists", "mappings", "dashes", "keys", "columns", "brackets in quotes"],
)
def test_a_file_nested_deeply_is_refused_with_its_line(text: str) -> None:
    code = (
        "import sys; from features.documents import *; from monitoring.spec import MonitoringSpec\n"
        "try: parse_document(sys.stdin.read(), MonitoringSpec, 'm.yaml')\n"
        "except DocumentError as error: print(error)"
    )
    found = subprocess.run([sys.executable, "-c", code], input=text, capture_output=True, text=True, check=False)
    assert found.returncode == 0, (found.returncode, found.stderr[-300:])
    assert found.stdout.startswith("m.yaml:")
    assert "not valid YAML: nested too deeply" in found.stdout


def test_a_file_with_many_brackets_beside_each_other_is_read() -> None:
    text = f"watch: [{'{}, ' * (DEEPEST + 1)}]\n"
    with pytest.raises(DocumentError, match=r"watch\.0\.metric"):
        parse_document(text, MonitoringSpec, "m.yaml")


class Inner(Document):
    """Numbers within."""

    steps: tuple[int, ...] = ()


class Outer(Document):
    """A number of every sort."""

    real: float = Field(0, ge=-1e9)
    whole: int | None = None
    by_name: dict[str, float] = Field({})
    inner: Inner | None = None
    either: float | Literal["all"] = 1
    edition: Literal[1, 2] = 2
    flag: bool = False
    text: str = ""
    code: str | int = ""


def read(text: str) -> Outer:
    return parse_document(text, Outer, "o.yaml")


@pytest.mark.parametrize("written", ["no", "yes", "on", "true", '"25"', "0360000", "1:30", "0x1F", "0b11", "007.5"])
@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("real: {}", "real"),
        ("whole: {}", "whole"),
        ("by_name: {{a: 1,\n  b: {}}}", "by_name.b"),
        ("inner:\n  steps: [1,\n    {}]", "inner.steps.1"),
        ("edition: {}", "edition"),
    ],
)
def test_what_is_no_number_is_taken_for_none(written: str, text: str, key: str) -> None:
    with pytest.raises(DocumentError) as found:
        read(text.format(written))
    assert str(found.value).startswith(f"o.yaml:{text.count(chr(10)) + 1}: {key}: Input should be a number, written")
    assert "; found " in str(found.value)


@pytest.mark.parametrize(
    ("written", "expected"),
    [("25", 25), ("-0", 0), ("+7", 7), ("20_000", 20_000), ("1e6", 1e6), ("1.5e-3", 0.0015), (".5", 0.5), ("2.", 2)],
)
def test_numbers_are_read_as_they_are_written(written: str, expected: float) -> None:
    assert read(f"real: {written}").real == expected
    assert read(f"either: {written}").either == expected


def test_words_and_codes_stay_text() -> None:
    read_as: dict[str, Any] = {"no": "no", "on": "on", "NO": "NO", "0360000": "0360000", "1:30": "1:30", "12": 12}
    for written, expected in read_as.items():
        assert read(f"code: {written}").code == expected
    assert read("either: all").either == "all"
    assert [read(f"flag: {written}").flag for written in ("true", "False", "yes", "no")] == [True, False, True, False]


@pytest.mark.parametrize("file", sorted(Path("portfolios").glob("*/*.yaml")), ids=str)
def test_every_file_of_ours_says_what_it_said(file: Path) -> None:
    from features.documents import _loaded

    text = file.read_text(encoding="utf-8")
    assert repr(_loaded(text)[0]) == repr(yaml.safe_load(text))
