"""Applications: who asks for what, how, and what nobody but the truth knows about it."""

import numpy as np

from simulation.access.devices import AT_TERMINAL, device_ids, terminal_ids
from simulation.calendar import Day
from simulation.columns import Array, Flags, Floats, Frame, Ints
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.fraud import disguise, intent
from simulation.lending import hazard
from simulation.lending.bureau import report
from simulation.lending.loans import Requests
from simulation.lending.products import AMOUNT, SPREAD, TERM_WEIGHTS, TERMS, instalment_cents, usual_rate
from simulation.money.accounts import account_ids
from simulation.money.merchants import partner_of, shop
from simulation.people.joining import stated_income
from simulation.people.shocks import chance, income_cents
from simulation.process import Events
from simulation.schema.lending import CHANNELS, CHECKS, PURPOSES
from simulation.state import State

MOST = 10_000
"""An application's id is its customer's id times this, plus its number."""
DEMAND_FADES = 0.93
ENQUIRIES_FADE = 0.99
NIGHT = np.array([6, 4, 3, 2, 2, 3, 8, 15, 25, 35, 40, 40, 42, 35, 32, 34, 34, 33, 36, 45, 55, 52, 38, 18], dtype=float)
"""How often people apply by hour of the day."""


class Applications:
    """Asks for credit. More often: the needy, the impulsive, the digital, those whom marketing moved."""

    name = "applications"

    def begin(self, state: State, draws: Draws) -> None:
        """Nothing to remember."""

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """Today's applications with the bureau's answers and identity checks, and the truth about them."""
        pull = without_demand(day, state) + state.finances.demand
        chance = np.where(may_apply(day, state), daily_chance(state, pull) * ~intent.lies_low(state), 0.0)
        urged = intent.urged(day, state, draws) & may_apply(day, state)
        applies = draws.happens(chance, "applications.applies", state.people.id, day.number) | urged
        rows = np.flatnonzero(applies)
        state.finances.demand *= DEMAND_FADES
        state.finances.enquiries *= ENQUIRIES_FADE
        form = _form(day, state, draws, rows)
        truth = _truth(day, state, draws, rows, form)
        state.finances.applied[rows] += 1
        state.finances.enquiries[rows] += 1
        state.requests = state.requests.extended(_request(day, rows, form, truth))
        return {
            "applications": form,
            "bureau": report(day, state, draws, rows, form),
            "signals": _signals(day, state, draws, rows, form),
            "true_applications": truth,
        }


