"""Makes a made-up incumbent's decision log for docs/bring-what-you-have.md: a rule of thumb on real statements.

Run from the repository: `.venv/bin/python docs/examples/make_incumbent.py FOLDER`. It decides in September 2005 about
4,000 customers of taiwan_cards, by how late they were and how much of the limit they used in August.
"""

import sys
from pathlib import Path

import numpy as np
import polars as pl

SOURCE = Path("portfolios/taiwan_cards/data/taiwan_credit.csv.gz")
CUSTOMERS, DAYS = 4_000, 28


def decisions(seed: int = 20_050_901) -> pl.DataFrame:
    """One decision a customer, with the flaws that such logs have: a word nobody knows, a time that is none."""
    draw = np.random.default_rng(seed)
    cards = pl.read_csv(SOURCE).sample(CUSTOMERS, seed=seed).sort("ID")
    late = cards["PAY_2"].clip(0, None).to_numpy()
    used = (cards["BILL_AMT2"] / cards["LIMIT_BAL"]).clip(0, 1.5).to_numpy()
    score = np.round(700 - 70 * late - 60 * used).astype(int)
    verdict = np.select([score >= 650, score >= 560], ["A", "R"], "D")
    day, hour = np.sort(draw.integers(1, DAYS + 1, CUSTOMERS)), draw.integers(9, 18, CUSTOMERS)
    when = [f"2005-09-{d:02d}T{h:02d}:30:00Z" for d, h in zip(day, hour, strict=True)]
    verdict = verdict.astype(object)
    verdict[7], when[11] = "CANCELLED", "2005-09-31T09:30:00Z"
    amount = np.round(cards["LIMIT_BAL"].to_numpy() * draw.uniform(0.2, 1.2, CUSTOMERS), -3)
    return pl.DataFrame(
        {"Customer": cards["ID"], "Decided": when, "Verdict": verdict, "Points": score, "Asked": amount}
    )


def main(folder: str) -> None:
    """Write the decisions of the first half of the month, and those of the second, as two files."""
    made, half = decisions(), pl.col("Decided") < "2005-09-15"
    for name, part in (("incumbent-1.csv", made.filter(half)), ("incumbent-2.csv", made.filter(~half))):
        part.write_csv(Path(folder) / name)
        print(f"{Path(folder) / name}: {part.height:,} decisions")  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
