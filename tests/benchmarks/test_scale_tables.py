"""The scale tables: the same for the same seed, in pieces, and as odd as asked."""

from pathlib import Path

import polars as pl
import pytest

from benchmarks import scale_tables
from benchmarks.scale_tables import CREATED, EVENT, KEY, Shape, feature_chunks, statement_chunks, write_months

SHAPE = Shape(customers=700, months=3, features=12, mixed=True, missing=0.2, corrected=0.05)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale_tables, "CHUNK_ROWS", 300)


def test_the_same_shape_is_the_same_files_and_another_seed_is_not(tmp_path: Path) -> None:
    def read(name: str, seed: int) -> pl.DataFrame:
        write_months(feature_chunks(Shape(**{**vars(SHAPE), "seed": seed})), tmp_path / name)
        return pl.read_parquet(tmp_path / name / "*/*.parquet", hive_partitioning=False)

    first = read("first", 1)
    assert first.equals(read("again", 1))
    assert not first.equals(read("other", 2))


def test_a_row_a_customer_and_month_and_corrections_known_later(tmp_path: Path) -> None:
    written = write_months(feature_chunks(SHAPE), tmp_path)
    rows = pl.read_parquet(tmp_path / "*/*.parquet", hive_partitioning=True)
    assert written.rows == rows.height > SHAPE.rows
    assert (rows["known"] == rows[CREATED].dt.strftime("%Y-%m")).all()
    assert (rows[CREATED] >= rows[EVENT]).all()
    of_event = rows.group_by(KEY, EVENT).agg(pl.len(), pl.col(CREATED).n_unique().alias("times"))
    assert of_event.height == SHAPE.rows
    assert of_event.filter(pl.col("len") == 2)["times"].unique().to_list() == [2]
    assert rows.group_by(KEY).agg(pl.col("known").n_unique())["known"].unique().to_list() == [3]


def test_types_in_turn_with_gaps_where_asked(tmp_path: Path) -> None:
    write_months(feature_chunks(SHAPE), tmp_path)
    rows = pl.read_parquet(tmp_path / "*/*.parquet")
    kinds = [rows.schema[f"f{place:02d}"] for place in range(5)]
    assert kinds == [pl.Float32, pl.Int64, pl.String, pl.Datetime("us", "UTC"), pl.Boolean]
    shares = {name: rows[name].null_count() / rows.height for name in rows.columns if rows[name].null_count()}
    assert shares.keys() == {"f00", "f06"}
    assert all(0.1 < share < 0.3 for share in shares.values())


def test_statements_hold_what_the_cards_portfolio_permits(tmp_path: Path) -> None:
    write_months(statement_chunks(SHAPE), tmp_path)
    rows = pl.read_parquet(tmp_path / "*/*.parquet")
    assert rows["pay_status"].is_between(-2, 8).all()
    assert rows["pay_status"].n_unique() > 5
    assert (rows["credit_limit"] >= 1).all()
    assert (rows["paid_amount"] >= 0).all()