def without_demand(day: Day, state: State) -> Floats:
    """What pulls people to apply, on the log scale, but for what marketing adds."""
    people, finances = state.people, state.finances
    burdened = finances.burden_cents / np.maximum(people.income_cents, 1)
    pull = 0.22 * people.impulsivity - 0.15 * people.ability + 0.2 * people.digital - 1.2 * burdened
    pull += 0.3 * (finances.limit_cents - finances.owed_cents > people.income_cents // 3)
    pull += 0.35 * (finances.shock > 0) + np.log(state.climate.retail) + (0.1 if day.weekday >= 5 else 0.0)
    return np.asarray(pull, dtype=np.float64)


def daily_chance(state: State, pull: Array) -> Floats:
    """Chance to apply on a day."""
    usual = state.scenario.lending.applications_a_month / 30.4
    return np.asarray(usual * np.exp(np.minimum(pull, 3.0)), dtype=np.float64)


def may_apply(day: Day, state: State) -> Flags:
    """Who is a customer, not blocked, and has no open application."""
    open_now = np.zeros(len(state.people), dtype=np.bool_)
    open_now[state.requests.row] = True
    return np.asarray(state.present(day.number) & ~state.finances.blocked & ~open_now, dtype=np.bool_)


def _form(day: Day, state: State, draws: Draws, rows: Ints) -> dict[str, Array]:
    who, ids = state.people.kept(rows), state.people.id[rows]
    purpose = disguise.purposes(day, state, draws, rows, _purpose(day, state, draws, rows))
    term = TERMS[purpose, draws.choice(TERM_WEIGHTS[purpose], "applications.term", ids, day.number)].astype(np.uint8)
    ratio = AMOUNT[purpose] * np.exp(
        SPREAD[purpose] * draws.normal("applications.amount", ids, day.number) + 0.15 * who.impulsivity
    )
    amount = np.clip(np.round(ratio * who.income_cents / 100, -2), 300, 300_000)
    channel = channels(day, state, draws, rows, purpose)
    seconds = moments(day, state, draws, rows)
    merchant = shop(purpose, draws, ids, day.number, state.scenario.money.merchants)
    partner = np.where(
        channel == CHANNELS.code("partner"), partner_of(merchant, purpose, state.scenario.lending.partners), 0
    )
    payee = np.where(purpose == PURPOSES.code("cash"), account_ids(who.payee_seed), merchant)
    own = device_ids(who.device_seed, draws.below(2, "applications.device", ids, day.number))
    at_till = (partner > 0) & draws.happens(AT_TERMINAL, "applications.terminal", ids, day.number)
    debt = state.finances.outside_due_cents[rows] / 100
    careless = np.exp(-0.5 * who.literacy + 0.4 * draws.normal("applications.care", ids, day.number))
    form = {
        "application_id": ids * MOST + state.finances.applied[rows] + 1,
        "customer_id": ids,
        "channel": channel,
        "partner_id": partner.astype(np.int32),
        "merchant_id": np.where(np.isin(purpose, [PURPOSES.code("cash"), PURPOSES.code("business")]), 0, merchant),
        "purpose": purpose,
        "amount": amount,
        "term_months": term,
        "stated_income": stated_income(day, state, draws, rows, "form"),
        "stated_instalments": np.round(debt * np.clip(0.95 + 0.12 * who.willingness, 0.3, 1.1), -1),
        "device_id": np.where(at_till, terminal_ids(draws, partner), own),
        "ip_region": np.where(draws.happens(0.06, "applications.away", ids, day.number),
                              draws.below(10, "applications.ip", ids, day.number), who.region).astype(np.uint8),
        "seconds_on_form": (240 * np.exp(0.5 * draws.normal("applications.form", ids, day.number)
                                         + 0.1 * who.literacy - 0.15 * who.impulsivity)).astype(np.int32),
        "income_edits": draws.poisson(0.25 * np.exp(-0.35 * who.willingness), "applications.edits", ids, day.number),
        "read_terms": draws.happens(1 / (1 + careless * 2), "applications.terms", ids, day.number),
        "address_id": (state.now("address_seed")[rows] >> np.uint64(20)).astype(np.int64),
        "payee_account": payee,
        "event_timestamp": day.at(seconds),
    }  # fmt: skip
    return disguise.disguised(day, state, draws, rows, form)


def _purpose(day: Day, state: State, draws: Draws, rows: Ints) -> Ints:
    who = state.people.kept(rows)
    tastes = [who.taste_shop, who.taste_health, who.taste_study]
    base = np.array([0.42, 0.12, 0.12])
    scenario = [level * np.exp(0.7 * taste) for level, taste in zip(base, tastes, strict=True)]
    cash = 0.36 * np.exp(0.15 * who.impulsivity - 0.1 * who.ability)
    business = np.where(who.kind == 1, 1.6, 0.0)
    weights = np.stack([*scenario, cash, business], axis=1)
    return draws.choice(weights, "applications.purpose", who.id, day.number)


def channels(day: Day, state: State, draws: Draws, rows: Ints, purpose: Ints) -> Array:
    """Where people apply today."""
    digital, ids = state.people.digital[rows], state.people.id[rows]
    at_partner = draws.happens(
        np.where(purpose < PURPOSES.code("cash"), 0.7, 0.0), "applications.partner", ids, day.number
    )
    app = draws.happens(1 / (1 + np.exp(-1.1 - digital)), "applications.app", ids, day.number)
    web = draws.happens(0.7, "applications.web", ids, day.number)
    names = [CHANNELS.code(name) for name in ("partner", "app", "web")]
    channel = np.select([at_partner, app, web], names, CHANNELS.code("branch")).astype(np.uint8)
    return disguise.channels(day, state, draws, rows, channel)


def moments(day: Day, state: State, draws: Draws, rows: Ints) -> Ints:
    """At which second of the day people apply who apply today."""
    ids = state.people.id[rows]
    hour = draws.choice(NIGHT, "applications.hour", ids, day.number)
    usual = hour * 3600 + draws.below(3600, "applications.second", ids, day.number)
    return disguise.seconds(day, state, draws, rows, usual)


def _signals(day: Day, state: State, draws: Draws, rows: Ints, form: dict[str, Array]) -> Frame:
    """Most checks of genuine people pass."""
    checks = np.repeat(np.arange(len(CHECKS), dtype=np.uint8), len(rows))
    application = np.tile(form["application_id"], len(CHECKS))
    pattern = np.tile(disguise.traced(day, state, draws, rows), len(CHECKS))
    score = 1 - np.minimum(0.08 * draws.exponential("signals.score", application, 0, checks.astype(np.int64)), 1)
    score = disguise.signal_scores(draws, pattern, application, checks, score)
    return {
        "application_id": application,
        "customer_id": np.tile(form["customer_id"], len(CHECKS)),
        "check": checks,
        "score": np.round(score, 3),
        "passed": score > 0.6,
        "event_timestamp": np.tile(form["event_timestamp"], len(CHECKS)) + 5_000_000 * (1 + checks.astype(np.int64)),
    }


def _truth(day: Day, state: State, draws: Draws, rows: Ints, form: dict[str, Array]) -> dict[str, Array]:
    who, finances = state.people.kept(rows), state.finances.kept(rows)
    rate = usual_rate(form["purpose"], state.climate.base_rate)
    due = instalment_cents(form["amount"] * 100, rate, form["term_months"])
    own = draws.normal("loans.own", form["application_id"])
    index = loan_index(state, rows, due, own)
    never = intent.defaults_for_sure(day, state, rows, form["term_months"])
    pd = default_chance(day, state, rows, index, form["term_months"])
    ceiling = rate * np.exp(
        0.25 + 0.3 * draws.normal("applications.highest_rate", form["application_id"]) - 0.1 * who.literacy
    )
    return {
        "application_id": form["application_id"],
        "customer_id": who.id,
        "pd": pd,
        "index": index,
        "highest_rate": np.where(never, 9.0, ceiling),
        "income_cents": income_cents(state, rows),
        "intends_to_pay": ~never,
        "shocked": finances.shock > 0,
        "event_timestamp": form["event_timestamp"],
    }


def loan_index(state: State, rows: Ints, due_cents: Array, own: Array) -> Floats:
    """Log-odds of missing an instalment for loans to people, with these instalments on top of all they owe."""
    who, finances, plan = state.people.kept(rows), state.finances.kept(rows), state.scenario.lending
    burden = (finances.burden_cents + finances.outside_due_cents + due_cents) / np.maximum(who.income_cents, 1)
    return hazard.index(plan.miss_index, plan.noise, who.ability, who.willingness, who.impulsivity, burden, own)


def default_chance(day: Day, state: State, rows: Ints, index: Array, term: Array) -> Floats:
    """The true PD of loans with these indices to people."""
    who, finances = state.people.kept(rows), state.finances.kept(rows)
    age = (day.number - who.birth) / 365.25
    begins = chance(age, who.occupation, who.ability, state.climate.job_loss)
    never = intent.defaults_for_sure(day, state, rows, term)
    borrower = hazard.Borrower(index, who.willingness, finances.shock > 0, begins, never)
    return hazard.default_chance(borrower, state.climate.stress, term)


def _request(day: Day, rows: Ints, form: dict[str, Array], truth: dict[str, Array]) -> Requests:
    return Requests(
        id=form["application_id"],
        customer=form["customer_id"],
        row=rows,
        day=np.full(len(rows), day.number),
        purpose=form["purpose"],
        partner=form["partner_id"],
        merchant=form["merchant_id"],
        amount=(form["amount"] * 100).astype(np.int64),
        term=form["term_months"],
        highest_rate=truth["highest_rate"],
        payee=form["payee_account"],
        pd=truth["pd"],
    )
