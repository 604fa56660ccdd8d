"""How observations are cut for those who join them; that the rows are the same is tested through Feast's interface."""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from features.spec import CREATED, EVENT
from features.store.asof import FeatureFiles
from features.store.joins import Join
from features.store.reading import FilesChanged
from tests.features.store.made_up import KEY, at, monthly

Part = Callable[[pl.DataFrame], pl.DataFrame]
ASKED = 30


@pytest.fixture
def join(tmp_path: Path) -> Join:
    monthly(10, 3).sort(KEY, EVENT).write_parquet(tmp_path / "rows.parquet")
    return Join(
        [FeatureFiles([tmp_path / "rows.parquet"], {KEY: KEY}, {"amount": "amount"}, EVENT, CREATED)], EVENT, True
    )


def asked() -> pl.DataFrame:
    """Ten customers at three times, in no order."""
    times = [at("2024-02-20") + timedelta(days=20 * number) for number in range(3)]
    every = pl.DataFrame({KEY: range(10)}).join(pl.DataFrame({EVENT: times}), how="cross")
    return every.sample(fraction=1, shuffle=True, seed=3)


def test_parts_are_ranges_of_keys_and_the_answer_is_in_the_order_asked(join: Join) -> None:
    keys: list[list[int]] = []

    def each(function: Part, parts: Iterable[pl.DataFrame], /) -> Iterator[pl.DataFrame]:
        for part in parts:
            keys.append(part[KEY].to_list())
            yield function(part)

    found = join.run_by(each, asked(), 8)  # type: ignore[arg-type]
    assert found["amount"].null_count() < ASKED / 3
    assert found.equals(join.run(asked()))
    assert [len(part) for part in keys] == [8, 8, 8, 6]
    assert [key for part in keys for key in part] == sorted(asked()[KEY])


def test_a_few_are_joined_here(join: Join) -> None:
    def never(_function: object, _parts: object, /) -> Iterator[pl.DataFrame]:
        raise AssertionError("workers were asked")

    assert join.run_by(never, asked(), ASKED).height == ASKED  # type: ignore[arg-type]


def test_a_file_that_is_replaced_between_two_parts_ends_the_join(join: Join, tmp_path: Path) -> None:
    def each(function: Part, parts: Iterable[pl.DataFrame], /) -> Iterator[pl.DataFrame]:
        for part in parts:
            yield function(part)
            monthly(10, 2).write_parquet(tmp_path / "rows.parquet")

    with pytest.raises(FilesChanged, match=r"rows\.parquet"):
        join.run_by(each, asked(), 8)  # type: ignore[arg-type]


def test_what_fails_among_workers_is_not_told_of_the_files(join: Join) -> None:
    def each(_function: Part, _parts: Iterable[pl.DataFrame], /) -> Iterator[pl.DataFrame]:
        raise OSError("no space left on device: /tmp/spill")

    with pytest.raises(OSError, match="spill"):
        join.run_by(each, asked(), 8)  # type: ignore[arg-type]
