"""Registering and joining, embedded: SQLite for the registry and the online store."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from features.lake import Lake, NoData
from features.permitted import ForbiddenUse
from features.spec import EVENT
from features.store.store import OnlineStoreError, Store, StoreError, open_store
from infra.processes import free_port
from tests.features.store.made_up import KEY, NAME, SERVICE, SPEC, TIME, at, portfolio, put, rows

DAY = date(2024, 3, 31)
UNREAD = """
  unread:
    table: orders
    freshness: 40
    features:
      twice: {transform: value, column: amount}
"""


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "lake")
    put(
        lake,
        rows(
            (1, "2024-01-31", "2024-02-01", 1.0, "shop"),
            (2, "2024-01-31", "2024-02-01", 2.0, None),
            (1, "2024-02-10", "2024-03-20", 666.0, "leak"),
        ),
    )
    sexes = rows((1, "2024-01-01", "2024-01-01", None, "f")).select(KEY, EVENT, "created_timestamp", sex="channel")
    put(lake, sexes, view="protected")
    return lake


@pytest.fixture
def store(tmp_path: Path, lake: Lake) -> Iterator[Store]:
    with opened(tmp_path, lake) as store:
        store.register()
        yield store


def opened(root: Path, lake: Lake, spec: str = SPEC) -> Store:
    urls = {"registry": f"sqlite:///{root}/registry.db", "online": f"sqlite:///{root}/online.db"}
    return open_store(portfolio(root, spec), lake, **urls)


def asked(*given: tuple[int, str]) -> pl.DataFrame:
    columns = {KEY: [key for key, _ in given], EVENT: [at(time) for _, time in given]}
    return pl.DataFrame(columns, schema={KEY: pl.Int64, EVENT: TIME})


def test_a_training_set_keeps_rows_columns_and_their_order(store: Store) -> None:
    observations = asked((2, "2024-02-15"), (1, "2024-02-15"), (9, "2024-02-15"), (2, "2024-02-15"), (1, "2024-03-25"))
    observations = observations.select(pl.Series("label", [1, 0, 1, 0, 1], dtype=pl.Int8), KEY, EVENT)
    found = store.training_set(observations, [SERVICE, "groups"], known_by=DAY)
    assert found.columns == ["label", KEY, EVENT, "amount", "amount_y", "channel", "sex"]
    assert found.select(observations.columns).equals(observations)
    assert found["amount"].to_list() == [2.0, 1.0, None, 2.0, None]
    assert found["sex"].to_list() == [None, "f", None, None, "f"]
    assert found.schema["amount"] == pl.Float64
    assert found.schema["channel"] == pl.String


def test_a_planted_leak_is_refused(store: Store) -> None:
    """Its event is before the observation, and it was written five weeks after: too late to be known."""
    found = store.training_set(asked((1, "2024-02-15")), [SERVICE], known_by=DAY)
    assert found["channel"].to_list() == ["shop"]
    later = store.training_set(asked((1, "2024-03-20")), [SERVICE], known_by=DAY)
    assert later["channel"].to_list() == ["leak"]


def test_a_feature_of_two_services_is_joined_once(tmp_path: Path, lake: Lake) -> None:
    spec = SPEC.replace("  groups:", "  second: {use: credit, views: {orders: [amount]}}\n  groups:")
    with opened(tmp_path, lake, spec) as store:
        store.register()
        found = store.training_set(asked((1, "2024-02-15")), ["second", SERVICE], known_by=DAY)
    assert found.columns == [KEY, EVENT, "amount", "amount_y", "channel"]


def test_observations_that_cannot_be_joined(store: Store) -> None:
    good = asked((1, "2024-02-15"))
    cases = [
        (good.rename({KEY: "id"}), "expected .'customer_id'. too"),
        (good.with_columns(amount=1.0), "'amount'. are names of features"),
        (good.clear(), "found no rows"),
        (good.with_columns(pl.lit(None, pl.Int64).alias(KEY)), "is missing in some rows"),
        (asked((1, "2024-04-01")), "after 2024-03-31"),
    ]
    for observations, said in cases:
        with pytest.raises(StoreError, match=said):
            store.training_set(observations, [SERVICE], known_by=DAY)


def test_what_was_never_built_or_registered_says_so(tmp_path: Path, lake: Lake) -> None:
    with opened(tmp_path, lake) as store, pytest.raises(StoreError, match="register it first"):
        store.training_set(asked((1, "2024-02-15")), [SERVICE], known_by=DAY)
    with opened(tmp_path, lake) as store, pytest.raises(StoreError, match="register it first"):
        store.materialize(DAY)
    with opened(tmp_path, Lake(tmp_path / "empty")) as store:
        store.register()
        with pytest.raises(NoData, match="run the build first"):
            store.training_set(asked((1, "2024-02-15")), [SERVICE], known_by=DAY)
        with pytest.raises(NoData, match="run the build first"):
            store.materialize(DAY)


def test_only_views_that_services_read_are_written(tmp_path: Path, lake: Lake) -> None:
    """A view that no model reads need not even be built."""
    spec = SPEC.replace("services:\n", UNREAD + "services:\n")
    with opened(tmp_path, lake, spec) as store:
        store.register()
        assert [one.view for one in store.materialize(DAY, [SERVICE, "groups"])] == ["orders"]
        assert store.materialize(DAY, ["groups"]) == []
        with pytest.raises(NoData, match="no features of view 'unread'; run the build first"):
            store.materialize(DAY)


def test_servers_that_are_not_there_are_named(tmp_path: Path, lake: Lake) -> None:
    shop, registry, nowhere = portfolio(tmp_path), f"sqlite:///{tmp_path}/registry.db", f"127.0.0.1:{free_port()}"
    with pytest.raises(StoreError, match=r"feature registry: .* check that its server runs"):
        open_store(shop, lake, registry=f"postgresql://joe@{nowhere}/x", online=f"redis://{nowhere}/0")
    for online in (f"redis://{nowhere}/0", f"postgresql://joe@{nowhere}/x"):
        store = open_store(shop, lake, registry=registry, online=online)
        with pytest.raises(OnlineStoreError, match="check that it runs"):
            register_and_materialize(store)
        store.close()


def register_and_materialize(store: Store) -> None:
    # Postgres is asked for tables when registering, Redis only when materializing.
    store.register()
    store.materialize(DAY)


def test_a_forbidden_feature_stops_before_anything_is_registered(tmp_path: Path, lake: Lake) -> None:
    spec = SPEC.replace("{use: credit, views: {orders: all}}", "{use: credit, views: {orders: all, protected: all}}")
    with opened(tmp_path, lake, spec) as store:
        with pytest.raises(ForbiddenUse, match="sex"):
            store.register()
        assert store._feast.list_feature_views() == []
        with pytest.raises(ForbiddenUse, match="sex"):
            store.training_set(asked((1, "2024-02-15")), [SERVICE], known_by=DAY)


def test_registering_makes_the_registry_say_what_the_file_says(tmp_path: Path, lake: Lake) -> None:
    with opened(tmp_path, lake) as store:
        store.register()
        store.register()
        names = {view.name for view in store._feast.list_feature_views()}
        assert names == {"orders", "protected"}
        assert {one.name for one in store._feast.list_feature_services()} == {SERVICE, "groups"}
    less = SPEC.replace("  groups: {use: fairness, views: {protected: all}}\n", "").replace("protected:", "renamed:")
    with opened(tmp_path, lake, less) as store:
        store.register()
        assert {view.name for view in store._feast.list_feature_views()} == {"orders", "renamed"}
        assert [one.name for one in store._feast.list_feature_services()] == [SERVICE]


def test_a_view_whose_table_postgres_would_rename_is_refused(tmp_path: Path, lake: Lake) -> None:
    long = "v" + "x" * 60
    with (
        opened(tmp_path, lake, SPEC.replace("protected", long)) as store,
        pytest.raises(StoreError, match="shorten one"),
    ):
        store.register()


def test_keys_and_times_of_other_types_are_joined_too(store: Store) -> None:
    observations = asked((1, "2024-02-15")).with_columns(
        pl.col(KEY).cast(pl.Int32), pl.col(EVENT).cast(pl.Datetime("ms", "UTC"))
    )
    found = store.training_set(observations, [SERVICE], known_by=DAY)
    assert found.select(KEY, EVENT).equals(observations)
    assert found["amount"].to_list() == [1.0]


GUEST = """
import sqlite3, sys
from datetime import date
from pathlib import Path
before = dict(sqlite3.adapters)
import typeguard
checked = typeguard.typechecked
import features.store
assert typeguard.typechecked is checked, "typeguard was left without its mark"
from features.lake import Lake
from features.store.store import open_store
from features.portfolio import open_portfolio
root = Path(sys.argv[1])
urls = {"registry": f"sqlite:///{root}/registry.db", "online": f"sqlite:///{root}/online.db"}
with open_store(open_portfolio(root, "shop"), Lake(root / "lake"), **urls) as store:
    store.register()
    assert store.materialize(date(2024, 2, 10))[0].read_back
assert all(sqlite3.adapters[one] is before[one] for one in before), "Feast changed how dates are written to SQLite"
"""


def test_feast_leaves_the_process_as_it_was(tmp_path: Path, lake: Lake) -> None:
    portfolio(tmp_path)
    assert subprocess.run([sys.executable, "-W", "error", "-c", GUEST, str(tmp_path)], check=False).returncode == 0


def test_the_name_of_the_project_is_the_portfolio(store: Store) -> None:
    assert store._feast.project == NAME
