"""The credit bureau: what other lenders saw of a person, with gaps and noise."""

import numpy as np

from simulation.calendar import Day
from simulation.columns import Array, Frame, Ints
from simulation.draws import Draws
from simulation.fraud.disguise import thinned
from simulation.state import State

QUARTER = 91


def report(day: Day, state: State, draws: Draws, rows: Ints, form: dict[str, Array]) -> Frame:
    """The bureau's answers. Its noise is a person's own and lasts a quarter: asking twice tells nothing new."""
    who, finances = state.people.kept(rows), state.finances.kept(rows)
    quarter = day.number // QUARTER
    age = (day.number - who.birth) / 365.25
    found = draws.happens(np.clip(0.55 + (age - 20) / 25, 0.55, 0.97), "bureau.found", who.id)
    months = np.round(12 * np.clip(age - 19, 0.2, 25) * draws.uniform("bureau.months", who.id))
    late_mean = 0.28 * np.exp(-0.75 * who.willingness - 0.45 * who.ability)
    late_30 = draws.poisson(late_mean, "bureau.late", who.id, quarter) + np.minimum(finances.times_late, 6)
    late_90 = draws.uniform("bureau.late_90", who.id[:, None] * 16 + np.arange(12), quarter) < 0.22
    late_90 = (late_90 & (np.arange(12) < late_30[:, None])).sum(axis=1)
    use = 1 / (
        1 + np.exp(0.5 + 0.7 * who.ability - 0.5 * who.impulsivity - 0.8 * draws.normal("bureau.use", who.id, quarter))
    )
    score = (
        640
        + 38 * who.ability
        + 44 * who.willingness
        - 28 * late_30
        + 56 * draws.normal("bureau.score", who.id, quarter)
    )
    accounts = draws.poisson(1.2 + 0.4 * np.exp(0.3 * who.impulsivity), "bureau.accounts", who.id, quarter)
    usual = np.exp(0.35 * who.impulsivity - 0.25 * who.ability)
    lately = np.round(finances.enquiries) + draws.poisson(0.5 * usual, "bureau.enquiries", who.id, quarter)
    before = np.round(0.5 * finances.enquiries) + draws.poisson(1.1 * usual, "bureau.enquiries_12m", who.id, quarter)
    numbers: dict[str, Array] = {
        "bureau_score": np.clip(np.round(score), 300, 900),
        "months_on_file": months,
        "open_accounts": accounts,
        "outside_debt": finances.outside_debt_cents / 100,
        "outside_instalments": finances.outside_due_cents / 100,
        "card_utilisation": np.where(accounts > 0, np.round(use, 3), 0.0),
        "enquiries_3m": lately,
        "enquiries_12m": lately + before,
        "late_30_24m": late_30,
        "late_90_24m": late_90,
        "months_since_late": np.where(late_30 > 0, 1 + draws.below(24, "bureau.since", who.id, quarter), np.nan),
        "has_mortgage": (who.housing == 2).astype(np.int64),
    }  # fmt: skip
    answer = {
        "application_id": form["application_id"],
        "customer_id": who.id,
        "found": found,
        **{name: np.where(found, values, np.nan) for name, values in numbers.items()},
        "event_timestamp": form["event_timestamp"] + 2_000_000,
    }
    return thinned(day, state, draws, rows, answer)
