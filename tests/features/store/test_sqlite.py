"""The SQLite online store, through Feast's interface and as a file a person opens."""

import sqlite3
from pathlib import Path

import polars as pl
import pytest
from feast import FeatureView, RepoConfig
from feast.protos.feast.types.Value_pb2 import Value

from features.store.configuration import configure
from features.store.definitions import online_view
from features.store.rows import entity_keys, plain
from features.store.sqlite import RowSqliteOnlineStore
from features.transforms.registry import FeatureType
from tests.features.store.made_up import KEY, at, rows

FRAME = rows((1, "2024-01-31", "2024-02-01 10:30", 0.1, "网店"), (2**40, "2024-01-30 12:00", "2024-02-01", None, None))
FEATURES: dict[str, FeatureType] = {"amount": "float", "amount_y": "float", "channel": "category"}


def view(features: dict[str, FeatureType] = FEATURES) -> FeatureView:
    return online_view("orders", KEY, features)


@pytest.fixture
def config(tmp_path: Path) -> RepoConfig:
    return configure("shop", f"sqlite:///{tmp_path}/registry.db", f"sqlite:///{tmp_path}/online.db")


@pytest.fixture
def store(config: RepoConfig) -> RowSqliteOnlineStore:
    made = RowSqliteOnlineStore()
    made.update(config, [], [view()], [], [], True)
    return made


def read(store: RowSqliteOnlineStore, config: RepoConfig, keys: list[int | str], names: list[str]) -> list[object]:
    found = store.online_read(config, view(dict.fromkeys(names, "float")), entity_keys(KEY, keys), names)
    return [(time, {name: plain(value) for name, value in row.items()}) if row else None for time, row in found]


def test_a_frame_is_read_back_whole(store: RowSqliteOnlineStore, config: RepoConfig) -> None:
    assert store.online_write_frame(config, view(), FRAME) == 2
    assert read(store, config, [2**40, 7, 1], ["amount", "channel"]) == [
        (at("2024-01-30 12:00"), {"amount": None, "channel": None}),
        None,
        (at("2024-01-31"), {"amount": 0.1, "channel": "网店"}),
    ]


def test_feasts_own_rows_and_frames_write_the_same(store: RowSqliteOnlineStore, config: RepoConfig) -> None:
    store.online_write_frame(config, view(), FRAME)
    by_frame = read(store, config, [1, 2**40], ["amount", "amount_y", "channel"])
    store.update(config, [view()], [view()], [], [], False)
    values = [
        {"amount": Value(double_val=0.1), "amount_y": Value(double_val=0.1), "channel": Value(string_val="网店")},
        {"amount": Value(), "amount_y": Value(), "channel": Value()},
    ]
    times = FRAME.select("event_timestamp", "created_timestamp").rows()
    data = [(key, row, *time) for key, row, time in zip(entity_keys(KEY, [1, 2**40]), values, times, strict=True)]
    counts: list[int] = []
    store.online_write_batch(config, view(), data, counts.append)
    assert sum(counts) == 2
    assert read(store, config, [1, 2**40], ["amount", "amount_y", "channel"]) == by_frame


def test_a_new_feature_gets_a_column_and_a_removed_one_is_emptied(
    store: RowSqliteOnlineStore, config: RepoConfig
) -> None:
    store.online_write_frame(config, view(), FRAME)
    changed = view({"amount": "category", "more": "float"})
    store.update(config, [], [changed], [], [], True)
    newer = FRAME.head(1).with_columns(pl.lit("12").alias("amount"), pl.lit(3.0).alias("more"))
    store.online_write_frame(config, changed, newer)
    assert read(store, config, [1], ["amount", "channel", "more"]) == [
        (at("2024-01-31"), {"amount": "12", "channel": None, "more": 3.0})
    ]


def test_a_feature_the_file_never_had_is_missing(store: RowSqliteOnlineStore, config: RepoConfig) -> None:
    """SQLite would take the quoted name of no column for a text."""
    store.online_write_frame(config, view(), FRAME)
    assert read(store, config, [1], ["unheard"]) == [(at("2024-01-31"), {"unheard": None})]


def test_a_person_reads_the_file(store: RowSqliteOnlineStore, config: RepoConfig) -> None:
    store.online_write_frame(config, view(), FRAME)
    connection = sqlite3.connect(config.online_store.path)
    query = 'SELECT amount, channel FROM "shop.orders" WHERE _key = 1'
    assert connection.execute(query).fetchall() == [(0.1, "网店")]
    connection.close()


def test_more_keys_than_one_query_takes(store: RowSqliteOnlineStore, config: RepoConfig) -> None:
    many = rows(*[(n, "2024-01-31", "2024-01-31", float(n), None) for n in range(1203)])
    store.online_write_frame(config, view(), many)
    found = read(store, config, list(range(1203)), ["amount"])
    assert [row[1]["amount"] for row in found] == [float(n) for n in range(1203)]  # type: ignore[index]
