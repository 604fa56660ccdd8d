"""Every named value that a raw table may have comes, over a small year in which a lender does all that one can do."""

from functools import lru_cache

import polars as pl
import pytest

from benchmarks.lending_world import LendingWorld
from simulation.calendar import Day
from simulation.decisions import Decisions
from simulation.lending.products import usual_rate
from simulation.marketing.campaigns import Campaigns
from simulation.scenarios.scenario import Scenario, load
from simulation.schema import RAW
from simulation.waiting import Waiting
from simulation.world import processes

pytestmark = pytest.mark.long
CUSTOMERS, MONTHS = 1_000, 12
NAMED = [(table.name, column.name) for table in RAW.values() for column in table.columns if column.levels]
ACTIONS = {3: "reminder", 10: "call", 20: "restructure", 50: "visit", 75: "legal"}
"""What is done on which day past due."""


class EveryWay:
    """Approves, declines, leaves unanswered; moves limits and prices, blocks and lets in again, collects, contacts."""

    def __init__(self, scenario: Scenario) -> None:
        self._campaigns = Campaigns(scenario.marketing)
        self._asked = pl.DataFrame(schema={"application_id": pl.Int64, "customer_id": pl.Int64})

    def decide(self, day: Day, waiting: Waiting) -> Decisions:
        """By turns, as ids and the calendar have it."""
        asked, turn = waiting.applications, (pl.col("application_id") + pl.col("customer_id")) % 10
        answers = asked.filter(turn > 0).select("application_id", "customer_id", "amount", approved=turn > 4)
        rates = usual_rate(asked.filter(turn > 0)["purpose"].to_physical().to_numpy(), waiting.base_rate)
        self._asked = pl.concat([self._asked, asked.select(self._asked.columns)]).unique(maintain_order=True)
        return Decisions(
            approvals=answers.with_columns(rate=pl.Series(rates)),
            contacts=self._campaigns.contacts(day, waiting.audience, int(waiting.rules["contact_cap_month"])),
            collections=waiting.late.filter(pl.col("days_past_due").is_in(list(ACTIONS))).select(
                "loan_id", "customer_id", action=pl.col("days_past_due").replace_strict(ACTIONS, return_dtype=pl.String)
            ),
            **(self._monthly(day.month) if day.opens_month else {}),
        )

    def _monthly(self, month: int) -> dict[str, pl.DataFrame]:
        whose = self._asked.filter(pl.col("customer_id") % 7 == month % 7)
        people = whose.select("customer_id").unique(maintain_order=True)
        return {
            "limits": people.with_columns(limit=pl.lit(5_000.0 if month % 2 else 50_000.0)),
            "blocks": people.with_columns(blocked=pl.lit(month % 3 == 0)),
            "prices": whose.select("customer_id", rate=pl.lit(0.12), loan_id="application_id"),
        }


@lru_cache(maxsize=1)
def year() -> LendingWorld:
    """A year with everything in it: a recession, fraud, moves, many debts."""
    scenario = load("perfect_storm")
    world = LendingWorld(CUSTOMERS, scenario, steps=[type(process) for process in processes()])
    return world.run(MONTHS, EveryWay(scenario))


@pytest.mark.parametrize(("table", "column"), NAMED)
def test_every_named_value_comes(table: str, column: str) -> None:
    levels = next(one.levels for one in RAW[table].columns if one.name == column)
    assert levels is not None
    missing = set(levels) - set(year().rows(table)[column].cast(pl.String))
    assert not missing, f"{table}.{column} may be {sorted(missing)}, and never is"
