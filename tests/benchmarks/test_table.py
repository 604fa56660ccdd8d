"""README's table of figures says what the results say."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from benchmarks.benches import BENCHES
from benchmarks.figures import Line
from benchmarks.table import BEGIN, END, ROOT, caption, lines, rendered, replaced

FIRST = Line("a read", "≤ 1 ms", "0.5 ms", "2 ms", "0.1 ms", True)
SECOND = Line("a write", "≥ 10/s", "9/s", "–", "12/s", False)


def test_readme_has_what_the_results_say() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert lines(), "no results were found"
    assert readme == replaced(readme, f"{rendered(lines())}\n\n{caption()}"), (
        "README.md: run `python -m benchmarks.table`"
    )
    assert len(readme.splitlines()) < 150


def test_lines_come_in_the_order_of_the_benchmarks_and_a_missed_goal_says_so(tmp_path: Path) -> None:
    last, first = BENCHES[-1].results[-1], BENCHES[0].results[0]
    for name, line in ((last, SECOND), (first, FIRST)):
        (tmp_path / f"{name}.json").write_text(json.dumps({"lines": [asdict(line)]}))
    assert lines(tmp_path) == [FIRST, SECOND]
    assert rendered(lines(tmp_path)).splitlines()[2:] == [
        "| a read | ≤ 1 ms | 0.5 ms | 2 ms | 0.1 ms |",
        "| a write | ≥ 10/s | 9/s, **missed** | – | 12/s |",
    ]


def test_the_caption_says_how_busy_the_machine_was(tmp_path: Path) -> None:
    about = {"cores": 2, "processor": "A", "memory_gib": 8.0}
    for name, more in ((BENCHES[0].results[0], {"load_before": 0.24}), (BENCHES[-1].results[-1], {"load_before": 9.0})):
        kept = {"machine": {**about, **more, "date": "2026-01-02"}, "lines": []}
        (tmp_path / f"{name}.json").write_text(json.dumps(kept))
    assert caption(tmp_path) == "Measured 2026-01-02 on 2 cores of A, 8.0 GiB; load before: 0.2 to 9.0."


def test_the_caption_knows_the_parts_that_were_measured_in_other_runs(tmp_path: Path) -> None:
    """Sizes that stand from an earlier run took on the day and load of the last one."""
    whole = {"cores": 2, "processor": "A", "memory_gib": 8.0, "load_before": 1.0, "date": "2026-02-03"}
    sizes = [{"machine": {"load_before": 7.0, "date": "2026-01-02"}}, {"customers": 1}]
    for name, parts in ((BENCHES[0].results[0], sizes), (BENCHES[-1].results[-1], {"1 row": sizes[0]})):
        (tmp_path / f"{name}.json").write_text(json.dumps({"machine": whole, "sizes": parts, "lines": []}))
    assert caption(tmp_path) == ("Measured 2026-01-02 to 2026-02-03 on 2 cores of A, 8.0 GiB; load before: 1.0 to 7.0.")


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    readme = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert replaced(readme, "new") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"
    with pytest.raises(ValueError, match="expected both"):
        replaced("no marks", "new")
