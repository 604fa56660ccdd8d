"""Raw files that change: only what a change touches is written again, and it ends as a lake made from scratch."""

import shutil
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.build import build_features
from features.ingest import ingest
from features.lake import Lake
from features.spec import CREATED, EVENT
from tests.features.small import KEY, SPEC, months, portfolio, raw
from tests.features.test_build import CROWD
from tests.features.test_lake import files

LAST = date(2024, 4, 30)
ROWS = months(4, 4)
SPECS = {"entity": SPEC, "table": CROWD, "row": SPEC.replace("transform: lag,", "transform: value,")}


def run(root: Path, rows: pl.DataFrame, lake: Lake, text: str = SPEC, as_of: date = LAST) -> dict[str, bytes]:
    loans = portfolio(root, rows, text)
    ingest(loans, lake, as_of)
    build_features(loans, lake, as_of)
    return files(lake)


def amended(key: str, event: str, amount: str) -> pl.DataFrame:
    hit = (pl.col(KEY) == key) & (pl.col(EVENT) == event)
    return ROWS.with_columns(amount=pl.when(hit).then(pl.lit(amount)).otherwise("amount"))


def late(rows: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([rows, raw({KEY: "2", EVENT: "2024-02-29", CREATED: "2024-03-10", "amount": "99"})])


@pytest.mark.parametrize(
    ("change", "written"),
    [
        # A row of February reaches its own month and, as a lag, March; not April.
        (lambda: amended("2", "2024-02-29", "99"), {"tables/payments": "02", "features/behaviour": "02 03"}),
        (lambda: late(ROWS), {"tables/payments": "03", "features/behaviour": "03", "features/protected": "03"}),
        (lambda: ROWS.reverse(), {}),
    ],
)
def test_only_the_months_a_change_touches(
    tmp_path: Path, change: Callable[[], pl.DataFrame], written: dict[str, str]
) -> None:
    before = run(tmp_path, ROWS, Lake(tmp_path / "lake"))
    after = run(tmp_path, change(), Lake(tmp_path / "lake"))
    wanted = {f"loans/{what}/known=2024-{m}/part.parquet" for what, ms in written.items() for m in ms.split()}
    assert {file for file, content in after.items() if content != before[file]} == wanted
    assert after == run(tmp_path, change(), Lake(tmp_path / "scratch"))


@pytest.fixture(scope="module")
def first_runs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """By reach: what a run of the unchanged rows leaves, which every example goes on from."""
    folders = {reach: tmp_path_factory.mktemp(reach) for reach in SPECS}
    for reach, folder in folders.items():
        run(folder, ROWS, Lake(folder / "lake"), SPECS[reach])
    return folders


edits = st.lists(st.tuples(st.integers(0, 15), st.integers(0, 3), st.booleans()), min_size=1, max_size=3)


@pytest.mark.parametrize("reach", SPECS)
@settings(max_examples=8, deadline=None)
@given(edits, st.sampled_from([date(2024, 2, 29), date(2024, 3, 15), LAST]))
def test_random_edits_end_as_from_scratch(
    first_runs: Mapping[str, Path], reach: str, given_edits: list[tuple[int, int, bool]], between: date
) -> None:
    with TemporaryDirectory() as folder:
        root, text, rows = Path(folder), SPECS[reach], ROWS
        lake = Lake(root / "lake")
        shutil.copytree(first_runs[reach], root, dirs_exist_ok=True)
        for place, value, gone in given_edits:
            hit = pl.int_range(pl.len()) == place
            rows = rows.filter(~hit | (pl.col(KEY) == "1")) if gone else rows
            rows = rows.with_columns(amount=pl.when(hit).then(pl.lit(str(value))).otherwise("amount"))
            run(root, rows, lake, text, between)
        assert run(root, rows, lake, text) == run(root, rows, Lake(root / "scratch"), text)
