import numpy as np
import pytest
from pydantic import ValidationError

from serving.rules import Condition, Rule, fire

VALUES = np.array([1.0, 2.0, 3.0, np.nan])


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"above": 2}, [False, False, True, False]),
        ({"at_least": 2}, [False, True, True, False]),
        ({"below": 2}, [True, False, False, False]),
        ({"at_most": 2}, [True, True, False, False]),
        ({"above": 1, "below": 3}, [False, True, False, False]),
    ],
)
def test_a_condition_holds_within_its_limits_and_never_for_a_missing_value(limits, expected):
    assert Condition(subject="feature.late", **limits).holds(VALUES).tolist() == expected


def test_a_condition_without_a_comparison_is_refused():
    with pytest.raises(ValidationError, match="compares with nothing"):
        Condition(subject="request.amount")


def test_rules_fire_each_on_its_own_subject():
    rules = tuple(
        Rule(id=name, when=Condition(subject=subject, above=1.5), outcome="review", en="x", zh="x")
        for name, subject in (("A", "request.amount"), ("B", "feature.late"))
    )
    fired = fire(rules, {"request.amount": VALUES, "feature.late": -VALUES})
    assert [flags.tolist() for flags in fired] == [[False, True, True, False], [False] * 4]
