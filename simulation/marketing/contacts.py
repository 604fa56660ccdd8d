"""Contacts: those that the lender decides on, what they cost, what people do about them, and their true effect."""

from dataclasses import dataclass, fields

import numpy as np

from simulation.calendar import Day
from simulation.columns import Array, Flags, Floats, Frame, Ints
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.lending import book
from simulation.lending.applications import DEMAND_FADES, daily_chance, without_demand
from simulation.marketing import effects
from simulation.marketing.complaints import complaint_rows
from simulation.marketing.patterns import steady_demand
from simulation.process import Events, merged
from simulation.schema.behaviour import COMPLAINTS_ABOUT, OFFERS, RESPONSES
from simulation.state import State

WINDOW = 14
"""Days within which an application counts as a contact's."""
FATIGUE_FADES = 0.975
OPENS, CLICKS = 0.2, -1.0
"""Log-odds of opening, and then of clicking, for someone whom the contact does not move."""
LEAVES, GRUMBLES = 0.003, 0.0012
"""Chance to unsubscribe and to complain, when not tired; both rise with fatigue."""
HELP_PUSH = 0.35
"""What an offer of help adds to the log of the rate at which a late borrower catches up."""
DAY_S = 86_400


@dataclass(frozen=True)
class _Contacts:
    """Today's contacts as arrays."""

    id: Ints
    row: Ints
    campaign: Array
    channel: Array
    offer: Array
    held_out: Flags
    refused: Flags
    delivered: Flags
    added: Floats
    tired: Floats


class Contacts:
    """Makes contacts before people decide whether to apply."""

    name = "contacts"

    def begin(self, state: State, draws: Draws) -> None:
        """Nobody is tired, nobody has left, nothing was clicked; nobody had a contact this month."""
        empty = np.zeros(len(state.people), dtype=np.int64)
        state.own[self.name] = {
            "fatigue": empty.astype(np.float64), "left": ~state.people.consents, "clicked": empty,
            "clicked_on": empty.copy(), "bundle": empty.copy(), "this_month": empty.copy(),
        }  # fmt: skip

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """Today's contacts: demand and fatigue rise, responses come in."""
        own = state.own[self.name]
        own["fatigue"] *= FATIGUE_FADES
        if day.opens_month:
            own["this_month"][:] = 0
        if len(decisions.contacts) == 0:
            return {}
        made = _made(day, state, draws, decisions, own)
        truth = _truth(day, state, _without_refused(made))
        sent = made.row[made.delivered]
        np.add.at(state.finances.demand, sent, made.added[made.delivered])
        np.add.at(own["fatigue"], sent, state.scenario.marketing.fatigue)
        own["fatigue"][:] = np.minimum(own["fatigue"], 1.0)
        _help(state, made)
        raw: Events = {"contacts": _rows(day, made, state), "true_contacts": truth}
        return merged([raw, _responses(day, state, draws, made, own)])


def _made(day: Day, state: State, draws: Draws, decisions: Decisions, own: dict[str, Array]) -> _Contacts:
    """Contacts to customers; one to somebody who is not one yet is not made, nor one more than the rule allows."""
    frame = decisions.contacts
    rows = state.rows(frame["customer_id"].to_numpy())
    here = np.flatnonzero(state.present(day.number)[rows])
    rows, ids = rows[here], frame["contact_id"].to_numpy()[here]
    channel, offer = (frame[name].to_physical().to_numpy()[here].astype(np.int64) for name in ("channel", "offer"))
    held_out, tired = frame["held_out"].to_numpy()[here], own["fatigue"][rows]
    refused = _refused(state, own["this_month"], rows)
    arrives = draws.happens(effects.DELIVERED[channel], "contacts.delivered", ids)
    added = effects.demand(state.scenario.marketing.effect, draws, state.people.kept(rows), offer, channel, tired)
    added += state.scenario.marketing.effect * effects.UNWANTED * own["left"][rows]
    campaign = frame["campaign_id"].to_numpy()[here]
    arrives &= ~held_out & ~refused
    return _Contacts(ids, rows, campaign, channel, offer, held_out, refused, arrives, added, tired)


def _refused(state: State, this_month: Ints, rows: Ints) -> Flags:
    """Which contacts are beyond the month's cap, in the order given; a hold-out takes the place it stands for."""
    order = np.argsort(rows, kind="stable")
    place = np.empty(len(rows), dtype=np.int64)
    place[order] = np.arange(len(rows)) - np.searchsorted(rows[order], rows[order])
    refused = this_month[rows] + place >= state.climate.rules["contact_cap_month"]
    np.add.at(this_month, rows[~refused], 1)
    return np.asarray(refused, dtype=np.bool_)


def _without_refused(made: _Contacts) -> _Contacts:
    """What was not made has no effect, and is none that was held out."""
    return _Contacts(**{field.name: getattr(made, field.name)[~made.refused] for field in fields(made)})


