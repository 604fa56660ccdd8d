from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest

from features.profiles import make_profile
from monitoring.facts import complete
from monitoring.metric import Metric, to_frame
from monitoring.month import Month, monthly
from tests.monitoring.months import AS_OF, COLUMNS, OBSERVED, RELEASE, SPEC, decided, month_inputs, population


def one(month: Month, name: str, segment: str = "") -> Metric:
    found = month.facts.find(name, segment)
    assert found is not None, f"{name} {segment} is not among {[row.label for row in month.rows]}"
    return found


def test_a_steady_month_is_ok_and_complete() -> None:
    month = monthly(month_inputs())
    assert month.verdict.level == "ok"
    assert month.verdict.level == "ok"
    assert one(month, "decisions").value == 2000
    assert one(month, "feature_psi", "utilisation").level == "ok"
    assert abs(one(month, "observed_to_predicted").value - 1) < 0.15
    assert one(month, "auc").low < one(month, "auc").value < one(month, "auc").high
    assert one(month, "matured_share").value == 1
    assert {row.segment for row in month.facts.named("selection_rate")} == {"sex=1", "sex=2"}
    assert month.facts.absent == {}
    assert complete(month.facts) is month.facts


def test_the_same_inputs_give_the_same_rows() -> None:
    assert monthly(month_inputs()) == monthly(month_inputs())


def test_a_shifted_population_is_red_and_pauses() -> None:
    month = monthly(month_inputs(shift=1.5))
    assert one(month, "score_psi").level == "red"
    assert one(month, "feature_psi", "utilisation").level == "orange"
    assert one(month, "feature_psi", "segment").level == "ok"
    assert month.verdict.level == "red"
    assert month.verdict.told == ("risk-officer",)


def test_a_frozen_model_is_measured_but_pauses_nobody() -> None:
    month = monthly(month_inputs(shift=1.5, role="frozen"))
    assert month.facts.level == "red"
    assert month.verdict.level == "ok"
    assert {row.role for row in month.rows} == {"frozen"}


def test_lasting_drift_is_raised_by_history() -> None:
    first = monthly(
        month_inputs(shift=0.4, as_of=date(2005, 6, 30), decisions=decided(population(2000, 2, 0.4), OBSERVED))
    )
    assert one(first, "feature_psi", "utilisation").level == "yellow"
    second = monthly(month_inputs(shift=0.4, history=to_frame(first.rows)))
    assert one(second, "feature_psi", "utilisation").level == "orange"


def test_before_labels_are_known_performance_is_absent_with_the_reason() -> None:
    inputs = month_inputs()
    month = monthly(replace(inputs, as_of=AS_OF - timedelta(days=1)))
    assert month.facts.find("auc") is None
    assert month.facts.absent["auc"] == "no label of a decision became known this month"
    assert month.facts.calibration == ()
    assert complete(month.facts)


def test_one_class_only_has_no_auc_but_a_rate() -> None:
    inputs = month_inputs()
    month = monthly(replace(inputs, labels=inputs.labels.with_columns(label=pl.lit(0, pl.Int8))))
    assert month.facts.find("auc") is None
    assert month.facts.absent["auc"] == "all 2,000 matured decisions have the same label"
    assert one(month, "observed_rate").value == 0
    assert one(month, "observed_to_predicted").level == "yellow"


def test_an_empty_month_is_said_to_be_empty() -> None:
    inputs = month_inputs()
    month = monthly(
        replace(
            inputs,
            decisions=inputs.decisions.clear(),
            population=inputs.population.clear(),
            labels=inputs.labels.clear(),
            groups=inputs.groups.clear(),
            arrived=inputs.arrived.clear(),
        )
    )
    assert [row.label for row in month.rows] == ["decisions"]
    assert {watch.name for watch in SPEC.watch} <= set(month.facts.absent)
    assert complete(month.facts)


def test_a_column_of_nothing_but_missing_values_is_missing_not_drifted() -> None:
    inputs = month_inputs()
    rows = inputs.population.with_columns(utilisation=pl.lit(None, pl.Float64))
    month = monthly(replace(inputs, population=rows))
    assert month.facts.find("feature_psi", "utilisation") is None
    assert one(month, "missing_rise", "utilisation").value == 1
    assert one(month, "missing_rise", "utilisation").level == "orange"
    assert one(month, "missing_share", "utilisation").value == 1


def test_a_history_that_fills_gaps_is_no_drift() -> None:
    inputs = month_inputs()
    half = pl.when(pl.int_range(pl.len()) % 2 == 0).then("utilisation")
    reference = make_profile(population(4000, 1).with_columns(utilisation=half), COLUMNS)
    month = monthly(replace(inputs, profile=reference))
    assert one(month, "feature_psi", "utilisation").level == "ok"
    assert one(month, "missing_rise", "utilisation").value == -0.5
    assert month.verdict.level == "ok"


def test_a_portfolio_without_groups_says_so() -> None:
    inputs = month_inputs()
    month = monthly(replace(inputs, groups=inputs.groups.select("customer_id")))
    assert month.facts.absent["selection_gap"] == "no groups are named in models.yaml"
    assert complete(month.facts)


def test_figures_of_matured_decisions_bear_the_release_that_made_them() -> None:
    inputs = month_inputs()
    mixed = inputs.decisions.with_columns(
        release=pl.when(pl.int_range(pl.len()) < 1500).then(pl.lit("b" * 64)).otherwise(pl.lit(RELEASE))
    )
    found = one(monthly(replace(inputs, decisions=mixed)), "auc")
    assert found.release == "b" * 64
    assert found.note == "also release aaaaaaaa (500)"


@pytest.mark.parametrize("kind", ["risk", "propensity"])
def test_every_outcome_has_a_share(kind: str) -> None:
    month = monthly(month_inputs(kind=kind))
    shares = {row.segment for row in month.facts.named("outcome_share")}
    assert shares == ({"approve", "review", "decline"} if kind == "risk" else {"contact", "skip"})
