"""A row of the columns has the bits of the decision that is made alone, as online."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from serving.applications import Application, Applications, Circumstances, Context
from serving.columns import decision_columns
from serving.decide import FeatureRows, decide, late_rows, target
from serving.decisions import Decision
from tests.serving.lender import COLUMNS, customers, release
from tests.serving.test_single import CHANGING, PLAIN, RICH, RULES, SECOND, lender

AT = datetime(2026, 1, 31, tzinfo=UTC)
ROWS = 400


def features(random: np.random.Generator) -> FeatureRows:
    """Customers, some of them with a number that is missing, out of range or old."""
    frame = customers(ROWS, seed=3)
    values = {column.name: frame[column.name].to_list() for column in COLUMNS}
    for row in random.choice(ROWS, 40, replace=False):
        values["tenure"][row] = random.choice([None, float("inf"), float("nan")])
    views = dict.fromkeys(column.view for column in COLUMNS)
    ages = {view: np.where(random.random(ROWS) < 0.1, random.choice([60, -1, np.nan]), 3.0) for view in views}
    return FeatureRows(ROWS, values, ages)


def alone(whole: FeatureRows, row: int) -> FeatureRows:
    values = {name: [column[row]] for name, column in whole.values.items()}
    return FeatureRows(1, values, {view: age[row : row + 1] for view, age in whole.ages.items()}, whole.late)


def listed(random: np.random.Generator) -> frozenset[str]:
    return frozenset({"tax"} if random.random() < 0.1 else ())


def told(decision: Decision) -> dict[str, object]:
    """A decision as a row of the table."""
    terms, change = decision.terms, decision.counter_change
    contributions = terms.contributions if terms else {}
    row: dict[str, object] = {"outcome": decision.outcome, "probability": decision.probability}
    if decision.kind == "risk":
        text = change is not None and isinstance(change.to, str)
        row |= {"score": decision.score, "grade": decision.grade, "limit": decision.limit}
        row |= {"confirmations": decision.confirmations, "counter_offer": decision.counter_offer}
        row["counter_change"] = change and {
            "field": change.field,
            "number": None if text else change.to,
            "text": change.to if text else None,
        }
    return row | {
        "reasons": [{"code": reason.code, "points": reason.points} for reason in decision.reasons],
        "base": terms and terms.base,
        "contributions": [{"code": code, "points": one} for code, one in contributions.items()],
        "other": terms and terms.other,
        "clipped": terms and terms.clipped,
        "problems": [f"{kind} {name}" for kind, names in decision.problems.items() for name in names],
        "open_rules": list(decision.open_rules),
    }


@pytest.mark.parametrize("extra", [PLAIN, RICH, CHANGING, RICH + SECOND], ids=["plain", "rich", "changing", "second"])
@pytest.mark.parametrize("rules", ["", RULES], ids=["few rules", "rules"])
def test_every_row_is_the_decision_made_alone(extra: str, rules: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.scoring.AT_ONCE", 128)
    random, by = np.random.default_rng(5), lender(extra, rules)
    found = features(random)
    asked = [
        Application(amount, str(random.choice(["car", "phone", "property"])), 12, 0.1, 10.0, 900.0, 100.0)
        for amount in random.choice([None, 500.0, 1500.0, 2500.0, 3600.0, 1e8], ROWS)
    ]
    circumstances = [
        Circumstances(bool(random.random() < 0.1), AT.date(), listed(random), {"device": "passed"}, {"few": 2.0})
        for _ in range(ROWS)
    ]
    table = decision_columns(
        decide(by, Applications.of(asked), found, Context.of(circumstances)), "client", pa.array(range(ROWS))
    )
    rows = table.to_pylist()
    assert len({row["outcome"] for row in rows}) == 3 or RICH in extra
    for number, row in enumerate(rows):
        single = decide(by, Applications.of([asked[number]]), alone(found, number), Context.of([circumstances[number]]))
        # As text: equal numbers may still differ in their sign of zero.
        assert repr(row) == repr({"client": number} | told(single.one(0)))


def test_whom_a_campaign_contacts_and_why() -> None:
    found, by = features(np.random.default_rng(6)), release()
    context = Context.of([Circumstances(consented=number % 7 > 0) for number in range(ROWS)])
    rows = decision_columns(target(by, found, context), "client", pa.array(range(ROWS))).to_pylist()
    assert {row["outcome"] for row in rows} == {"contact", "skip"}
    for number, row in enumerate(rows):
        single = target(by, alone(found, number), Context.of([Circumstances(consented=number % 7 > 0)]))
        assert repr(row) == repr({"client": number} | told(single.one(0)))


def test_without_features_nobody_has_a_score() -> None:
    by = lender(PLAIN)
    decisions = decide(by, Applications.of([Application(1.0)] * 3), late_rows(3), Context.of([Circumstances()] * 3))
    rows = decision_columns(decisions, "client", pa.array([1, 2, 3])).to_pylist()
    assert [repr(row) for row in rows] == [repr({"client": n} | told(decisions.one(n - 1))) for n in (1, 2, 3)]
    assert rows[0]["problems"][0] == "late all"
    assert {row["outcome"] for row in rows} == {"review"}
