"""Champion and challenger on the same decisions, against a plain computation."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from monitoring.facts import from_json, to_json
from monitoring.metric import Metric
from monitoring.month import monthly
from monitoring.pairs import pair
from monitoring.reports.content import sections
from monitoring.trial import TrialFacts
from monitoring.trial_month import TriedMonth, tried_month
from tests.monitoring.months import AS_OF, OBSERVED, RELEASE
from tests.monitoring.trials import CHALLENGER, tried

INPUTS, SHADOW = tried()


def the_month() -> TriedMonth:
    found = tried_month(INPUTS, SHADOW)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def facts() -> TrialFacts:
    return the_month().facts(INPUTS, ("2005-07-12: error_rate: it failed",))


def plain(role: str) -> pl.DataFrame:
    """The word of one side on each decision, whoever made it."""
    release = RELEASE if role == "champion" else CHALLENGER
    names = ["decision_id", "release", "outcome", "probability", "score"]
    both = pl.concat([INPUTS.decisions.select(names), SHADOW.select(names)])
    return both.filter(pl.col("release") == release).sort("decision_id")


def test_each_side_has_its_word_on_each_decision_whoever_answered() -> None:
    pairs = pair(INPUTS.decisions, SHADOW)
    assert pairs is not None
    assert (len(pairs), pairs.releases, pairs.answered, pairs.left_out) == (2000, (RELEASE, CHALLENGER), 100, 0)
    for side, frame in (("champion", pairs.champion), ("challenger", pairs.challenger)):
        assert frame.sort("decision_id").select(plain(side).columns).equals(plain(side))
    assert pairs.champion["decision_id"].equals(pairs.challenger["decision_id"])


def test_only_one_pair_of_releases_is_compared_and_the_rest_is_counted() -> None:
    other = SHADOW.with_columns(
        release=pl.when(pl.col("decision_id").is_in(["d500", "d501"])).then(pl.lit("e" * 64)).otherwise("release")
    )
    pairs = pair(INPUTS.decisions, other)
    assert pairs is not None
    assert (len(pairs), pairs.left_out) == (1998, 2)
    assert pair(INPUTS.decisions, SHADOW.clear()) is None
    assert tried_month(INPUTS, SHADOW.clear()) is None


def test_movement_and_differences_are_those_of_a_plain_count(facts: TrialFacts) -> None:
    before, after = plain("champion"), plain("challenger")
    for one in facts.moves:
        assert one.decisions == ((before["outcome"] == one.before) & (after["outcome"] == one.after)).sum()
    assert sum(one.decisions for one in facts.moves) == facts.decisions == 2000
    gained = (after["outcome"] == "approve").mean() - (before["outcome"] == "approve").mean()  # type: ignore[operator]
    assert facts.approved.change == pytest.approx(gained)
    assert facts.approved.low < gained < facts.approved.high
    difference = (after["score"] - before["score"]).to_numpy()
    assert facts.mean_difference == pytest.approx(difference.mean())
    found = {one.label: one.decisions for one in facts.differences}
    assert found["+2 to +5"] == ((difference >= 2) & (difference < 5)).sum()
    assert sum(found.values()) == 2000


def test_psi_is_that_of_the_formula_on_ten_equal_bins(facts: TrialFacts) -> None:
    before, after = plain("champion")["probability"].to_numpy(), plain("challenger")["probability"].to_numpy()
    cuts = np.quantile(before, np.arange(1, 10) / 10, method="inverted_cdf")
    p, q = ((np.bincount(np.searchsorted(cuts, x, side="right"), minlength=10) + 0.5) / 2005 for x in (after, before))
    assert facts.psi == pytest.approx(np.sum((p - q) * np.log(p / q)))


def test_who_was_right_is_told_once_labels_are_known(facts: TrialFacts) -> None:
    labels = INPUTS.labels.with_columns(decision_id=pl.format("d{}", pl.col("customer_id")))
    known = labels.join(plain("challenger"), on="decision_id").sort("customer_id")
    auc = roc_auc_score(known["label"], known["probability"])
    found = {(one.name, one.segment): one for one in facts.figures}
    assert facts.matured == 2000
    assert found["auc", ""].challenger.value == pytest.approx(auc)
    assert found["auc", ""].challenger.low < auc < found["auc", ""].challenger.high
    assert found["predicted_rate", ""].challenger.value == pytest.approx(known["probability"].mean())
    assert found["observed_rate", ""].challenger == found["observed_rate", ""].champion
    assert ("selection_gap", "sex") in found
    # Their scores rank alike, so that neither gains, exactly.
    assert facts.auc_gain is not None
    assert facts.auc_gain.value == pytest.approx(0, abs=1e-12)

    early = replace(INPUTS, as_of=AS_OF - timedelta(days=1))
    before = tried_month(early, SHADOW)
    assert before is not None
    assert before.facts(early).auc_gain is None
    assert before.facts(early).matured == 0


def test_the_metrics_table_has_rows_of_the_challenger(facts: TrialFacts) -> None:
    rows = the_month().rows(INPUTS, facts, "run-8", INPUTS.score_profile)
    assert {row.role for row in rows} == {"challenger"}
    named: dict[tuple[str, str], Metric] = {(row.name, row.segment): row for row in rows}
    assert named["decisions", ""].value == 2000
    assert named["auc", ""].release == CHALLENGER
    assert named["approval_change", ""].value == pytest.approx(facts.approved.change)
    assert named["psi_to_champion", ""].value == facts.psi
    assert not [row for row in rows if row.name == "feature_psi"]


def test_the_report_shows_it_and_its_json_holds_it(facts: TrialFacts) -> None:
    month = monthly(INPUTS).facts.model_copy(update={"trial": facts})
    titles = [section.title for section in sections(month)]
    for title in ("Challenger beside the champion", "What both decide", "How far the scores differ", "Figures of both"):
        assert title in titles
    text = str([section.params for section in sections(month)])
    assert "Stopped by the service itself" in text
    assert from_json(to_json(month)).trial == facts
    assert "Figures of both" not in [section.title for section in sections(monthly(INPUTS).facts)]


def test_a_trial_whose_decisions_mature_later_is_told_then() -> None:
    later = INPUTS.decisions.with_columns(
        decided_at=pl.lit(OBSERVED - timedelta(days=5)).cast(pl.Datetime("us", "UTC"))
    )
    seen = INPUTS.observations.with_columns(event_timestamp=pl.lit(OBSERVED - timedelta(days=6)))
    labels = INPUTS.labels.with_columns(event_timestamp=pl.lit(OBSERVED - timedelta(days=6)))
    inputs = replace(INPUTS, decisions=later, observations=seen, labels=labels)
    found = tried_month(inputs, SHADOW)
    assert found is not None
    facts = found.facts(inputs)
    assert (facts.decisions, facts.matured, facts.psi) == (0, 2000, None)
    month = monthly(inputs).facts.model_copy(update={"trial": facts})
    assert "Figures of both" in [section.title for section in sections(month)]
    assert found.rows(inputs, facts, "run-8", inputs.score_profile)
