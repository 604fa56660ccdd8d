"""Makes the `.cbm` of docs/bring-what-you-have.md: a model as another house might have it, under names of its own.

Run from the repository: `.venv/bin/python docs/examples/make_cbm.py FOLDER`. It learns from the statements of May and
June 2005 of taiwan_cards who is two months late a month later, and leaves `house.cbm` with the map of its names.
"""

import sys
from pathlib import Path

import polars as pl
from catboost import CatBoostClassifier

SOURCE = Path("portfolios/taiwan_cards/data/taiwan_credit.csv.gz")
NAMES = {
    "LIMIT_BAL": "credit_limit",
    "PAY": "status",
    "PAY_LAST": "status_1",
    "PAY_BEFORE": "status_2",
    "BILL_AMT": "bill",
    "PAY_AMT": "paid",
}


def month(cards: pl.DataFrame, place: int) -> pl.DataFrame:
    """What was known at a statement (4 is June, 5 is May), and whether the next one was two months late or more."""
    return cards.select(
        "LIMIT_BAL",
        pl.col(f"PAY_{place}").alias("PAY"),
        pl.col(f"PAY_{place + 1}").alias("PAY_LAST"),
        (pl.col(f"PAY_{place + 2}") if place < 5 else pl.lit(None, pl.Int64)).alias("PAY_BEFORE"),
        pl.col(f"BILL_AMT{place}").alias("BILL_AMT"),
        pl.col(f"PAY_AMT{place}").alias("PAY_AMT"),
        (pl.col(f"PAY_{place - 1}") >= 2).alias("late"),
    ).cast(pl.Float64)


def main(folder: str) -> None:
    """Train and write."""
    cards = pl.read_csv(SOURCE)
    rows = pl.concat([month(cards, 4), month(cards, 5)])
    model = CatBoostClassifier(iterations=150, depth=4, random_seed=7, verbose=0, allow_writing_files=False)
    model.fit(rows.select(*NAMES).to_pandas(), rows["late"].to_numpy())
    model.save_model(str(Path(folder) / "house.cbm"))
    names = "".join(f"{theirs}: {ours}\n" for theirs, ours in NAMES.items())
    (Path(folder) / "names.yaml").write_text(names, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
