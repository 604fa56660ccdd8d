"""The economy's path: a function of the scenario, the seed and the month; nobody in the world moves it."""

from dataclasses import dataclass

import numpy as np

from simulation.calendar import Day
from simulation.draws import Draws
from simulation.scenarios.scenario import Scenario

STRESS_A_POINT = 0.14
"""Log-odds of missing an instalment, for each point of unemployment above the usual."""
STRESS_A_RATE_POINT = 0.04
JOB_LOSS = 0.009
"""Chance a month of losing one's job or business at the usual unemployment."""
RETAIL = (0.95, 0.88, 0.97, 0.97, 1.0, 1.01, 0.98, 0.98, 1.0, 1.03, 1.12, 1.25)
"""Seasonal index of retail sales, January first."""
RULES = {"rate_cap": 0.36, "contact_cap_month": 30.0}
"""Rules in force where the scenario has no other."""


@dataclass(frozen=True)
class Climate:
    """A month's economy, and the rules in force."""

    base_rate: float
    unemployment: float
    inflation: float
    house_prices: float
    retail: float
    stress: float
    job_loss: float
    recession: bool
    rules: dict[str, float]


def climate(scenario: Scenario, draws: Draws, day: Day) -> Climate:
    """The economy in the month of a day."""
    month = day.month - Day.on(scenario.start).month
    plan = scenario.economy
    depth = _recession(scenario, month)
    unemployment = plan.unemployment + depth + 0.001 * _noise(draws, "economy.unemployment", day)
    base_rate = plan.base_rate + _rate_shock(scenario, month) - 0.25 * depth
    retail = RETAIL[day.date.month - 1] * (1 - 2 * depth)
    return Climate(
        base_rate=round(base_rate, 4),
        unemployment=round(unemployment, 4),
        inflation=round(plan.inflation - 0.2 * depth + 0.001 * _noise(draws, "economy.inflation", day), 4),
        house_prices=round(100 * (1 + 0.002 * month) * (1 - 1.5 * depth), 2),
        retail=retail,
        stress=stress(scenario, base_rate, plan.unemployment + depth),
        job_loss=JOB_LOSS * (plan.unemployment + 1.5 * depth) / plan.unemployment,
        recession=depth > 0,
        rules=rules_on(scenario, day),
    )


def stress(scenario: Scenario, base_rate: float, unemployment: float) -> float:
    """What the economy adds to everyone's log-odds of missing an instalment."""
    plan = scenario.economy
    by_work = STRESS_A_POINT * 100 * (unemployment - plan.unemployment)
    return by_work + STRESS_A_RATE_POINT * 100 * max(0.0, base_rate - plan.base_rate)


def _recession(scenario: Scenario, month: int) -> float:
    """Points of unemployment above the usual: up in a third of the time, down in the rest."""
    recession = scenario.economy.recession
    if recession is None:
        return 0.0
    along = (month - recession.month + 1) / recession.months
    return recession.depth * float(np.interp(along, [0, 1 / 3, 2 / 3, 1.4], [0, 1, 1, 0]))


def _rate_shock(scenario: Scenario, month: int) -> float:
    shock = scenario.economy.rate_shock
    return shock.points / 100 if shock and month >= shock.month else 0.0


def rules_on(scenario: Scenario, day: Day) -> dict[str, float]:
    """Rules in force on a day."""
    month = day.month - Day.on(scenario.start).month
    changed: dict[str, float] = {
        rule.rule: rule.value for rule in sorted(scenario.rules, key=lambda r: r.month) if rule.month <= month
    }
    return {**RULES, **changed}


def _noise(draws: Draws, stream: str, day: Day) -> float:
    return float(draws.normal(stream, np.array([day.month]))[0])
