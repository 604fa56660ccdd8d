"""Fund flows: what borrowers do with cash they were lent, hop by hop; some move it into property or shares.

A loan's path is drawn from its id, so each hop happens on its own day without anything to remember.
"""

from dataclasses import dataclass

import numpy as np

from simulation.calendar import Day
from simulation.columns import Array, Flags, Floats, Frame, Ints
from simulation.decisions import Decisions
from simulation.draws import Draws
from simulation.lending.approvals import TO_CUSTOMER
from simulation.lending.loans import Loans
from simulation.money.accounts import account_ids
from simulation.money.categories import BROKER_MCC, DEVELOPER_MCC
from simulation.process import Events, merged
from simulation.schema.lending import PURPOSES
from simulation.schema.money import ENDS, Kind, Party, Way
from simulation.state import State

MOST_HOPS = 4
HOPS_MISUSED = (0.0, 0.15, 0.4, 0.3, 0.15)
HOPS_HONEST = (0.5, 0.38, 0.1, 0.02, 0.0)
MISUSES = 0.8
"""Chance that someone who diverts does so with a loan."""
TRACED_DAYS = 10
END_CODES = np.array([ENDS.code(name) for name in ("household", "merchant", "hospital", "school", "supplier")])
TO_PAYEE = 0.6
"""Share of honest first hops to a household that go to the account that the borrower named as payee."""
KIND_KEYS = 100_000_000
"""Accounts of each kind of end are drawn from keys of their own; their ids are hashed and do not tell the kind."""
SIZE = np.array([40_000_000, 5_000, 400, 600, 3_000, 40, 120, 4_000])
"""Accounts of each kind of end (places in ENDS): few brokers and developers, intermediaries that many share."""
END_MCC = np.array([0, 5399, 8062, 8299, 5099, BROKER_MCC, DEVELOPER_MCC, 0], dtype=np.uint16)
HOUSEHOLD, INTERMEDIARY = ENDS.code("household"), len(ENDS)
"""An intermediary's is a private account, registered as any household's: its kind is in no table."""


@dataclass(frozen=True)
class _Path:
    """Where the money of loans goes: the end's code, the number of hops, and how much is passed on."""

    misused: Flags
    end: Ints
    hops: Ints
    share: Floats


class FundFlows:
    """Moves loan money on, and tells the truth about it when the loan is paid out."""

    name = "fund_flows"

    def begin(self, state: State, draws: Draws) -> None:
        """Nothing to remember."""

    def step(self, day: Day, state: State, decisions: Decisions, draws: Draws) -> Events:
        """Today's hops of the loans of the last ten days."""
        recent = np.flatnonzero(state.loans.opened > day.number - TRACED_DAYS)
        loans = state.loans.kept(recent)
        path = _path(state, draws, loans)
        hops = [_hop(day, state, draws, loans, path, number) for number in range(1, MOST_HOPS + 1)]
        return {**merged([{"transfers": rows} for rows in hops]), "fund_flows": _truth(day, loans, path)}


def _path(state: State, draws: Draws, loans: Loans) -> _Path:
    in_cash = np.isin(loans.purpose, TO_CUSTOMER)
    misused = in_cash & state.people.diverts[loans.row] & draws.happens(MISUSES, "flows.misuses", loans.id)
    hops = np.where(
        misused, draws.choice(HOPS_MISUSED, "flows.hops", loans.id), draws.choice(HOPS_HONEST, "flows.hops", loans.id)
    )
    into = np.where(draws.happens(0.4, "flows.into", loans.id), ENDS.code("broker"), ENDS.code("property_developer"))
    business = loans.purpose == PURPOSES.code("business")
    honest = END_CODES[draws.choice((0.45, 0.3, 0.12, 0.13, 0.0), "flows.end", loans.id)]
    end = np.select([misused, ~in_cash, business], [into, ENDS.code("merchant"), ENDS.code("supplier")], honest)
    share = np.where(
        misused, 0.7 + 0.28 * draws.uniform("flows.share", loans.id), 0.2 + 0.7 * draws.uniform("flows.share", loans.id)
    )
    return _Path(misused, end, np.where(in_cash, hops, 0), share)


def _hop(day: Day, state: State, draws: Draws, loans: Loans, path: _Path, number: int) -> Frame:
    """The hops of this number that happen today; the first one leaves the borrower's own account."""
    waits = sum(draws.below(3, "flows.wait", loans.id, 0, hop) for hop in range(1, number + 1))
    at = np.flatnonzero((path.hops >= number) & (loans.opened + waits == day.number))
    loans, end = loans.kept(at), path.end[at]
    last = path.hops[at] == number
    cents = (loans.principal * path.share[at] * 0.985 ** (number - 1)).astype(np.int64)
    kind = np.where(last, end, INTERMEDIARY)
    to = _account(draws, loans.id, kind, number)
    before = loans.customer if number == 1 else _account(draws, loans.id, np.full(len(at), INTERMEDIARY), number - 1)
    seconds = 60_000 + number * 4_000 + draws.below(3_000, "flows.second", loans.id, day.number, number)
    if number == 1:
        own = ~path.misused[at] & (kind == HOUSEHOLD) & draws.happens(TO_PAYEE, "flows.to_payee", loans.id)
        to = np.where(own, account_ids(state.people.payee_seed[loans.row]), to)
        state.postings.post(
            loans.row, -cents, kind=Kind.TRANSFER_OUT, party=Party.OUTSIDE_ACCOUNT, party_id=to, seconds=seconds,
            way=Way.TRANSFER,
        )  # fmt: skip
    return {
        "transfer_id": loans.id * 8 + (number ^ draws.below(8, "flows.place", loans.id)),
        "from_account": before,
        "to_account": to,
        "to_kind": np.where(kind == INTERMEDIARY, ENDS.code("household"), kind),
        "to_mcc": END_MCC[kind],
        "amount_cents": cents,
        "event_timestamp": day.at(seconds),
    }


def _account(draws: Draws, loan: Ints, kind: Array, number: int) -> Ints:
    """An account of a kind of end; an intermediary's does not tell that it is one."""
    key = kind * KIND_KEYS + draws.below(SIZE[kind], "flows.account", loan, 0, number)
    return account_ids(draws.words("flows.account_id", key))


def _truth(day: Day, loans: Loans, path: _Path) -> Frame:
    new = np.flatnonzero(loans.opened == day.number)
    return {
        "loan_id": loans.id[new],
        "customer_id": loans.customer[new],
        "misused": path.misused[new],
        "end": path.end[new],
        "hops": path.hops[new],
        "event_timestamp": day.at(np.full(len(new), 86_000)),
    }
