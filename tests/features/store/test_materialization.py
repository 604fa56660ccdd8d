"""What materializing notes of the rows it wrote."""

from pathlib import Path

import polars as pl
import pytest

from features import lake_files
from features.digests import rows_digest
from features.lake import Lake
from features.spec import CREATED
from features.store.materialization import _known_digest
from tests.features.store.made_up import NAME, VIEW, at, monthly, put


def test_the_digest_of_known_rows_is_of_one_group_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake_files, "ROW_GROUP", 3)
    lake = Lake(tmp_path / "lake")
    put(lake, monthly(20, 1))
    file = lake.file(NAME, "features", VIEW, "2024-02")
    monkeypatch.setattr(pl, "read_parquet", None)
    whole = pl.scan_parquet(file, hive_partitioning=False).collect()
    for until in (at("2024-02-02 12:00"), at("2024-03-01")):
        assert _known_digest(file, until) == rows_digest(whole.filter(pl.col(CREATED) < until))
