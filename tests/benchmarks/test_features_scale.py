"""Growth is told of sizes that were measured in one run."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import features_scale
from benchmarks.features_scale import exponent, together


def run(second: float, *customers: int) -> list[dict[str, Any]]:
    """Sizes measured on a machine where a row takes so many seconds."""
    return [{"customers": one, "rows": one, "processor_seconds": second * one} for one in customers]


def test_a_shorter_run_on_a_faster_machine_leaves_the_growth_as_it_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features_scale, "RESULTS", tmp_path / "scale.json")
    far, shorter = run(2.0, 10, 1000), run(1.0, 10, 30)
    first = together(far, exponent(far))
    assert first == {"sizes": far, "exponent": pytest.approx(1)}
    features_scale.RESULTS.write_text(json.dumps(first))
    again = together(shorter, exponent(shorter))
    assert (again["sizes"], again["exponent"]) == (far, pytest.approx(1))
    assert again["shorter"]["sizes"] == shorter
    features_scale.RESULTS.write_text(json.dumps(again))
    further = run(1.0, 10, 1000)
    assert together(further, exponent(further)) == {"sizes": further, "exponent": pytest.approx(1)}