def _rows(day: Day, made: _Contacts, state: State) -> Frame:
    return {
        "contact_id": made.id,
        "customer_id": state.people.id[made.row],
        "campaign_id": made.campaign,
        "channel": made.channel,
        "offer": made.offer,
        "held_out": made.held_out,
        "refused": made.refused,
        "cost": np.where(made.held_out | made.refused, 0.0, effects.COST[made.channel]),
        "delivered": made.delivered,
        "event_timestamp": day.at(_second(made)),
    }


def _second(made: _Contacts) -> Ints:
    """Contacts are made between nine and half past seven."""
    return 32_400 + made.id * 7_919 % 37_800


def _truth(day: Day, state: State, made: _Contacts) -> Frame:
    """Chances to apply within two weeks: without the contact, and with it, counting that it may not arrive."""
    pull, finances = without_demand(day, state)[made.row], state.finances
    steady = steady_demand(state, day.number)[made.row]
    other = finances.demand[made.row] - steady
    without = chance_within(state, pull + steady, other, WINDOW)
    reached = chance_within(state, pull + steady, other + made.added, WINDOW)
    arrives = effects.DELIVERED[made.channel]
    return {
        "contact_id": made.id,
        "customer_id": state.people.id[made.row],
        "channel": made.channel,
        "offer": made.offer,
        "chance_without": without,
        "chance_with": arrives * reached + (1 - arrives) * without,
        "fatigue": made.tired,
        "event_timestamp": day.at(_second(made)),
    }


def chance_within(state: State, pull: Array, demand: Array, days: int) -> Floats:
    """Chance to apply at least once in so many days, while the demand fades."""
    none: Floats = np.ones(len(pull))
    for along in range(days):
        none = none * (1 - daily_chance(state, pull + demand * DEMAND_FADES**along))
    return 1 - none


def _help(state: State, made: _Contacts) -> None:
    """Late borrowers who are offered help catch up sooner."""
    helped = np.zeros(len(state.people), dtype=np.bool_)
    helped[made.row[made.delivered & (made.offer == OFFERS.code("repayment_help"))]] = True
    loans = state.loans
    late = helped[loans.row] & (loans.billed > loans.paid) & (loans.state != book.WRITTEN_OFF)
    loans.push[late] = np.minimum(loans.push[late] + HELP_PUSH, 1.5)


def _responses(day: Day, state: State, draws: Draws, made: _Contacts, own: dict[str, Array]) -> Events:
    """Opening and clicking go with the effect; leaving and complaining with fatigue and with not having agreed."""
    move, ids = made.added, made.id
    opened = made.delivered & draws.happens(_odds(OPENS + 1.2 * move), "contacts.opened", ids)
    clicked = opened & draws.happens(_odds(CLICKS + 1.6 * move), "contacts.clicked", ids)
    angry = 1 + 12 * made.tired**2 + 8 * own["left"][made.row]
    leaves = made.delivered & draws.happens(LEAVES * angry, "contacts.leaves", ids)
    grumbles = made.delivered & draws.happens(
        GRUMBLES * angry * state.scenario.marketing.complaints, "contacts.grumbles", ids
    )
    own["clicked"][made.row[clicked]], own["clicked_on"][made.row[clicked]] = ids[clicked], day.number
    own["left"][made.row[leaves]] = True
    bundle = clicked & (made.offer == OFFERS.code("wealth_bundle"))
    own["bundle"][made.row[bundle]] = ids[bundle]
    after = (3_600 * draws.exponential("contacts.after", ids)).astype(np.int64)
    cases = {"opened": (opened, after), "clicked": (clicked, after + 60), "unsubscribed": (leaves, after + 90),
             "complained": (grumbles, after + 7_200)}  # fmt: skip
    parts = [_response(day, state, made, *case, RESPONSES.code(name)) for name, case in cases.items()]
    return merged([{"responses": part} for part in parts] + [_complaints(day, state, draws, made, grumbles, after)])


def _response(day: Day, state: State, made: _Contacts, who: Flags, after: Ints, code: int) -> Frame:
    at = np.flatnonzero(who)
    return {
        "contact_id": made.id[at],
        "customer_id": state.people.id[made.row[at]],
        "response": np.full(len(at), code, dtype=np.uint8),
        "event_timestamp": day.at(np.minimum(_second(made) + after, DAY_S - 1)[at]),
    }


def _complaints(day: Day, state: State, draws: Draws, made: _Contacts, grumbles: Flags, after: Ints) -> Events:
    at = np.flatnonzero(grumbles)
    about = np.full(len(at), COMPLAINTS_ABOUT.code("contact_frequency"))
    seconds = np.minimum(_second(made) + after + 7_200, DAY_S - 1)[at]
    return {"complaints": complaint_rows(day, state, draws, made.row[at], about, seconds, 1)}


def _odds(log_odds: Array) -> Floats:
    return np.asarray(1 / (1 + np.exp(-log_odds)), dtype=np.float64)
