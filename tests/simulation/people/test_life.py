"""Births and moves: when their stage of life begins, in the profiles of those who tell."""

import numpy as np
import polars as pl
import pytest

from benchmarks.lending_world import LendingWorld
from simulation.decisions import Decisions
from simulation.marketing.patterns import Patterns
from simulation.people.joining import Joining
from simulation.people.life import Life
from simulation.people.shocks import TELLS
from simulation.scenarios.scenario import parsed

SIZE = 6_000


@pytest.fixture(scope="module")
def world() -> LendingWorld:
    plan = {"population": {"at_start": 1.0, "proxy_strength": 1.0}, "marketing": {"patterns": 0.5}}
    world = LendingWorld(
        SIZE, parsed({"name": "mine", "about": "A test.", **plan}, "mine"), steps=[Joining, Patterns, Life]
    )
    for _ in range(90):
        world.step(Decisions())
    return world


def told(world: LendingWorld, change: str) -> pl.DataFrame:
    """Profiles of a change, beside those when people joined."""
    rows = world.rows("customers").cast({"change": pl.String})
    joined = rows.filter(pl.col("change") == "joined")
    return rows.filter(pl.col("change") == change).join(joined, on="customer_id", suffix="_before")


@pytest.mark.parametrize(("change", "stage"), [("household", "new_parents"), ("moved", "moving_home")])
def test_some_tell_of_what_their_stage_brings(world: LendingWorld, change: str, stage: str) -> None:
    opening = pl.datetime(2024, 1, 1, time_zone="UTC")
    begun = world.rows("true_patterns").filter(pl.col("pattern") == stage)
    fresh = begun.filter(pl.col("event_timestamp") > opening)
    who = told(world, change)["customer_id"]
    assert set(who) <= set(begun["customer_id"])
    assert len(who) / len(fresh) == pytest.approx(TELLS, abs=0.12)
    assert len(who) > 50


def test_a_birth_adds_a_child(world: LendingWorld) -> None:
    born = told(world, "household")
    assert (born["children"] - born["children_before"] == 1).all()


def test_a_move_changes_place_and_address_within_the_town(world: LendingWorld) -> None:
    moved = told(world, "moved")
    assert (moved["postcode"] // 100 == moved["postcode_before"] // 100).all()
    assert (moved["postcode"] != moved["postcode_before"]).mean() > 0.9
    minority = (moved["group"].cast(pl.String) == "minority") & (moved["group_before"].cast(pl.String) == "minority")
    assert (minority == (moved["postcode"] % 100 < 20)).all(), "where places tell the group, they still do"
    state = world.world.state
    rows = state.rows(moved["customer_id"].to_numpy())
    assert (state.now("address_seed")[rows] != state.people.address_seed[rows]).all()
    others = np.setdiff1d(np.arange(SIZE), np.flatnonzero(state.now("postcode") != state.people.postcode))
    assert (state.now("address_seed")[others] == state.people.address_seed[others]).mean() > 0.95
