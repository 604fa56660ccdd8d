"""docs/scale.md says what the results say."""

import pytest

from benchmarks.pages import filled
from benchmarks.scale_plan import ROOT, tables


def test_the_page_has_what_the_results_say() -> None:
    assert all(len(table.splitlines()) > 3 for table in tables().values()), "a result is missing"
    page = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    assert page == filled(page, tables()), "docs/scale.md: run `python -m benchmarks.scale_plan`"


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    page = "before\n<!-- one -->\nold\n<!-- /one -->\nbetween\n<!-- two -->\n<!-- /two -->\nafter\n"
    told = filled(page, {"one": "new", "two": "more"})
    assert told == page.replace("old", "new").replace("<!-- two -->", "<!-- two -->\nmore")
    with pytest.raises(ValueError, match="found no <!-- three --> … <!-- /three -->"):
        filled(page, {"three": "new"})
