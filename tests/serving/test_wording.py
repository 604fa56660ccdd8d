from features.documents import parse_document
from serving.policy import Policy
from serving.policy.wording import explained
from tests.serving.lender import POLICY

EXTRA = """
  capacity: {amount: 0.3 * request.monthly_income, because: a third of income}
  price: {ceiling: 0.24, over: decline, required: true}
  purposes: {allowed: [car, study], otherwise: review}
  quotas: [{id: daily, of: amount, each: day, at_most: 5000, purpose: car}]
  lists: {tax: decline}
  signals: [device, liveness]
  two_people: {amount_from: 3000}
  counter_offer: {step: 100, smallest: 200}
  economics: {margin_per_good: 1, loss_per_bad: 8, because: last year's books}
  rules:
    - {id: SPRING, when: request.amount > 9, outcome: decline, en: x, zh: x,
       first_day: 2026-03-01, last_day: 2026-05-31}
"""


def test_every_part_of_a_policy_is_said():
    policy = parse_document(POLICY.replace("\n  rules:\n", EXTRA, 1), Policy, "policy.yaml")
    text = explained(policy)
    for said in (
        "a PD of 20.00% is score 60, and every 12 points halve the odds",
        "Below 30 points it is declined",
        "A: from 80 points, up to 4,000",
        "never above `0.3 * request.monthly_income`",
        "`SPRING`, in force from 2026-03-01 up to and including 2026-05-31",
        "`VERY_LATE`, always in force: where `feature.late_streak >= 7`, it is declined",
        "on list `tax` is declined",
        "Without a passed device, liveness check",
        "lent only for car, study; anything else goes to a person",
        "at most 24.00% a year",
        "at most 5,000 of money approved for car each day",
        "two different people where the score is below 40 or missing or for 3,000 and more",
        "in steps of 100, at least 200",
        "likelier than 30.0%",
        "no bill to pay: payment_ratio",
    ):
        assert said in text
