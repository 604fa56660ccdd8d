"""Income and what repeats: salaries, benefits, takings, bills, debts elsewhere, savings, friends."""

from dataclasses import dataclass

import numpy as np

from simulation.calendar import Day
from simulation.columns import Array, Flags, Ints
from simulation.draws import Draws
from simulation.money.accounts import account_ids, creditors
from simulation.people.joining import FREELANCE
from simulation.people.shocks import income_cents
from simulation.people.traits import FRIENDS
from simulation.schema.customers import HOUSING, OCCUPATIONS
from simulation.schema.money import Kind, Party, Way
from simulation.schema.truth import SHOCKS
from simulation.state import State

EMPLOYERS = 5_000
EMPLOYER_BASE, STATE_ACCOUNT, BILLER_BASE = 20_000_000_000, 30_000_000_000, 50_000_000_000
"""Ids of parties that are neither customers nor merchants."""
MACHINES = 500
TAKINGS_A_DAY = 0.25


@dataclass(frozen=True)
class Bill:
    """A bill that comes every month; `share` of the income, for those who have it."""

    name: str
    share: float
    chance: float
    mcc: int


BILLS = (
    Bill("housing", 0.21, 0.9, 6513), Bill("electricity", 0.025, 0.95, 4900), Bill("phone", 0.012, 0.98, 4814),
    Bill("insurance", 0.03, 0.45, 6300), Bill("streaming", 0.004, 0.5, 4899),
)  # fmt: skip


def post(day: Day, state: State, draws: Draws, bill_days: Array) -> None:
    """Post all of a day's repeated movements."""
    here = state.present(day.number)
    _incomes(day, state, draws, here)
    for place, bill in enumerate(BILLS):
        _bill(day, state, draws, bill, np.flatnonzero(here & (bill_days[place] == day.date.day)), place)
    _debts(state, draws, np.flatnonzero(here & ((state.people.payday % 28) + 1 == day.date.day)))
    _savings(day, state, draws, here)
    _friends(day, state, draws, here)


def _incomes(day: Day, state: State, draws: Draws, here: Flags) -> None:
    people, ids = state.people, state.people.id
    freelance = FREELANCE[people.occupation]
    paid = here & (people.payday == day.date.day) & ~freelance
    takes = here & freelance & draws.happens(TAKINGS_A_DAY, "income.takes", ids, day.number)
    benefit = (people.occupation == OCCUPATIONS.code("retired")) | (state.finances.shock == SHOCKS.code("job_loss"))
    _credit(day, state, draws, np.flatnonzero(paid & ~benefit), Kind.SALARY, 1.0, 0.03)
    _credit(day, state, draws, np.flatnonzero(paid & benefit), Kind.BENEFIT, 1.0, 0.0)
    _credit(day, state, draws, np.flatnonzero(takes), Kind.BUSINESS_INCOME, 1 / (30.4 * TAKINGS_A_DAY), 0.5)


def _credit(day: Day, state: State, draws: Draws, rows: Ints, kind: Kind, share: float, spread: float) -> None:
    ids = state.people.id[rows]
    noise = np.exp(spread * draws.normal("income.amount", ids, day.number) - spread**2 / 2)
    party = {Kind.SALARY: Party.EMPLOYER, Kind.BENEFIT: Party.STATE}.get(kind, Party.OUTSIDE_ACCOUNT)
    payers = {
        Party.EMPLOYER: EMPLOYER_BASE + draws.below(EMPLOYERS, "income.employer", ids),
        Party.STATE: np.full(len(rows), STATE_ACCOUNT),
    }.get(party, account_ids(draws.words("income.client", ids, day.number)))
    state.postings.post(
        rows, np.round(income_cents(state, rows) * share * noise), kind=kind, party=party, party_id=payers,
        seconds=21_600 + draws.below(14_400, "income.second", ids, day.number), way=Way.TRANSFER,
    )  # fmt: skip


def _bill(day: Day, state: State, draws: Draws, bill: Bill, rows: Ints, place: int) -> None:
    """Housing costs those nothing who own or live with family."""
    if bill.name == "housing":
        rows = rows[np.isin(state.people.housing[rows], [HOUSING.code("rent"), HOUSING.code("mortgage")])]
    ids = state.people.id[rows]
    amount = (
        state.people.income_cents[rows]
        * bill.share
        * np.exp(0.15 * draws.normal("bills.amount", ids, day.month, place))
    )
    state.postings.post(
        rows, -np.ceil(amount), kind=Kind.BILL, party=Party.MERCHANT, party_id=BILLER_BASE + place * 1000 + ids % 40,
        seconds=10_800 + draws.below(7_200, "bills.second", ids, day.number, place), way=Way.DIRECT_DEBIT, mcc=bill.mcc,
    )  # fmt: skip


