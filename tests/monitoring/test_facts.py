import json
from pathlib import Path

import pytest

from monitoring.facts import MissingFact, complete, from_json, to_json, write
from monitoring.month import monthly
from tests.monitoring.months import month_inputs


def test_json_comes_back_the_same_and_writes_the_same_bytes() -> None:
    facts = monthly(month_inputs()).facts
    text = to_json(facts)
    assert from_json(text) == facts
    assert to_json(from_json(text)) == text
    assert json.loads(text)["schema_version"] == 1


def test_every_number_has_its_release_and_date() -> None:
    for row in json.loads(to_json(monthly(month_inputs()).facts))["metrics"]:
        assert row["release"]
        assert row["as_of"] == "2005-07-31"


@pytest.mark.parametrize("key", ["release", "run", "metrics", "calibration", "score", "absent"])
def test_a_fact_left_out_of_the_json_is_refused(key: str) -> None:
    content = json.loads(to_json(monthly(month_inputs()).facts))
    del content[key]
    with pytest.raises(MissingFact, match=key):
        from_json(json.dumps(content))


@pytest.mark.parametrize("key", ["value", "low", "n"])
def test_a_none_in_a_metric_is_refused(key: str) -> None:
    content = json.loads(to_json(monthly(month_inputs()).facts))
    content["metrics"][3][key] = None
    with pytest.raises(MissingFact, match=rf"metrics\.3\.{key}"):
        from_json(json.dumps(content))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"run": ""}, "run is empty"),
        ({"metrics": ()}, "no metric at all"),
        ({"score": None}, "score is missing"),
        ({"calibration": ()}, "calibration is missing"),
        ({"features": {}}, "distribution of feature utilisation is missing"),
    ],
)
def test_an_incomplete_month_is_refused(changed: dict[str, object], message: str) -> None:
    with pytest.raises(MissingFact, match=message):
        complete(monthly(month_inputs()).facts.model_copy(update=changed))


def test_a_watch_without_a_number_or_a_reason_is_refused() -> None:
    facts = monthly(month_inputs()).facts
    without = tuple(row for row in facts.metrics if row.name != "auc")
    with pytest.raises(MissingFact, match="auc is watched but was neither measured nor said to be absent"):
        complete(facts.model_copy(update={"metrics": without}))


def test_write_leaves_nothing_partial(tmp_path: Path) -> None:
    path = write("whole", tmp_path / "new" / "report.json")
    assert path.read_text() == "whole"
    assert [found.name for found in path.parent.iterdir()] == ["report.json"]
