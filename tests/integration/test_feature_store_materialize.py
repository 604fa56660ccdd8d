"""Materializing to real online stores: incremental, idempotent, corrected, late, wiped, and read back."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from features.lake import Lake
from features.permitted import select
from features.spec import CREATED, EVENT
from features.store.coverage import Coverage, read_coverage
from features.store.materialization import Materialized, MaterializeError
from features.store.online import OnlineReader, open_online
from features.store.sqlite import RowSqliteOnlineStore
from features.store.store import Store, open_store
from tests.features.store.made_up import KEY, NAME, SERVICE, SPEC, VIEW, at, monthly, portfolio, put, rows
from tests.servers import new_database

pytestmark = pytest.mark.integration


class Shop:
    """A portfolio with its lake, and one of the online stores."""

    def __init__(self, root: Path, registry: str, online: str) -> None:
        self.root, self.registry, self.online = root, registry, online
        self.lake = Lake(root / "lake")

    def store(self, spec: str = SPEC, kind: str = "int") -> Store:
        return open_store(portfolio(self.root, spec, kind), self.lake, registry=self.registry, online=self.online)

    def reader(self, spec: str = SPEC) -> OnlineReader:
        columns = select(portfolio(self.root, spec).features, SERVICE)
        return open_online(NAME, KEY, columns, registry=self.registry, online=self.online)

    def materialize(self, as_of: str, spec: str = SPEC) -> Materialized:
        with self.store(spec) as store:
            store.register()
            (done,) = store.materialize(date.fromisoformat(as_of))
        assert done.view == VIEW
        return done

    def amounts(self, *keys: int) -> list[float | str | None]:
        reader = self.reader()
        found = reader.read(keys).values["amount"]
        reader.close()
        return found


@pytest.fixture(params=["sqlite", "redis", "postgres"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    registry = f"sqlite:///{tmp_path}/registry.db"
    if request.param == "sqlite":
        yield Shop(tmp_path, registry, f"sqlite:///{tmp_path}/online.db")
    elif request.param == "redis":
        yield from _on_redis(tmp_path, registry, request.getfixturevalue("redis_url"))
    else:
        database = new_database(request.getfixturevalue("postgres_url"))
        yield Shop(tmp_path, database, database)


def _on_redis(root: Path, registry: str, url: str) -> Iterator[Shop]:
    from redis import Redis

    own = url.removesuffix("/0") + "/9"
    yield Shop(root, registry, own)
    with Redis.from_url(own) as client:
        client.flushdb()


@pytest.fixture
def embedded(tmp_path: Path) -> Shop:
    return Shop(tmp_path, f"sqlite:///{tmp_path}/registry.db", f"sqlite:///{tmp_path}/online.db")


def wipe(online: str) -> None:
    if online.startswith("redis"):
        from redis import Redis

        with Redis.from_url(online) as client:
            client.flushdb()
    elif online.startswith("postgres"):
        import psycopg

        with psycopg.connect(online) as connection:
            connection.execute("drop table shop_orders, shop__materialized")
    else:
        for file in Path(online.removeprefix("sqlite:///")).parent.glob("online.db*"):
            file.unlink()


def test_a_month_at_a_time_and_each_only_once(shop: Shop) -> None:
    put(shop.lake, monthly(25, 4), covers="2024-05-31")
    counts = [shop.materialize(day) for day in ("2024-02-29", "2024-02-29", "2024-03-31", "2024-05-31", "2024-05-31")]
    assert [one.rows for one in counts] == [25, 0, 25, 25, 0]
    assert [one.read_back for one in counts] == [10, 0, 10, 10, 0]
    assert counts[2].since == counts[1].until == counts[0].until
    assert counts[0].since is None


def test_what_is_read_online_is_what_the_lake_knew_last(shop: Shop) -> None:
    put(shop.lake, monthly(25, 4), covers="2024-05-31")
    shop.materialize("2024-05-31")
    reader = shop.reader()
    found = reader.read([*range(25), 99])
    reader.close()
    known = shop.lake.read(NAME, "features", VIEW).sort(EVENT, CREATED).unique(KEY, keep="last").sort(KEY)
    assert found.event_timestamps[VIEW] == [*known[EVENT].to_list(), None]
    for name in ("amount", "amount_y", "channel"):
        assert found.values[name] == [*known[name].to_list(), None]


def test_corrections_reach_the_store_and_late_rows_do_not_overwrite(shop: Shop) -> None:
    put(shop.lake, rows((1, "2024-01-31", "2024-01-31", 1.0, None), (2, "2024-01-31", "2024-01-31", 2.0, None)))
    shop.materialize("2024-01-31")
    correction = (1, "2024-01-31", "2024-02-03", 1.5, None)
    late = (2, "2024-01-15", "2024-02-03", 666.0, None)
    late_and_new = (3, "2024-01-20", "2024-02-03", 3.0, None)
    put(shop.lake, rows(correction, late, late_and_new))
    done = shop.materialize("2024-02-10")
    assert done.rows == 2
    assert shop.amounts(1, 2, 3) == [1.5, 2.0, 3.0]


def test_nothing_that_is_not_known_yet_is_written(shop: Shop) -> None:
    put(shop.lake, rows((1, "2024-01-10", "2024-01-11", 1.0, None), (1, "2024-01-20", "2024-01-25", 2.0, None)))
    assert shop.materialize("2024-01-24").rows == 1
    assert shop.amounts(1) == [1.0]
    assert shop.materialize("2024-01-25").rows == 1
    assert shop.amounts(1) == [2.0]


def test_an_earlier_date_does_nothing_and_says_so(shop: Shop) -> None:
    put(shop.lake, monthly(3, 3), covers="2024-04-30")
    shop.materialize("2024-04-30")
    before = shop.amounts(0, 1, 2)
    done = shop.materialize("2024-02-29")
    assert (done.rows, done.read_back) == (0, 0)
    assert "materialized up to 2024-04-30, later than 2024-02-29" in done.note
    assert shop.amounts(0, 1, 2) == before


def test_days_that_are_not_built_yet_are_not_taken_as_done(shop: Shop) -> None:
    put(shop.lake, rows((1, "2024-01-05", "2024-01-05", 1.0, None)), covers="2024-01-10")
    assert shop.materialize("2024-01-31").until.date() == date(2024, 1, 11)
    both = rows((1, "2024-01-05", "2024-01-05", 1.0, None), (1, "2024-01-15", "2024-01-15", 2.0, None))
    put(shop.lake, both, covers="2024-01-31")
    assert shop.materialize("2024-01-31").rows == 1
    assert shop.amounts(1) == [2.0]


def test_a_wiped_store_is_filled_again(shop: Shop) -> None:
    put(shop.lake, monthly(12, 3), covers="2024-04-30")
    shop.materialize("2024-04-30")
    wipe(shop.online)
    done = shop.materialize("2024-04-30")
    assert (done.rows, done.since) == (12, None)
    assert shop.amounts(5) == [5 + 3 / 3]


def test_other_inputs_are_written_again(shop: Shop) -> None:
    put(shop.lake, monthly(12, 2), covers="2024-03-31")
    shop.materialize("2024-03-31")
    doubled = monthly(12, 2).with_columns(pl.col("amount") * 2)
    put(shop.lake, doubled, covers="2024-03-31", inputs="second")
    done = shop.materialize("2024-03-31")
    assert done.rows == 12
    assert "written again" in done.note
    assert shop.amounts(1) == [2 * (1 + 2 / 3)]


def test_text_keys(shop: Shop) -> None:
    put(shop.lake, monthly(5, 2, kind="string"), covers="2024-03-31")
    with shop.store(kind="string") as store:
        store.register()
        assert [one.rows for one in store.materialize(date(2024, 3, 31))] == [5]
    reader = shop.reader()
    assert reader.read(["c1", "nobody"]).values["amount"] == [1 + 2 / 3, None]
    reader.close()


def test_feasts_own_client_reads_what_the_service_reads(shop: Shop) -> None:
    """Every value and every time, of those with gaps and of one whom no view knows."""
    known = monthly(6, 2).with_columns(
        amount=pl.when(pl.col(KEY) != 2).then("amount"), channel=pl.when(pl.col(KEY) != 3).then("channel")
    )
    put(shop.lake, known, covers="2024-03-31")
    shop.materialize("2024-03-31")
    keys = [*range(6), 77]
    with shop.store() as store:
        service = store._feast.get_feature_service(SERVICE)
        answer = store._feast.get_online_features(features=service, entity_rows=[{KEY: key} for key in keys])
        theirs = answer.to_dict(include_event_timestamps=True)
    reader = shop.reader()
    ours = reader.read(keys)
    reader.close()
    assert theirs["amount"][:3] == [2 / 3, 1 + 2 / 3, None]
    for name, values in ours.values.items():
        times = [int(time.timestamp()) if time else 0 for time in ours.event_timestamps[VIEW]]
        assert (values, times) == (theirs[name], theirs[f"{name}__ts"])


def test_a_feature_that_is_gone_is_emptied(shop: Shop) -> None:
    """A release that still reads it must not take its old value for a new one."""
    put(shop.lake, monthly(3, 1), covers="2024-02-10")
    shop.materialize("2024-02-10")
    less = SPEC.replace("      amount: {transform: value, column: amount}\n", "")
    put(shop.lake, monthly(3, 2), covers="2024-03-31")
    shop.materialize("2024-03-31", less)
    reader = shop.reader()
    found = reader.read([1]).values
    reader.close()
    assert (found["amount"], found["amount_y"]) == ([None], [1 + 2 / 3])


def test_many_batches_are_counted(embedded: Shop) -> None:
    known = [(n, "2024-01-31", "2024-01-31", float(n), None) for n in range(25_000)]
    put(embedded.lake, rows(*known))
    assert embedded.materialize("2024-01-31").rows == 25_000
    assert embedded.amounts(0, 24_999) == [0.0, 24_999.0]


def test_a_store_that_takes_fewer_rows_stops_the_run(embedded: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    put(embedded.lake, monthly(10, 1), covers="2024-02-29")
    whole = RowSqliteOnlineStore.online_write_frame
    with monkeypatch.context() as patched:
        patched.setattr(RowSqliteOnlineStore, "online_write_frame", lambda *a: whole(*a[:3], a[3].head(4)))
        with pytest.raises(MaterializeError, match="took 4 of 10 rows"):
            embedded.materialize("2024-02-29")
    assert embedded.materialize("2024-02-29").rows == 10


def test_a_store_that_holds_other_values_stops_the_run(embedded: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    put(embedded.lake, monthly(10, 1), covers="2024-02-29")
    whole = RowSqliteOnlineStore.online_write_frame
    with monkeypatch.context() as patched:
        wrong = lambda *a: whole(*a[:3], a[3].with_columns(amount=pl.col("amount") + 1))  # noqa: E731
        patched.setattr(RowSqliteOnlineStore, "online_write_frame", wrong)
        with pytest.raises(MaterializeError, match=r"amount was written as 0\.33"):
            embedded.materialize("2024-02-29")
    assert embedded.materialize("2024-02-29").rows == 10


def test_a_new_feature_is_written_for_everyone(embedded: Shop) -> None:
    less = SPEC.replace("      channel: {transform: category, column: channel}\n", "")
    put(embedded.lake, monthly(10, 1), covers="2024-02-29")
    assert embedded.materialize("2024-02-29", less).rows == 10
    assert embedded.materialize("2024-02-29").rows == 10
    reader = embedded.reader()
    assert reader.read([1]).values["channel"] == ["shop"]
    reader.close()


def test_it_says_until_when_each_view_is_materialized(shop: Shop) -> None:
    def coverage() -> list[Coverage]:
        return read_coverage(NAME, [VIEW, "unknown"], registry=shop.registry, online=shop.online)

    unknown = Coverage("unknown", registered=False, until=None)
    assert coverage() == [Coverage(VIEW, registered=False, until=None), unknown]
    put(shop.lake, rows((1, "2024-01-10", "2024-01-11", 1.0, None)))
    shop.materialize("2024-01-31")
    assert coverage() == [Coverage(VIEW, registered=True, until=at("2024-02-01")), unknown]
