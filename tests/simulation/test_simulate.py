"""A world's bytes: whatever the division, whenever it was killed; and the truth apart from all else."""

import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from simulation.description import WorldError
from simulation.schema import RAW, TABLES, TRUTH
from simulation.simulate import simulate
from tests.simulation.small import MONTHS, described, digests, rows


def test_any_division_gives_the_same_bytes(world: Path, tmp_path: Path) -> None:
    simulate(described(part=70), 1, tmp_path)
    here, whole = digests(tmp_path), digests(world)
    assert len(here) > 200
    assert here.items() <= whole.items()


def test_killed_and_run_again_it_ends_with_the_same_bytes(world: Path, tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from simulation.simulate import simulate; "
        f"from tests.simulation.small import described; simulate(described(), {MONTHS}, Path(sys.argv[1]))"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)])
    second_month = tmp_path / "raw" / "transactions" / "day=2024-02-10"
    deadline = time.monotonic() + 60
    while not second_month.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not (tmp_path / "raw" / "transactions" / "day=2024-02-29").exists(), "it was killed half-way"
    simulate(described(), MONTHS, tmp_path)
    assert digests(tmp_path) == digests(world)


def test_what_is_done_is_not_done_again(world: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in world.rglob("*.parquet")}
    simulate(described(), MONTHS, world)
    assert before == {path: path.stat().st_mtime_ns for path in world.rglob("*.parquet")}


def test_from_a_day_on_it_is_done_anew(world: Path) -> None:
    before = digests(world)
    broken = world / "raw" / "logins" / "day=2024-02-20" / "people-000000001.parquet"
    broken.write_bytes(b"damaged")
    simulate(described(), MONTHS, world, since=date(2024, 2, 15))
    assert digests(world) == before


@pytest.mark.parametrize("since", [date(2023, 12, 31), date(2026, 1, 1)])
def test_a_day_outside_the_months_is_refused(world: Path, since: date) -> None:
    with pytest.raises(WorldError, match=f"no day {since} in these {MONTHS} months: take one from 2024-01-01"):
        simulate(described(), MONTHS, world, since=since)


def test_another_world_is_not_mixed_in(world: Path) -> None:
    with pytest.raises(WorldError, match="seed differ"):
        simulate(described(seed=2), MONTHS, world)


def test_two_processes_and_fewer_people_give_the_same_rows(world: Path, tmp_path: Path) -> None:
    simulate(described(customers=20, shard=10), 1, tmp_path, workers=2)
    for table in ("transactions", "applications", "true_people"):
        of_few = (pl.col("customer_id") <= 20) & (pl.col("created_timestamp").dt.month() == 1)
        expected = rows(world, table).filter(of_few)
        found = rows(tmp_path, table).filter(of_few)
        assert found.sort(found.columns).equals(expected.sort(found.columns)), table


def test_rows_are_as_the_schema_says(world: Path) -> None:
    written = {path.name for kind in ("raw", "truth") for path in (world / kind).iterdir()}
    assert len(written) > 25
    for table in written:
        found = rows(world, table)
        assert dict(found.schema) == TABLES[table].schema, table
        assert found.drop("created_timestamp").unique().height > 0


def test_keys_name_one_row(world: Path) -> None:
    for table in ("applications", "loans", "transactions", "payments", "logins", "instalments", "bureau", "transfers"):
        faults = rows(world, "true_faults").filter(pl.col("table") == table)
        again = faults.filter(pl.col("fault").cast(pl.String).is_in(["duplicated", "corrected"])).height
        found = rows(world, table)
        assert found.height - found.n_unique(TABLES[table].key) <= again, table


def test_the_truth_is_apart(world: Path) -> None:
    assert not {path.name for path in (world / "raw").iterdir()} & set(TRUTH)
    hidden = {
        "pd",
        "ability",
        "willingness",
        "index",
        "highest_rate",
        "misused",
        "diverts",
        "intends_to_pay",
        "shocked",
    }
    for table in RAW.values():
        assert not {column.name for column in table.columns} & hidden, table.name


def test_rows_land_on_the_day_they_reach_the_lender(world: Path) -> None:
    for file in (world / "raw").glob("*/day=2024-01-2*/*.parquet"):
        landed = pl.read_parquet(file, hive_partitioning=False)["created_timestamp"].dt.date().max()
        assert file.parent.name == f"day={landed}", file
