"""A small world for tests: 120 customers for two months; and how to look at it."""

import hashlib
from pathlib import Path

import polars as pl

from simulation.description import Description
from simulation.scenarios.scenario import load
from simulation.schema import RAW

CUSTOMERS, MONTHS, SHARD = 120, 2, 120


def described(part: int = SHARD, **changed: object) -> Description:
    return Description(scenario=load("quiet"), customers=CUSTOMERS, shard=SHARD, part=part).model_copy(update=changed)


def digests(out: Path) -> dict[str, str]:
    """What every file of a world holds, by its path."""
    files = sorted(out.glob("*/*/day=*/*.parquet"))
    return {str(file.relative_to(out)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def rows(out: Path, table: str) -> pl.DataFrame:
    """All rows of a table."""
    folder = out / ("raw" if table in RAW else "truth") / table
    return pl.concat(
        [pl.read_parquet(file, hive_partitioning=False) for file in sorted(folder.glob("day=*/*.parquet"))]
    )
