"""Work by ranges of customers: nobody is left out or met twice, and the features are those of the whole table."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features.build import build_features
from features.customers import Customers, split, split_evenly
from features.ingest import ingest
from features.lake import Lake
from tests.features.small import KEY, SPEC, months, portfolio
from tests.features.test_incremental import LAST, amended, late

ROWS = months(13, 4)
SPECS = {"int": SPEC, "string": SPEC.replace("key: client_id, type: int", "key: client_id, type: string")}


def small_groups(patched: pytest.MonkeyPatch) -> None:
    patched.setattr("features.lake_files.ROW_GROUP", 3)


@pytest.fixture(autouse=True)
def _small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    small_groups(monkeypatch)


def built(folder: Path, rows: pl.DataFrame, text: str, at_once: int, each: Any = map, as_of: date = LAST) -> Lake:
    loans, lake = portfolio(folder, rows, text), Lake(folder / f"lake {at_once}")
    ingest(loans, lake, as_of)
    build_features(loans, lake, as_of, at_once=at_once, each=each)
    return lake


def content(lake: Lake) -> dict[str, pl.DataFrame]:
    """Every file of the features and of what they were made from."""
    found = [*lake.root.rglob("features/**/part.parquet"), *lake.root.rglob("features/**/made_from.fingerprints")]
    return {str(file.relative_to(lake.root)): pl.read_parquet(file, hive_partitioning=False) for file in found}


def same(one: Lake, other: Lake) -> bool:
    left, right = content(one), content(other)
    # Rows in their order, and the digests that a later run is told by.
    digests = [[lake.partitions("loans", "features", "behaviour") for lake in (one, other)]]
    alike = left.keys() == right.keys() and all(frame.equals(right[name]) for name, frame in left.items())
    return alike and all(first == second for first, second in digests)


@pytest.mark.parametrize("text", SPECS.values(), ids=SPECS)
def test_ranges_hold_everyone_once(tmp_path: Path, text: str) -> None:
    lake = built(tmp_path, ROWS, text, 10**6)
    files = sorted((lake.folder("loans", "tables", "payments")).glob("*/part.parquet"))
    rows = pl.read_parquet(files, hive_partitioning=False)
    assert split(files, KEY, rows.height) == [Customers()]
    ranges = split(files, KEY, 12)
    assert len(ranges) > 3
    held = [rows.filter(one.within(KEY)) for one in ranges]
    assert sum(part.height for part in held) == rows.height
    assert sum(part[KEY].n_unique() for part in held) == rows[KEY].n_unique()
    assert max(part.height for part in held) <= 13  # a customer with 13 alone


def test_ranges_are_as_large_as_asked_however_many_months(tmp_path: Path) -> None:
    # Each month is one group of rows, and the first customers leave one by one: all begin about alike.
    files = [tmp_path / f"{month}.parquet" for month in range(60)]
    for month, file in enumerate(files):
        pl.DataFrame({KEY: range(1 + month, 1001)}).write_parquet(file)
    rows = pl.scan_parquet(files)
    for most in (5_000, 30_000):
        ranges = split(files, KEY, most)
        held = [rows.filter(one.within(KEY)).select(pl.len()).collect().item() for one in ranges]
        assert sum(held) == rows.select(pl.len()).collect().item()
        assert max(held) <= most
        assert sorted(held)[1] > most / 2  # all but the last
    spread = split_evenly(files, KEY, 250)
    assert [(one.low, one.high) for one in spread] == [(None, 251), (251, 501), (501, 751), (751, None)]


@pytest.fixture(scope="module")
def before_the_change(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """By specification: both lakes after two dates at which they were alike."""
    folders = {text: tmp_path_factory.mktemp("before") for text in SPECS.values()}
    with pytest.MonkeyPatch.context() as patched:
        small_groups(patched)
        for text, folder in folders.items():
            for as_of in (date(2024, 3, 31), LAST):
                assert same(*(built(folder, ROWS, text, at_once, as_of=as_of) for at_once in (12, 10**6)))
    return folders


@pytest.mark.parametrize("text", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("change", [lambda: amended("2", "2024-02-29", "99"), lambda: late(ROWS), lambda: ROWS[:-9]])
def test_features_by_ranges_are_those_of_the_whole_table(
    tmp_path: Path, before_the_change: Mapping[str, Path], text: str, change: Callable[[], pl.DataFrame]
) -> None:
    shutil.copytree(before_the_change[text], tmp_path, dirs_exist_ok=True)
    assert same(built(tmp_path, change(), text, 12), built(tmp_path, change(), text, 10**6))
    assert not list(tmp_path.rglob("*.growing"))


def test_what_is_built_already_is_not_written_again(tmp_path: Path) -> None:
    loans, lake = portfolio(tmp_path, ROWS), built(tmp_path, ROWS, SPEC, 12)
    before = {file: file.stat().st_mtime_ns for file in lake.root.rglob("features/**/*") if file.is_file()}
    assert all(one.reused for one in build_features(loans, lake, LAST, at_once=12))
    assert {file: file.stat().st_mtime_ns for file in before} == before


def test_a_build_that_fails_half_way_changes_nothing(tmp_path: Path) -> None:
    lake = built(tmp_path, ROWS, SPEC, 12)
    before = content(lake)

    def stopped(function: Callable[[Any], Any], parts: Iterable[Any]) -> Iterator[Any]:
        for place, part in enumerate(parts):
            if place == 2 and not isinstance(part, Customers):
                raise ConnectionError("a worker is gone")
            yield function(part)

    with pytest.raises(ConnectionError):
        built(tmp_path, ROWS.with_columns(amount=pl.lit("3")), SPEC, 12, stopped)
    assert all(frame.equals(before[name]) for name, frame in content(lake).items())
    assert not list(tmp_path.rglob("*.growing"))
    built(tmp_path, ROWS.with_columns(amount=pl.lit("3")), SPEC, 12)
    assert same(lake, built(tmp_path, ROWS.with_columns(amount=pl.lit("3")), SPEC, 10**6))
