from pathlib import Path

import pytest

from features.documents import DocumentError, parse_document
from monitoring.spec import MonitoringSpec, read_monitoring

FOLDER = Path(__file__).parents[2] / "portfolios"
LEAST = "watch:\n  - {metric: auc, side: below, yellow: 0.7}\n"


@pytest.mark.parametrize("name", ["taiwan_cards", "bank_deposits"])
def test_the_portfolios_files_are_read(name: str) -> None:
    spec = read_monitoring(FOLDER / name / "monitoring.yaml")
    watched = {watch.metric for watch in spec.watch}
    assert {"feature_psi", "score_psi", "auc", "observed_to_predicted", "selection_gap", "stale_share"} <= watched
    assert any(watch.red is not None for watch in spec.watch)
    assert spec.told_of("red")
    assert spec.told_of("ok") == ()


def test_the_least_file() -> None:
    (watch,) = parse_document(LEAST, MonitoringSpec, "m.yaml").watch
    assert (watch.period, watch.evidence, watch.persistence.orange, watch.persistence.red) == (
        "month",
        "value",
        2,
        None,
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("watch: []\n", "m.yaml:1: watch"),
        (LEAST.replace("auc", "auk"), "m.yaml:2: watch.0.metric"),
        (LEAST.replace("0.7}", "0.7, orange: 0.8}"), "ever more severe"),
        (LEAST.replace("below, yellow: 0.7", "outside, yellow: 0.7"), "a ratio over 1"),
        (LEAST + "  - {metric: auc, side: below, yellow: 0.6}\n", "watched twice"),
        (LEAST.replace("}", ", sevre: 1}"), "m.yaml:2: watch.0.sevre"),
    ],
)
def test_faults_are_named_with_file_line_and_key(text: str, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        parse_document(text, MonitoringSpec, "m.yaml")


def test_a_watch_of_one_segment_goes_before_one_of_all() -> None:
    text = LEAST + "  - {metric: feature_psi, side: above, yellow: 0.1}\n"
    text += "  - {metric: feature_psi, segment: age, side: above, yellow: 0.3}\n"
    spec = parse_document(text, MonitoringSpec, "m.yaml")
    for segment, yellow in (("age", 0.3), ("job", 0.1)):
        found = spec.watch_of("feature_psi", segment, "month")
        assert found is not None
        assert found.yellow == yellow
    assert spec.watch_of("feature_psi", "age", "day") is None
