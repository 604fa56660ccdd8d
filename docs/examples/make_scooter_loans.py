"""Makes `scooter_loans.csv`, the made-up file of docs/bring-your-own.md: no row of it is about anyone.

Run from the repository: `.venv/bin/python docs/examples/make_scooter_loans.py`
"""

from pathlib import Path

import numpy as np
import polars as pl

ROWS = 2400
FIRST_DAY, DAYS = np.datetime64("2024-01-01"), 366


def scooter_loans(rows: int = ROWS, seed: int = 20_240_101) -> pl.DataFrame:
    """Loans for scooters, one row an application, with the flaws that such files have."""
    draw = np.random.default_rng(seed)
    applied = FIRST_DAY + np.sort(draw.integers(0, DAYS, rows)).astype("timedelta64[D]")
    income = draw.lognormal(7.6, 0.45, rows).round(-1)
    amount = (draw.integers(6, 60, rows) * 100).astype(float)
    work = draw.choice(["employed", "self-employed", "student", "retired"], rows, p=[0.6, 0.2, 0.15, 0.05])
    late = draw.poisson(0.6, rows)
    risk = -2.9 + 0.5 * amount / income + 0.75 * late + 0.5 * (work == "self-employed") + 0.35 * (work == "student")
    bad = draw.random(rows) < 1 / (1 + np.exp(-risk))
    return pl.DataFrame(
        {
            "Application No": [f"SL-{100_000 + row}" for row in range(rows)],
            "Applied on": [f"{day.astype(object):%d/%m/%Y}" for day in applied],
            "Monthly income": [f"{value:,.0f}" if draw.random() > 0.06 else "" for value in income],
            "Amount": amount,
            "Term (months)": draw.choice([6, 12, 18, 24, 36], rows),
            "Employment": work,
            "Earlier late payments": late,
            "Dealer": [f"dealer {number % 180:03d}" for number in draw.zipf(1.4, rows)],
            "Sex": draw.choice(["f", "m"], rows),
            "Age": draw.integers(18, 75, rows),
            "Collection fees": np.where(bad, draw.integers(15, 90, rows), 0),
            "Bad": np.where(bad, "yes", "no"),
        }
    )


if __name__ == "__main__":
    scooter_loans().write_csv(Path(__file__).parent / "scooter_loans.csv")
