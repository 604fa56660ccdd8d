"""What waits for the lender: open applications and late loans; and the truth, for policies that may know it."""

from dataclasses import dataclass

import polars as pl

from simulation.calendar import Day
from simulation.economy.path import rules_on
from simulation.lending import book
from simulation.marketing.contacts import Contacts
from simulation.schema.lending import PURPOSES, STATES
from simulation.state import State


@dataclass(frozen=True)
class Waiting:
    """`applications`, `late` and `audience` are what a lender sees; `truth` has the PD of each application."""

    applications: pl.DataFrame
    late: pl.DataFrame
    audience: pl.DataFrame
    """Customers who have agreed to be contacted and have not had enough since."""
    truth: pl.DataFrame
    base_rate: float
    """The central bank's rate, which everybody knows."""
    rules: dict[str, float]
    """Rules in force tomorrow, when decisions act, by name."""


def waiting(state: State, day: Day) -> Waiting:
    """What waits at the end of a day."""
    requests, loans = state.requests, state.loans
    days_late = book.days_past_due(loans, day.number)
    late = pl.DataFrame({
        "loan_id": loans.id, "customer_id": loans.customer, "days_past_due": days_late,
        "state": pl.Series(loans.state).cat.to(pl.Enum(STATES)), "outstanding": loans.outstanding / 100,
    })  # fmt: skip
    applications = pl.DataFrame({
        "application_id": requests.id, "customer_id": requests.customer, "day": requests.day,
        "purpose": pl.Series(requests.purpose).cat.to(pl.Enum(PURPOSES)), "amount": requests.amount / 100,
        "term_months": requests.term,
    })  # fmt: skip
    truth = pl.DataFrame({"application_id": requests.id, "pd": requests.pd})
    left = state.own.get(Contacts.name, {}).get("left", ~state.people.consents)
    willing = state.present(day.number) & ~left & ~state.finances.blocked
    audience = pl.DataFrame({"customer_id": state.people.id[willing]})
    rules = rules_on(state.scenario, Day(day.number + 1))
    return Waiting(
        applications, late.filter(pl.col("days_past_due") > 0), audience, truth, state.climate.base_rate, rules
    )


def together(parts: list[Waiting]) -> Waiting:
    """What waits in several parts of the people."""
    names = ("applications", "late", "audience", "truth")
    frames = {name: pl.concat([getattr(part, name) for part in parts]) for name in names}
    return Waiting(**frames, base_rate=parts[0].base_rate, rules=parts[0].rules)
