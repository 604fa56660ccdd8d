"""The tables of docs/speed.md are worked out of the results."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmarks.pages import RESULTS
from benchmarks.speed_tables import speed_tables

MACHINE = {"date": "2026-01-02", "load_before": 0.44}
FOUND: dict[str, dict[str, Any]] = {
    "online_reads": {
        "machine": MACHINE,
        "calls": 7,
        "rounds": 3,
        "Redis": {"ours": {"p50_ms": 0.124}, "bare": {"p50_ms": 0.05}},
        "SQLite": {"ours": {"p50_ms": 1.0}},
    },
    "materialize": {
        "machine": MACHINE,
        "rows": 1000,
        "rounds": 3,
        "float32": {"floor": 100.0, "Feast's local engine": 10.0, "Feast's local engine, newest event wins": 5.0},
    },
    "training_sets": {
        "machine": MACHINE,
        "observations": 1000,
        "rounds": 3,
        "1 view": {"bare DuckDB ASOF": 2.0, "ours": 1.0},
        "observations lost, 1 view": {"ours": 1},
        "2 views": {"bare DuckDB ASOF": 4.0, "ours": 5.0},
    },
    "training_sets_large": {
        "machine": MACHINE,
        "observations": 1000,
        "rounds": 3,
        "2 views": {"bare DuckDB ASOF": 4.0, "ours": 5.0},
        "peak_gib": {"2 views": {"bare DuckDB ASOF": 2.0, "ours": 1.0}},
        "unfinished": {"2 views": {"theirs": {"seconds": 3, "why": "ended after 3 s, as it was late"}}},
    },
    "retrain_overhead": {
        "machine": MACHINE,
        "sizes": {
            "small": {
                "rows": 10,
                "trees": 1,
                "seconds": 2.0,
                "fitting_seconds": 1.0,
                "overhead": 1.0,
                "processor_overhead": 0.5,
                "peak_mib": 1024,
            },
            "large": {
                "rows": 1000,
                "trees": 1,
                "seconds": 11.0,
                "fitting_seconds": 10.0,
                "overhead": 0.1,
                "processor_overhead": 0.05,
                "peak_mib": 2048,
                "machine": {"date": "2026-01-03", "load_before": 2.0},
                "rounds": [
                    {"overhead": 0.1, "processor_overhead": 0.05},
                    {"overhead": 0.3, "processor_overhead": 0.04},
                    {"overhead": 0.08, "processor_overhead": 0.06},
                ],
            },
        },
    },
}
TABLES = {
    "online_reads": [
        "|  | Redis, ms | SQLite, ms |",
        "| --- | --- | --- |",
        "| ours | 0.12 | 1.00 |",
        "| bare | 0.05 |  |",
        "",
        "p50 of 7 reads, medians of 3 rounds (2026-01-02, load before 0.4).",
    ],
    "materialize": [
        "|  | float32, rows/s | of the floor | × Feast's |",
        "| --- | --- | --- | --- |",
        "| floor | 100 | 1.00 | 10.0 |",
        "| Feast's local engine | 10 | 0.10 | 1.0 |",
        "| Feast's local engine, newest event wins | 5 | 0.05 | 1.0 |",
        "",
        "1,000 rows, medians of 3 rounds (2026-01-02, load before 0.4).",
    ],
    "training_sets": [
        "|  | 1 view, s | of bare DuckDB | 2 views, s | of bare DuckDB |",
        "| --- | --- | --- | --- | --- |",
        "| bare DuckDB ASOF | 2.00 | 1.00 | 4.00 | 1.00 |",
        "| ours | 1.00 | 0.50 | 5.00 | 1.25 |",
        "",
        "1,000 observations, medians of 3 rounds (2026-01-02, load before 0.4).",
    ],
    "training_sets_large": [
        "|  | 2 views, s | of bare DuckDB | most memory, GiB |",
        "| --- | --- | --- | --- |",
        "| bare DuckDB ASOF | 4 | 1.00 | 2.0 |",
        "| ours | 5 | 1.25 | 1.0 |",
        "",
        "1,000 observations, medians of 3 rounds (Feast's store: one) (2026-01-02, load before 0.4).",
        "theirs, 2 views: ended after 3 s, as it was late.",
    ],
    "retrain_overhead": [
        "|  | whole flow, s | its fits, s | over them | in processor seconds | most memory, GiB |",
        "| --- | --- | --- | --- | --- | --- |",
        "| 1,000 rows, 1 trees | 11.0 | 10.0 | 10.0% (8.0% to 30.0%) | 5.0% (4.0% to 6.0%) | 2.0 |",
        "| 10 rows, 1 trees | 2.0 | 1.0 | 100.0% | 50.0% | 1.0 |",
        "",
        "one round each (2026-01-03 and 2026-01-02, load before 2.0, 0.4).",
    ],
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_worked_out_of_its_results(name: str, tmp_path: Path) -> None:
    shutil.copytree(RESULTS, tmp_path, dirs_exist_ok=True)
    (tmp_path / f"{name}.json").write_text(json.dumps(FOUND[name]))
    assert speed_tables(tmp_path)[name].splitlines() == TABLES[name]


def test_contenders_are_told_beside_their_peers(tmp_path: Path) -> None:
    rates = {"(a) peer": 10.0, "(b) floor": 40.0, "(c) floor": 20.0, "(c') floor": 30.0, "ours": 20.0}
    paces = {"half": {"p50": 1.04, "p99": 9.96}}
    contenders = {name: {"peak": {"rate": rate, "cpu": 1.005}, **paces} for name, rate in rates.items()}
    found = {"machine": MACHINE, "rounds": 2, "seconds": 3.0, "contenders": contenders}
    shutil.copytree(RESULTS, tmp_path, dirs_exist_ok=True)
    (tmp_path / "serving.json").write_text(json.dumps(found))
    *_, ours, _, told = speed_tables(tmp_path)["serving"].splitlines()
    assert ours == "| ours | 20 | 2.00 | 0.50 | 1.00 | 0.67 | 1.00 | 1.0, 10.0 |"
    assert told == "medians of 2 rounds of 3 s (2026-01-02, load before 0.4)."
