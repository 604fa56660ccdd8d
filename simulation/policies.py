"""Policies that run a world without a lender: each answers what waits, and all meet the same luck."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

import numpy as np
import polars as pl

from simulation.calendar import Day
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.lending.products import usual_rate
from simulation.marketing.campaigns import Campaigns
from simulation.scenarios.scenario import Scenario
from simulation.waiting import Waiting


class Policy(Protocol):
    """Answers at the end of a day; its decisions act on the next."""

    def decide(self, day: Day, waiting: Waiting) -> Decisions:
        """Decide about what waits."""


class Approve:
    """Approves at the usual price of the day whatever `accepts` lets through, and reminds or calls the late."""

    def __init__(self, accepts: Callable[[pl.DataFrame], pl.Series], *, collect: bool = True) -> None:
        self._accepts, self._collect = accepts, collect

    def decide(self, day: Day, waiting: Waiting) -> Decisions:
        """Answer every application, act on loans at fixed days past due."""
        asked = waiting.applications.join(waiting.truth, on="application_id", how="left", maintain_order="left")
        answers = asked.select(
            "application_id", "customer_id", "amount", approved=self._accepts(asked),
            rate=pl.Series(usual_rate(asked["purpose"].to_physical().to_numpy(), waiting.base_rate)),
        )  # fmt: skip
        return Decisions(approvals=answers, **({"collections": _by_lateness(waiting.late)} if self._collect else {}))


ACTIONS = {3: "reminder", 10: "call", 35: "call", 50: "visit", 75: "legal"}
"""What is done on which day past due."""


def _by_lateness(late: pl.DataFrame) -> pl.DataFrame:
    due = late.filter(pl.col("days_past_due").is_in(list(ACTIONS)))
    action = pl.col("days_past_due").replace_strict(ACTIONS, return_dtype=pl.String)
    return due.select("loan_id", "customer_id", action=action)


def approve_all() -> Approve:
    """Every application."""
    return Approve(_all)


def _all(asked: pl.DataFrame) -> pl.Series:
    return pl.Series("approved", np.ones(len(asked), dtype=np.bool_))


def random_approval(share: float = 0.7) -> Approve:
    """A share of the applications, drawn by their ids."""
    luck = Draws(0)
    return Approve(lambda asked: pl.Series(luck.happens(share, "policy.random", asked["application_id"].to_numpy())))


def by_truth(highest_pd: float = 0.08) -> Approve:
    """Applications whose true PD is low enough: what no lender can do, and none can beat."""
    return Approve(lambda asked: asked["pd"] <= highest_pd)


def hands_off() -> Approve:
    """Every application, and nothing is done about the late: what the true PD assumes."""
    return Approve(_all, collect=False)


class WithCampaigns:
    """A policy, and the default contacts beside it."""

    def __init__(self, inner: Policy, campaigns: Campaigns) -> None:
        self._inner, self._campaigns = inner, campaigns

    def decide(self, day: Day, waiting: Waiting) -> Decisions:
        """Decide as before, and contact people."""
        contacts = self._campaigns.contacts(day, waiting.audience, int(waiting.rules["contact_cap_month"]))
        return replace(self._inner.decide(day, waiting), contacts=contacts)


POLICIES: dict[str, Callable[[], Policy]] = {
    "approve_all": approve_all, "random": random_approval, "by_truth": by_truth, "hands_off": hands_off,
}  # fmt: skip
"""By the name that a command gives."""


def chosen(name: str, scenario: Scenario) -> Policy:
    """A policy by its name, with the scenario's contacts; `hands_off` contacts nobody."""
    policy = POLICIES[name]()
    return policy if name == "hands_off" else WithCampaigns(policy, Campaigns(scenario.marketing))
