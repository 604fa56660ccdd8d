"""Publication: figures of the economy in the middle of the next month, rules as they come into force, the truth."""

import numpy as np

from simulation.calendar import Day
from simulation.columns import Frame, Ints
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.economy.path import Climate, climate
from simulation.process import Events
from simulation.state import State

PUBLISHED_ON = 15


class Publication:
    """Written by the part with the first customer only: it is about no customer."""

    name = "publication"

    def begin(self, state: State, draws: Draws) -> None:
        """Nothing to remember."""

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """On the first of a month rules and truth, on the 15th the figures of the month before."""
        if state.people.id[0] != 1:
            return {}
        if day.opens_month:
            return {"true_economy": _truth(day, state.climate), "regulations": _rules(day, state, draws)}
        if day.date.day == PUBLISHED_ON:
            return {"economy": _figures(day, state, draws)}
        return {}


def _figures(day: Day, state: State, draws: Draws) -> Frame:
    ended = Day(day.number - PUBLISHED_ON)
    past = climate(state.scenario, draws, ended)
    values = {
        "base_rate": past.base_rate, "unemployment": past.unemployment, "inflation": past.inflation,
        "house_prices": past.house_prices, "retail_sales": 100 * past.retail,
    }  # fmt: skip
    figures = {name: np.array([round(value, 4)]) for name, value in values.items()}
    return {**figures, "event_timestamp": _noon(ended), "created_timestamp": _noon(day)}


def _truth(day: Day, now: Climate) -> Frame:
    return {
        "stress": np.array([now.stress]), "job_loss": np.array([now.job_loss]), "recession": np.array([now.recession]),
        "event_timestamp": _noon(day),
    }  # fmt: skip


def _rules(day: Day, state: State, draws: Draws) -> Frame:
    opening = day.number == Day.on(state.scenario.start).number
    before = {} if opening else climate(state.scenario, draws, Day(day.number - 1)).rules
    changed = {rule: value for rule, value in state.climate.rules.items() if before.get(rule) != value}
    return {
        "rule": np.array(list(changed), dtype=str),
        "value": np.array(list(changed.values()), dtype=np.float64),
        "event_timestamp": np.repeat(_noon(day), len(changed)),
    }


def _noon(day: Day) -> Ints:
    return day.at(np.array([43_200]))
