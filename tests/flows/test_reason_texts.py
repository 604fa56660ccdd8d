"""Every code that a portfolio that ships can give has a text of its own in English and in Chinese."""

import pytest

from features.portfolio import list_portfolios
from flows.workspace import open_workspace
from infra.settings import Settings
from serving.policy import Policy
from serving.reasons import CAUSES
from tests.serving.languages import CHINESE, speaks_both

SHIPPED = list_portfolios(Settings(_env_file=None).portfolios)


def test_every_cause_of_the_platform_speaks_both() -> None:
    assert all(speaks_both(cause) and not CHINESE.search(cause.en) for cause in CAUSES.values())


@pytest.mark.parametrize("name", SHIPPED)
def test_every_reason_and_rule_of_a_portfolio_speaks_both(name: str) -> None:
    policy = open_workspace(name).policy
    told = [*policy.reasons.values(), *(policy.risk.rules if policy.risk else ())]
    assert len({one.en for one in told}) == len({one.zh for one in told}) == len(told) > 0
    assert all(speaks_both(one) and not CHINESE.search(one.en) for one in told)


def test_four_reasons_are_told_unless_a_policy_says_otherwise() -> None:
    assert Policy.model_fields["reasons_shown"].default == 4
    assert {open_workspace(name).policy.reasons_shown for name in SHIPPED} == {4}
