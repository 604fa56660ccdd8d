"""Ids tell nothing: neither a threshold nor a remainder of any id of a raw table picks out fraud or misused loans."""

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from benchmarks.lending_world import STEPS, LendingWorld
from simulation.access.logins import PLACES, Logins
from simulation.draws import Draws
from simulation.fraud.takeovers import Takeovers
from simulation.marketing.complaints import Complaints
from simulation.money.flows import FundFlows
from simulation.money.transactions import Money
from simulation.policies import approve_all
from tests.simulation.lures import scenario

REMAINDERS = (2, 4, 8)


@pytest.fixture(scope="module")
def world() -> LendingWorld:
    steps = (*STEPS, Takeovers, Logins, Complaints, FundFlows, Money)
    made = LendingWorld(1_300, scenario(), steps=steps)
    people = made.world.state.people
    people.diverts[:] = Draws(1).happens(0.5, "test.diverts", people.id)  # few do: too few to count their hops
    return made.run(4, approve_all())


def fraudsters(world: LendingWorld) -> pl.DataFrame:
    return world.rows("true_fraud").select("customer_id").unique()


def told(ids: pl.Series, found: pl.Series) -> tuple[float, float]:
    """How well an id ranks those to be found (0.5: not at all), and how far its remainders tell them from others."""
    values, wanted = ids.to_numpy(), found.to_numpy()
    assert min(wanted.sum(), (~wanted).sum()) > 30, (ids.name, wanted.sum())
    apart = max(_apart(values % remainder, wanted, remainder) for remainder in REMAINDERS)
    return abs(float(roc_auc_score(wanted, values)) - 0.5), apart


def _apart(places: npt.NDArray[np.int64], wanted: npt.NDArray[np.bool_], size: int) -> float:
    shares = [np.bincount(places[mask], minlength=size) / mask.sum() for mask in (wanted, ~wanted)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def cases(world: LendingWorld) -> dict[str, tuple[pl.Series, pl.Series]]:
    """Ids by table and column, and which rows are to be found."""
    bad = pl.col("customer_id").is_in(fraudsters(world)["customer_id"].implode())
    taken = world.rows("true_fraud").filter(pl.col("pattern").cast(pl.String) == "account_takeover")
    logins = world.rows("logins").join(taken.select("customer_id", "strikes"), on="customer_id", how="left")
    strange = (logins["event_timestamp"].dt.date() == logins["strikes"]) & (logins["event_timestamp"].dt.hour() < 7)
    strange = strange.fill_null(False)
    sent = world.rows("transactions").filter(
        (pl.col("kind") == "transfer_out") & (pl.col("party") == "outside_account")
    )
    sender = sent.select(bad)["customer_id"]
    flows = world.rows("fund_flows")
    hops = world.rows("transfers").filter(pl.col("to_kind").cast(pl.String) == "household")
    hops = hops.with_columns(loan_id=pl.col("transfer_id") // 8).join(flows.select("loan_id", "misused"), on="loan_id")
    return {
        "login": (logins["login_id"], strange),
        "party": (sent["party_id"], sender),
        "transaction": (sent["transaction_id"], sender),
        "hop": (hops["to_account"], hops["misused"]),
        "transfer": (hops["transfer_id"], hops["misused"]),
    }


def test_no_id_tells_fraud_or_misuse(world: LendingWorld) -> None:
    for name, (ids, found) in cases(world).items():
        rank, apart = told(ids, found)
        assert rank < 0.15, (name, rank)
        assert apart < 0.35, (name, apart)


def test_a_victims_complaint_has_no_id_of_its_own(world: LendingWorld) -> None:
    complaints = world.rows("complaints").filter(pl.col("about").cast(pl.String) == "fraud")
    assert (complaints["complaint_id"] % 4).n_unique() == 4


def test_strangers_and_customers_attempts_share_the_days_numbers(world: LendingWorld) -> None:
    logins = world.rows("logins")
    assert logins["login_id"].n_unique() == len(logins)
    person = logins["login_id"] // (32_768 * PLACES)
    assert (person == logins["customer_id"]).all()


def test_the_honest_send_money_to_their_payee_accounts_too(world: LendingWorld) -> None:
    payees = world.rows("applications").filter(pl.col("purpose").cast(pl.String) == "cash")["payee_account"].unique()
    sent = world.rows("transactions").filter(
        (pl.col("kind") == "transfer_out") & pl.col("party_id").is_in(payees.implode())
    )
    honest = sent.join(fraudsters(world), on="customer_id", how="anti")
    assert len(honest) > 0.25 * len(sent) > 20
