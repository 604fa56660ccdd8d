"""Files that change while they are read, differ from each other, or have odd names: joined rightly, or refused."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features.store import asof
from features.store.asof import FeatureFiles, features_known
from features.store.failures import StoreError
from features.store.reading import FilesChanged, UnreadableFiles

AT = datetime(2024, 1, 1, tzinfo=UTC)


def rows(ids: list[Any], values: list[Any], **more: list[Any]) -> pl.DataFrame:
    return pl.DataFrame({"id": ids, "at": [AT] * len(ids), "value": values, **more})


def joined(
    folder: Path,
    *parts: pl.DataFrame,
    ids: tuple[Any, ...] = (1, 2),
    key: str = "id",
    value: str = "value",
    names: tuple[str, ...] = ("0.parquet", "1.parquet"),
) -> list[Any]:
    files = [folder / name for name in names[: len(parts)]]
    for part, file in zip(parts, files, strict=True):
        part.write_parquet(file)
    observations = pl.DataFrame({"id": ids, "time": [AT + timedelta(days=1)] * len(ids)})
    return features_known(observations, "time", FeatureFiles(files, {"id": key}, {"x": value}, "at"))["x"].to_list()


def test_a_file_replaced_between_the_reads_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = asof._newest

    def replaced(*given: Any, **more: Any) -> Any:
        found = newest(*given, **more)
        rows([0, 1, 2], [5.0, 10.0, 20.0]).write_parquet(tmp_path / "new")
        os.replace(tmp_path / "new", tmp_path / "0.parquet")
        return found

    monkeypatch.setattr(asof, "_newest", replaced)
    with pytest.raises(FilesChanged, match=r"0\.parquet: the file was replaced while it was read; run again"):
        joined(tmp_path, rows([1, 2], [10.0, 20.0]))


def test_a_file_removed_between_the_reads_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = asof._newest

    def removed(*given: Any, **more: Any) -> Any:
        found = newest(*given, **more)
        (tmp_path / "0.parquet").unlink()
        return found

    monkeypatch.setattr(asof, "_newest", removed)
    with pytest.raises(FilesChanged):
        joined(tmp_path, rows([1, 2], [10.0, 20.0]))


@pytest.mark.parametrize("names", [("x1.parquet", "x[1].parquet"), ("a*.parquet", "ab.parquet"), ("?.parquet", "b")])
def test_names_are_no_patterns(tmp_path: Path, names: tuple[str, str]) -> None:
    (folder := tmp_path / "a[1]*").mkdir()
    assert joined(folder, rows([1], [1.0]), rows([2], [2.0]), names=names) == [1.0, 2.0]


FIRST = rows([1], [1.0])
ANOTHER = {
    "a column more": rows([2], [2.0], more=[1]),
    "columns in another order": rows([2], [2.0]).select("value", "at", "id"),
    "nanoseconds": rows([2], [2.0]).with_columns(pl.col("at").dt.cast_time_unit("ns")),
    "no zone": rows([2], [2.0]).with_columns(pl.col("at").dt.replace_time_zone(None)),
    "narrow keys": rows([2], [2.0]).with_columns(pl.col("id").cast(pl.Int32)),
    "whole numbers": rows([2], [2]),
}


@pytest.mark.parametrize("case", ANOTHER)
def test_files_that_differ_are_joined(tmp_path: Path, case: str) -> None:
    assert joined(tmp_path, FIRST, ANOTHER[case]) == [1.0, 2.0]
    assert joined(tmp_path, ANOTHER[case], FIRST) == [1.0, 2.0]


def test_a_first_file_of_gaps_has_no_type(tmp_path: Path) -> None:
    assert joined(tmp_path, rows([1], [None]), rows([2], [2.5])) == [None, 2.5]


def test_wide_keys_after_narrow_ones_are_met(tmp_path: Path) -> None:
    narrow = FIRST.with_columns(pl.col("id").cast(pl.Int32))
    assert joined(tmp_path, narrow, rows([2**40], [2.0]), ids=(1, 2**40)) == [1.0, 2.0]


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ([rows([1], [1]), rows([2], [2.5])], r"1\.parquet: column 'x': found 2\.5 of type Float64, expected Int64"),
        ([FIRST, rows([2], ["b"])], r"1\.parquet: column 'x': found 'b' of type String, expected Float64"),
        ([FIRST, rows([2.5], [2.0])], "key 'id': found Int64, Float64 in files of one view"),
        ([FIRST, rows([2], [2.0]).drop("value")], r"1\.parquet: found no column 'value'"),
        ([FIRST.with_columns(at=pl.lit("2024-01-01"))], "casting from string to datetime"),
    ],
)
def test_files_that_cannot_be_joined_are_refused(tmp_path: Path, parts: list[pl.DataFrame], told: str) -> None:
    assert issubclass(UnreadableFiles, StoreError)
    with pytest.raises(UnreadableFiles, match=told):
        joined(tmp_path, *parts)


@pytest.mark.parametrize("name", ["_at", "_row", "_code", "_when", "_event", "_created"])
def test_columns_may_have_any_name(tmp_path: Path, name: str) -> None:
    assert joined(tmp_path, rows([1, 2], [1.0, 2.0], **{name: [7, 8]}), value=name) == [7, 8]
    assert joined(tmp_path, rows([1, 2], [1.0, 2.0]).rename({"id": name}), key=name) == [1.0, 2.0]


def test_a_view_without_keys_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, known = [], asof._known
    monkeypatch.setattr(asof, "PART_ROWS", 2)
    monkeypatch.setattr(asof, "_known", lambda *given, **more: read.append(1) or known(*given, **more))
    rows(list(range(9)), list(range(9))).write_parquet(file := tmp_path / "rates.parquet")
    observations = pl.DataFrame({"time": [AT + timedelta(days=1)]})
    features_known(observations, "time", FeatureFiles([file], {}, {"x": "value"}, "at"))
    assert len(read) == 1
