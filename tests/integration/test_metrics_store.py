from concurrent.futures import ThreadPoolExecutor

import pytest

from monitoring.metric import from_frame
from monitoring.store import MetricStore
from tests.monitoring.months import metric

pytestmark = pytest.mark.integration


def test_postgres_keeps_a_run_once_even_when_two_write_it(postgres_url: str) -> None:
    rows = [metric(name=name, segment=str(place)) for name in ("auc", "ks") for place in range(40)]
    with MetricStore(postgres_url) as store, ThreadPoolExecutor(4) as pool:
        assert list(pool.map(store.write, [rows] * 8)) == [80] * 8
        found = from_frame(store.read("cards"))
        assert sorted(found, key=str) == sorted(rows, key=str)
        store.write(rows[:1])
        assert from_frame(store.read("cards", period="month")) == rows[:1]
        assert store.history("cards", rows[0].as_of).is_empty()


def test_postgres_and_sqlite_give_the_same_frame(postgres_url: str) -> None:
    rows = [metric(name=name, portfolio="both", note="2 months in a row") for name in ("ks", "auc", "score_psi")]
    frames = []
    for url in (postgres_url, "sqlite://"):
        with MetricStore(url) as store:
            store.write(rows)
            frames.append(store.read("both"))
    assert frames[0].equals(frames[1])
