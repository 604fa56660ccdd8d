"""Reasons of releases made at random: their terms add up, nothing protected is in them, and nobody is left without."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.documents import parse_document
from serving.applications import Applications, Context
from serving.decide import decide, target
from serving.decisions import Decision
from serving.policy import Policy
from serving.reasons import CAUSES
from serving.scoring import LoadedModel, load_model
from tests.serving.lender import COLUMNS, NUMERIC, POLICY, Release, fit
from tests.serving.test_decide import rows, usable
from tests.serving.test_reasons import applications, circumstances
from training.score import Calibration

HEAD = POLICY.partition("reasons:\n")[0]
CODES = ("FIRST", "SECOND", "THIRD", "FOURTH", "FIFTH", "SIXTH")
SHOWN = 4
fits = st.sampled_from([(NUMERIC, 0, 2, 4), (COLUMNS, 1, 2, 3), (COLUMNS, 2, 4, 2), (COLUMNS, 3, 10, 1)])
calibrations = st.builds(Calibration, slope=st.floats(0.2, 3), intercept=st.floats(-2, 2))
owners = st.lists(st.sampled_from([*CODES, None]), min_size=len(COLUMNS), max_size=len(COLUMNS))


@cache
def fitted(columns: tuple, seed: int, one_hot: int, depth: int) -> bytes:
    return fit(columns, seed, one_hot, depth)


def grouped(owner: list[str | None]) -> Policy:
    """The policy with the inputs in these codes; those of None are in no code, and `reasons_shown` is the default."""
    names = [column.name for column in COLUMNS]
    codes = {code: [name for name, of in zip(names, owner, strict=True) if of == code] for code in CODES}
    lines = [f"  {code}: {{features: {found}, en: Of {code}, zh: 因素}}" for code, found in codes.items() if found]
    return parse_document(HEAD + "reasons:" + ("\n" + "\n".join(lines) if lines else " {}"), Policy, "policy.yaml")


def loaded(kind: str, policy: Policy, how: tuple, calibration: Calibration) -> LoadedModel:
    return load_model(kind, kind, "late", fitted(*how), how[0], calibration, policy)


def check(decision: Decision, sum_to: float | None, policy: Policy, columns: tuple) -> None:
    """What holds for the reasons of every decision."""
    scored = {column.name for column in columns}
    rules = {rule.id for rule in policy.risk.rules} if policy.risk else set()
    assert decision.reasons or decision.outcome in ("approve", "contact")
    moved = [reason for reason in decision.reasons if reason.points is not None]
    for reason in decision.reasons:
        of_model = reason in moved
        assert of_model or reason.code in CAUSES or reason.code in rules
        # A code is told only where the model reads some of its features: then it has points of its own.
        assert not of_model or scored.intersection(policy.reasons[reason.code].features)
    assert len(moved) <= SHOWN
    if decision.terms is None:
        assert decision.score is None
        return
    assert len(decision.terms.contributions) <= SHOWN
    assert set(decision.terms.contributions) <= set(policy.reasons)
    assert {reason.code: reason.points for reason in moved}.items() <= decision.terms.contributions.items()
    assert sum_to is not None
    assert decision.terms.total == pytest.approx(sum_to, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    fits, calibrations, owners, st.lists(st.tuples(usable, applications, circumstances), min_size=1, max_size=4)
)  # fmt: skip
def test_terms_sum_to_the_score_and_reasons_are_of_what_was_scored(how, calibration, owner, drawn):
    policy = grouped(owner)
    model = loaded("risk", policy, how, calibration)
    features = rows(*(row for row, _, _ in drawn))
    asked, context = Applications.of([one for _, one, _ in drawn]), Context.of([one for _, _, one in drawn])
    made = decide(Release("a" * 64, policy, {"risk": model}), asked, features, context)
    for row in range(len(drawn)):
        decision = made.one(row)
        check(decision, decision.score, policy, how[0])
        if decision.terms is not None:
            # `other` is every code that is not named, and the inputs of none.
            named = set(decision.terms.contributions)
            rest = sum(made.points[row][place] for place, code in enumerate(model.codes) if code not in named)
            assert decision.terms.other == pytest.approx(rest + made.points[row][len(model.codes) :].sum(), abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(fits, calibrations, owners, st.lists(st.tuples(usable, circumstances), min_size=1, max_size=4))
def test_of_a_propensity_they_sum_to_the_calibrated_log_odds(how, calibration, owner, drawn):
    policy = grouped(owner)
    release = Release("a" * 64, policy, {"propensity": loaded("propensity", policy, how, calibration)})
    made = target(release, rows(*(row for row, _ in drawn)), Context.of([one for _, one in drawn]))
    for row in range(len(drawn)):
        decision = made.one(row)
        odds = (
            None if decision.probability is None else float(np.log(decision.probability / (1 - decision.probability)))
        )
        check(decision, odds, policy, how[0])
