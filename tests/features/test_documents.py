"""Files that no one would write by hand are refused as any other, and do not end the process."""

import subprocess
import sys

import pytest

from features.documents import DEEPEST, DocumentError, parse_document
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
