from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from monitoring.metric import MetricError, from_frame
from monitoring.store import MetricStore, MetricStoreError
from tests.monitoring.months import AS_OF, metric

JUNE = date(2005, 6, 30)


@pytest.fixture
def store(tmp_path: Path) -> MetricStore:
    return MetricStore(f"sqlite:///{tmp_path / 'metrics.db'}")


def test_a_run_twice_changes_nothing(store: MetricStore) -> None:
    rows = [metric(), metric(name="auc", value=0.7, low=0.6, high=0.8), metric(name="feature_psi", segment="age")]
    assert store.write(rows) == 3
    once = store.read("cards")
    store.write(rows)
    assert store.read("cards").equals(once)
    assert sorted(from_frame(once), key=str) == sorted(rows, key=str)


def test_a_run_again_replaces_what_it_no_longer_finds(store: MetricStore) -> None:
    store.write([metric(), metric(name="auc"), metric(as_of=JUNE), metric(role="frozen"), metric(period="day")])
    store.write([metric(value=0.07)])
    found = [(row.as_of, row.role, row.period, row.name, row.value) for row in from_frame(store.read("cards"))]
    assert (AS_OF, "champion", "month", "score_psi", 0.07) in found
    assert not [row for row in found if row[3] == "auc"]
    assert len(found) == 4


def test_history_is_what_was_before_whenever_it_is_asked(store: MetricStore) -> None:
    store.write([metric(as_of=JUNE), metric(), metric(as_of=date(2005, 8, 31))])
    assert store.history("cards", AS_OF)["as_of"].to_list() == [JUNE]
    assert store.history("other", AS_OF).is_empty()
    assert store.history("cards", AS_OF, period="day").is_empty()


def test_rows_are_found_by_name_role_and_date(store: MetricStore) -> None:
    store.write([metric(), metric(name="auc"), metric(role="frozen"), metric(as_of=JUNE)])
    assert len(store.read("cards", names=["auc"])) == 1
    assert len(store.read("cards", role="frozen")) == 1
    assert len(store.read("cards", since=AS_OF)) == 3
    assert len(store.read("cards", period="month", before=AS_OF)) == 1


def test_numbers_that_are_none_cannot_be_made() -> None:
    with pytest.raises(MetricError, match="score_psi: value is nan"):
        replace(metric(), value=float("nan"))


def test_other_databases_are_refused() -> None:
    with pytest.raises(MetricStoreError, match=r"mysql.*expected a sqlite"):
        MetricStore("mysql://user:secret@host/db")


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(MetricStoreError, match="metrics table in sqlite"):
        MetricStore(f"sqlite:///{tmp_path / 'none' / 'metrics.db'}")


def test_a_damaged_file_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "metrics.db").write_bytes(b"rubbish" * 1000)
    with pytest.raises(MetricStoreError, match=r"metrics\.db: file is not a database.*run monitor"):
        MetricStore(f"sqlite:///{tmp_path / 'metrics.db'}")


def test_what_is_no_url_is_not_shown() -> None:
    with pytest.raises(MetricStoreError, match="LENDLOOP_METRICS is not a URL") as caught:
        MetricStore("h1dden")
    assert "h1dden" not in str(caught.value)
