"""A batch is decided, row by row, as its requests would be one after the other: quotas included."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from serving.applications import Application, Applications, Circumstances, Context
from serving.decide import FeatureRows, decide
from serving.decisions import Decision
from serving.money import money
from serving.policy import Quota
from serving.single import decide_single
from tests.serving.lender import Release
from tests.serving.test_decide import good, rows
from tests.serving.test_single import SAFE, lender

QUOTAS = """
  capacity: {amount: 5 * request.monthly_income, because: a test}
  counter_offer: {step: 100, smallest: 200}
  quotas:
    - {id: few, of: approvals, each: day, at_most: 4}
    - {id: cars, of: approvals, each: month, at_most: 2, purpose: car}
    - {id: money, of: amount, each: month, at_most: 3000.3}
    - {id: phones, of: amount, each: day, at_most: 700, purpose: phone}"""
RISKY = {"late_streak": 9.0, "utilisation": 3.0, "payment_ratio": 0.1, "tenure": 1.0}

applications = st.builds(
    Application,
    amount=st.sampled_from([None, 0.1, 0.2, 100.0, 333.33, 700.0, 1000.1, 2000.0, 9e9]),
    purpose=st.sampled_from(["car", "phone", None]),
    monthly_income=st.sampled_from([None, 20.0, 66.67, 900.0]),
)
asked = st.lists(st.tuples(st.sampled_from([good(), SAFE, RISKY]), applications), min_size=2, max_size=12)
begun = st.fixed_dictionaries(
    {"few": st.sampled_from([0.0, 3.0]), "money": st.sampled_from([0.0, 0.3, 2500.0])},
    optional={"cars": st.sampled_from([0.0, 1.0, 2.0]), "phones": st.sampled_from([0.0, 600.0])},
)


def takes(quota: Quota, one: Application, decision: Decision) -> float:
    """What the log would count an answer as."""
    if decision.outcome != "approve" or quota.purpose not in (None, one.purpose):
        return 0.0
    granted = decision.limit if one.amount is None else one.amount
    return float(granted or 0.0) if quota.of == "amount" else 1.0


def one_by_one(
    by: Release, customers: Sequence[dict[str, float]], asked: Sequence[Application], used: dict[str, float]
) -> list[tuple[Decision, dict[str, float]]]:
    assert by.policy.risk is not None
    found, taken = [], dict.fromkeys(used, 0.0)
    for customer, one in zip(customers, asked, strict=True):
        now = {name: money(value + taken[name]) for name, value in used.items()}
        circumstances = Circumstances(used=now)
        decision = decide_single(by, one, rows(customer), circumstances) or decide(
            by, Applications.of([one]), rows(customer), Context.of([circumstances])
        ).one(0)
        found.append((decision, now))
        for quota in by.policy.risk.quotas:
            if quota.id in taken:
                taken[quota.id] += takes(quota, one, decision)
    return found


SMALL = Application(100.0, "car", monthly_income=900.0)


@settings(max_examples=80, deadline=None)
@given(asked=asked, used=begun)
@example([(good(), SMALL)] * 6, {"few": 0.0, "money": 0.0, "cars": 0.0, "phones": 0.0})
@example([(good(), replace(SMALL, purpose=None))] * 6, {"few": 0.0, "money": 0.0})
@example([(good(), replace(SMALL, amount=2000.0))] * 3, {"few": 0.0, "money": 0.0, "cars": 0.0})
def test_a_batch_uses_up_quotas_as_requests_one_after_the_other(asked, used):
    by, customers, wanted = lender(QUOTAS), [who for who, _ in asked], [what for _, what in asked]
    features: FeatureRows = rows(*customers)
    context = Context.of([Circumstances(used=used)] * len(asked))
    together = decide(by, Applications.of(wanted), features, context, in_turn=True)
    expected = one_by_one(by, customers, wanted, used)
    event(f"{sum(one.outcome == 'approve' for one, _ in expected)} approved")
    assert together.used == [now for _, now in expected]
    for row, (decision, _) in enumerate(expected):
        assert repr(together.one(row)) == repr(decision)


def test_what_was_logged_is_decided_again_by_what_it_found_used():
    by, used = lender(QUOTAS), {"few": 3.0, "money": 0.0, "cars": 0.0, "phones": 0.0}
    context = Context.of([Circumstances(used=used)] * 3)
    again = decide(by, Applications.of([SMALL] * 3), rows(*[good()] * 3), context)
    assert again.outcome.tolist() == ["approve"] * 3
    assert again.used == [used] * 3
