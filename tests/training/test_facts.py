from math import isfinite

from tests.training.made_up import AS_OF, COLUMNS, frame, spec
from training.facts import metrics, parameters
from training.train import train


def test_a_report_is_told_in_flat_figures() -> None:
    report = train("risk", spec(), frame(), COLUMNS, ["sex"], AS_OF).report
    found = metrics(report)
    assert found["model.auc"] == report.model.auc.value
    assert found["scorecard.ks"] == report.scorecard.ks
    assert found["fairness.sex.approval_gap.high"] == report.fairness["sex"].approval_gap.high
    assert all(isfinite(value) for value in found.values())
    described = parameters(report)
    assert described["iterations"] == "30"
    assert described["held_out_months"] == "2024-05, 2024-06"
    assert described["inputs_digest"] == report.inputs


def test_a_gap_that_cannot_be_told_is_left_out() -> None:
    report = train(
        "risk", spec(), frame().with_columns(sex=frame()["sex"].replace("m", "f")), COLUMNS, ["sex"], AS_OF
    ).report
    assert not [name for name in metrics(report) if name.startswith("fairness.sex")]