def _debts(state: State, draws: Draws, rows: Ints) -> None:
    rows = rows[state.finances.outside_due_cents[rows] > 0]
    state.postings.post(
        rows, -state.finances.outside_due_cents[rows], kind=Kind.OUTSIDE_PAYMENT, party=Party.OUTSIDE_ACCOUNT,
        party_id=creditors(draws, state.people.id[rows]),
        seconds=np.full(len(rows), 14_400), way=Way.DIRECT_DEBIT,
    )  # fmt: skip


def _savings(day: Day, state: State, draws: Draws, here: Flags) -> None:
    """What is more than a month and a half of income is put aside two days after payday; a gap is filled from it."""
    people, finances = state.people, state.finances
    over = finances.current_cents - people.income_cents * 3 // 2
    aside = np.flatnonzero(here & ((people.payday + 1) % 28 + 1 == day.date.day) & (over > 0))
    gap = np.flatnonzero(here & (finances.current_cents < 0) & (finances.savings_cents > 0))
    for rows, cents in (
        (aside, -(over[aside] * 2 // 3)), (gap, np.minimum(-finances.current_cents[gap] + people.income_cents[gap] // 5,
                                                           finances.savings_cents[gap])),
    ):  # fmt: skip
        finances.savings_cents[rows] -= cents
        state.postings.post(rows, cents, kind=Kind.SAVING, party=Party.OWN_SAVINGS, party_id=people.id[rows],
                            seconds=np.full(len(rows), 50_000), way=Way.TRANSFER)  # fmt: skip


def friend(state: State, draws: Draws, rows: Ints, day: int) -> Ints:
    """A friend of each, the same few again and again."""
    which = (draws.uniform("friends.which", state.people.id[rows], day) ** 2 * FRIENDS).astype(np.int64)
    return np.asarray(state.people.friends[rows, which], dtype=np.int64)


def _friends(day: Day, state: State, draws: Draws, here: Flags) -> None:
    """Small transfers among friends and to the account that people name as payee, and cash from the machine."""
    people, ids = state.people, state.people.id
    level = np.sqrt(people.income_cents) * 7.0
    give, take = np.exp(0.3 * people.reach), np.exp(0.3 * people.reach + 0.7 * state.finances.strain)
    kinds = (
        ("friends.out", 0.055 * give, -1, Kind.TRANSFER_OUT, Party.CUSTOMER, Way.TRANSFER),
        ("friends.in", 0.05 * take, 1, Kind.TRANSFER_IN, Party.CUSTOMER, Way.TRANSFER),
        ("payee.out", 0.006 * give, -1, Kind.TRANSFER_OUT, Party.OUTSIDE_ACCOUNT, Way.TRANSFER),
        ("cash.out", 0.06 * np.exp(-0.4 * people.digital), -1, Kind.CASH, Party.OUTSIDE_ACCOUNT, Way.CASH_MACHINE),
    )
    for stream, chance, sign, kind, party, way in kinds:
        rows = np.flatnonzero(here & draws.happens(chance, stream, ids, day.number))
        if party == Party.CUSTOMER:
            rows = rows[people.friends[rows, 0] > 0]
        cents = np.ceil(level[rows] * np.exp(0.7 * draws.normal(f"{stream}.amount", ids[rows], day.number)) / 100) * 100
        other = _other(state, draws, rows, day.number, kind, party)
        seconds = 30_000 + draws.below(50_000, f"{stream}.second", ids[rows], day.number)
        state.postings.post(rows, sign * cents, kind=kind, party=party, party_id=other, seconds=seconds, way=way)


def _other(state: State, draws: Draws, rows: Ints, day: int, kind: Kind, party: Party) -> Ints:
    """A friend, the person's own payee account or one of the machines."""
    if party == Party.CUSTOMER:
        return friend(state, draws, rows, day)
    if kind == Kind.TRANSFER_OUT:
        return account_ids(state.people.payee_seed[rows])
    return account_ids(draws.words("cash.machine", state.people.id[rows] % MACHINES))
