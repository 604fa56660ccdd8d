"""README's table of figures says what the results say."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from benchmarks import (
    batch_decisions,
    features_scale,
    materialize,
    online_reads,
    retrain_overhead,
    scale_tables,
    shap,
    training_sets,
)
from benchmarks.benches import BENCHES
from benchmarks.figures import Line
from benchmarks.machine import describe
from benchmarks.pages import RESULTS, filled
from benchmarks.serving import verdicts
from benchmarks.table import ROOT, caption, lines, pages, rendered

FIRST = Line("a read", "≤ 1 ms", "0.5 ms", "2 ms", "0.1 ms", True)
SECOND = Line("a write", "≥ 10/s", "9/s", "–", "12/s", False)
NAMES = [name for bench in BENCHES for name in bench.results]
TOLD: dict[str, Callable[[dict[str, Any]], list[Line]]] = {
    "serving": lambda found: verdicts.lines(found["contenders"], not found["faults"]),
    "online_reads": online_reads.lines,
    "shap": lambda found: [shap.line(found)],
    "materialize": materialize.lines,
    "training_sets": lambda found: training_sets.lines(found, found["observations"]),
    "training_sets_large": lambda found: training_sets.lines(found, found["observations"]),
    "batch_decisions": batch_decisions.lines,
    "features_scale": lambda found: features_scale.lines(found["sizes"], found["exponent"]),
    "retrain_overhead": lambda found: retrain_overhead.lines(found["sizes"]),
    "scale_tables": lambda found: [scale_tables.line(found)],
}
"""What each benchmark says of the figures in its file."""


def kept(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_has_its_result_and_says_on_what_it_was_measured(name: str) -> None:
    """A missing file would take its goal out of README."""
    assert describe().keys() <= kept(name)["machine"].keys()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_told_and_whether_a_goal_was_reached_follow_from_the_figures(name: str) -> None:
    found = kept(name)
    assert [asdict(line) for line in TOLD[name](found)] == found["lines"]
    assert found["lines"]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_a_page_has_what_the_results_say(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == filled(text, pages()[page]), f"{page}: run `python -m benchmarks.table`"


def test_readme_is_short() -> None:
    assert lines(), "no results were found"
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150


def test_a_retrain_says_how_its_fits_were_timed() -> None:
    found = {"rows": 10**6, "trees": 9, "seconds": 12.0, "fitting_seconds": 10.0, "overhead": 0.2, "fits": [{}]}
    told = retrain_overhead.lines({"in the flow": found, "alone": {**found, "bare": [{}]}})
    assert [line.floor for line in told] == ["10 s, its 1 fits inside the flow", "10 s, its 1 fits alone"]


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


def test_the_caption_names_every_machine_and_no_range_where_there_is_none(tmp_path: Path) -> None:
    for name, cores in ((BENCHES[0].results[0], 2), (BENCHES[-1].results[-1], 8)):
        about = {"cores": cores, "processor": "A", "memory_gib": 8.0, "load_before": 0.5, "date": "2026-01-02"}
        (tmp_path / f"{name}.json").write_text(json.dumps({"machine": about, "lines": []}))
    assert caption(tmp_path) == (
        "Measured 2026-01-02 on 2 cores of A, 8.0 GiB and on 8 cores of A, 8.0 GiB; load before: 0.5."
    )


def test_the_caption_knows_the_parts_that_were_measured_in_other_runs(tmp_path: Path) -> None:
    """Sizes that stand from an earlier run took on the day and load of the last one."""
    whole = {"cores": 2, "processor": "A", "memory_gib": 8.0, "load_before": 1.0, "date": "2026-02-03"}
    sizes = [{"machine": {"load_before": 7.0, "date": "2026-01-02"}}, {"customers": 1}]
    for name, parts in ((BENCHES[0].results[0], sizes), (BENCHES[-1].results[-1], {"1 row": sizes[0]})):
        (tmp_path / f"{name}.json").write_text(json.dumps({"machine": whole, "sizes": parts, "lines": []}))
    assert caption(tmp_path) == ("Measured 2026-01-02 to 2026-02-03 on 2 cores of A, 8.0 GiB; load before: 1.0 to 7.0.")
