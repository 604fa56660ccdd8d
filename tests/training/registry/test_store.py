import sys
from pathlib import Path
from typing import Any

import pytest

from training.registry.store import MlflowStore, RegistryError


@pytest.mark.integration
def test_a_store_cut_short_leaves_nothing_and_is_made_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow.store.db.utils as utils
    from sqlalchemy.exc import OperationalError

    monkeypatch.setattr(sys, "prefix", str(tmp_path))  # an environment that keeps no empty one
    make = utils._initialize_tables

    def stop_half_way(engine: Any) -> None:
        utils.InitialBase.metadata.create_all(engine)
        raise OperationalError("ALTER TABLE", {}, Exception("database or disk is full"))

    store = MlflowStore(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "artifacts")
    monkeypatch.setattr(utils, "_initialize_tables", stop_half_way)
    with pytest.raises(RegistryError, match="full"):
        store.newest("cards.risk", 1)
    assert list(tmp_path.iterdir()) == []

    monkeypatch.setattr(utils, "_initialize_tables", make)
    assert store.newest("cards.risk", 1) == []


def test_a_damaged_store_is_told_without_sql(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"rubbish" * 1000)
    with pytest.raises(RegistryError, match="file is not a database; the file is damaged") as caught:
        MlflowStore(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "artifacts").newest("cards.risk", 1)
    assert "SELECT" not in str(caught.value)
