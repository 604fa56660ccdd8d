"""The simulated world's truth: is it learnable but not trivial, does it hold, and what do common random numbers save?

`python -m benchmarks.simulation_truth` prints three tables and writes `benchmarks/results/simulation_truth.json`:
a plain model beside the ceiling of the true PD, the true PD beside what happened and what it earned, and two policies
compared with the same luck and with another.
"""

import json
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from catboost import CatBoostClassifier
from rich.console import Console
from sklearn.metrics import roc_auc_score

from benchmarks.figures import Figures, Goal, Section
from benchmarks.lending_world import LendingWorld
from benchmarks.quality import printed
from simulation.draws import Draws
from simulation.lending import hazard
from simulation.policies import by_truth, hands_off
from simulation.scenarios.scenario import Scenario

Floats = npt.NDArray[np.float64]
RESULTS = Path(__file__).parent / "results" / "simulation_truth.json"
CUSTOMERS, MONTHS = 40_000, 24
PEOPLE, BLOCKS, RUN_MONTHS = 20_000, 20, 18
"""A comparison's people, their equal blocks, and for how long; people are independent, so a block is a replicate."""
STRICT, LAX = 0.04, 0.08
TRAIN = 0.7
LOW, HIGH = 0.70, 0.80
OURS = "CatBoost on form, bureau and profile"
KNOWABLE = "PD by all traits, but for what is the loan's own"
SEED = 1
USUAL_SHOCK = 0.01
"""About how often a month a job is lost or an illness begins."""
BANDS = (0.0, 0.01, 0.02, 0.04, 0.08, 0.16, 1.0)
UNUSED = ["application_id", "customer_id", "event_timestamp", "created_timestamp", "device_id", "address_id",
          "payee_account", "merchant_id", "birth_date", "change", "group", "sex"]  # fmt: skip


def outcomes(world: LendingWorld) -> pl.DataFrame:
    """Loans of the first year: true PD, whether they defaulted within 365 days, and what they earned or lost."""
    defaults = world.rows("defaults").select("loan_id", "days_on_book")
    paid = world.rows("payments").group_by("loan_id").agg(pl.col("principal", "interest", "fees").sum())
    loans = world.rows("true_loans").select("loan_id", "customer_id", "pd", "event_timestamp")
    lent = world.rows("loans").select("loan_id", "fee", "principal")
    joined = loans.join(lent, on="loan_id").join(paid, on="loan_id", how="left", suffix="_repaid")
    joined = joined.join(defaults, on="loan_id", how="left").with_columns(
        pl.col("principal_repaid", "interest", "fees").fill_null(0.0),
        bad=(pl.col("days_on_book") <= 365).fill_null(False),
    )
    lost = (
        pl.when(pl.col("days_on_book").is_not_null())
        .then(pl.col("principal") - pl.col("principal_repaid"))
        .otherwise(0.0)
    )
    return joined.with_columns(lost=lost).with_columns(
        profit=pl.col("fee") + pl.col("interest") + pl.col("fees") - pl.col("lost")
    )


def inputs(world: LendingWorld, loans: pl.DataFrame) -> pl.DataFrame:
    """What a lender knew when they applied, in the order of `loans`: form, bureau and profile, as they came."""
    bureau = world.rows("bureau").drop("customer_id", "event_timestamp", "created_timestamp")
    profile = world.rows("customers").sort("event_timestamp").unique("customer_id", keep="first")
    profile = profile.select(pl.exclude("event_timestamp", "created_timestamp", "stated_income"))
    known = world.rows("applications").join(bureau, on="application_id").join(profile, on="customer_id")
    age = (pl.col("event_timestamp").dt.date() - pl.col("birth_date")).dt.total_days() / 365.25
    wanted = loans.select(application_id="loan_id")
    rows = wanted.join(known.with_columns(age=age), on="application_id", how="left", maintain_order="left").drop(UNUSED)
    words = [name for name, type_ in rows.schema.items() if isinstance(type_, pl.Enum)]
    return rows.with_columns(pl.col(words).cast(pl.String).fill_null("none"))


def knowable(truth: pl.DataFrame, people: pl.DataFrame, term: pl.Series, plan: Scenario, seed: int) -> Floats:
    """The PD of applications as who knows all of the people would have it, but not what is the loan's own."""
    who = truth.join(people.select("customer_id", "willingness"), on="customer_id", how="left", maintain_order="left")
    own = Draws(seed).normal("loans.own", who["application_id"].to_numpy())
    index = who["index"].to_numpy() - plan.lending.noise * hazard.OWN * own
    begins = np.full(len(who), USUAL_SHOCK)
    borrower = hazard.Borrower(
        index, who["willingness"].cast(pl.Float64).to_numpy(), who["shocked"].to_numpy(), begins,
        ~who["intends_to_pay"].to_numpy(),
    )  # fmt: skip
    return hazard.default_chance(borrower, 0.0, term.to_numpy())


def learnable(world: LendingWorld) -> Section:
    """A plain CatBoost, trained on the first loans and tested on the last, beside the bureau score and the ceiling."""
    loans = first_year(outcomes(world)).sort("event_timestamp")
    known, bad, cut = inputs(world, loans), loans["bad"].to_numpy(), int(TRAIN * len(loans))
    model = _trained(known[:cut], bad[:cut])
    asked = loans.select(application_id="loan_id").join(world.rows("true_applications"), on="application_id",
                                                        how="left", maintain_order="left")  # fmt: skip
    best = knowable(asked, world.rows("true_people"), known["term_months"], world.world.state.scenario, SEED)
    scores = {
        "bureau score alone": -known["bureau_score"].fill_null(600.0).to_numpy()[cut:],
        OURS: model.predict_proba(known[cut:].to_pandas())[:, 1],
        KNOWABLE: best[cut:],
        "true PD (the ceiling)": loans["pd"].to_numpy()[cut:],
    }
    auc = {name: float(roc_auc_score(bad[cut:], score)) for name, score in scores.items()}
    return Section(
        "Learnable, not trivial",
        f"{cut:,} loans to train, {len(bad) - cut:,} later ones to test; default rate {bad.mean():.3f}",
        ("AUC",),
        tuple(Figures(name, {"AUC": value}, ours=name == OURS) for name, value in auc.items()),
        (Goal("model's AUC", auc[OURS], LOW), Goal("model's AUC", auc[OURS], HIGH, at_least=False)),
    )


def _trained(known: pl.DataFrame, bad: npt.NDArray[np.bool_]) -> CatBoostClassifier:
    words = [name for name, type_ in known.schema.items() if type_ == pl.String]
    model = CatBoostClassifier(
        iterations=300, depth=4, learning_rate=0.05, cat_features=words, verbose=False, allow_writing_files=False
    )
    return model.fit(known.to_pandas(), bad)


def first_year(loans: pl.DataFrame) -> pl.DataFrame:
    """Loans lent early enough to be seen for a year."""
    return loans.filter(pl.col("event_timestamp").dt.year() == 2024)


def holds(world: LendingWorld) -> Section:
    """True PD, default and money, by band of true PD."""
    loans = first_year(outcomes(world))
    pd, bad = loans["pd"].to_numpy(), loans["bad"].to_numpy()
    rows = [
        _band(f"{low:.0%} to {high:.0%}", loans.filter((pl.col("pd") >= low) & (pl.col("pd") < high)))
        for low, high in pairwise(BANDS)
    ]
    rows.append(_band("fraud, certain", loans.filter(pl.col("pd") >= 1.0)))
    chance = float(np.sqrt((pd * (1 - pd)).sum())) / len(pd)
    return Section(
        "True PD beside what happened",
        f"all: true PD {pd.mean():.4f}, defaulted {bad.mean():.4f} (chance alone moves it by {chance:.4f});"
        " the true PD supposes that nothing more is borrowed later: that is what the gap is made of",
        ("loans", "true PD", "defaulted", "earned per 100 lent", "lost per 100 lent", "profit per 100 lent"),
        tuple(rows),
        (Goal("defaulted less true PD, at most a point", abs(float(bad.mean() - pd.mean())), 0.01, at_least=False),),
    )


def _band(name: str, part: pl.DataFrame) -> Figures:
    lent, lost, profit = (float(part[column].to_numpy().sum()) for column in ("principal", "lost", "profit"))
    return Figures(
        name,
        {
            "loans": f"{len(part):,}",
            "true PD": float(part["pd"].to_numpy().mean()),
            "defaulted": float(part["bad"].to_numpy().mean()),
            "earned per 100 lent": f"{100 * (profit + lost) / lent:.2f}",
            "lost per 100 lent": f"{100 * lost / lent:.2f}",
            "profit per 100 lent": f"{100 * profit / lent:.2f}",
        },
    )


def compared() -> Section:
    """Two policies by true PD, on the same people and loans so far: the same luck from then on, and another."""
    lax, strict = (_profits(limit, luck=1) for limit in (LAX, STRICT))
    other = _profits(STRICT, luck=2)
    same, apart = lax - strict, lax - other
    saved = float(np.var(apart, ddof=1) / np.var(same, ddof=1))
    rows = [
        Figures(name, {"mean": f"{gap.mean():,.0f}", "deviation": f"{gap.std(ddof=1):,.0f}",
                       "standard error": f"{gap.std(ddof=1) / np.sqrt(BLOCKS):,.0f}"})
        for name, gap in (("same luck", same), ("another luck", apart))
    ]  # fmt: skip
    return Section(
        f"Profit of approving up to a PD of {LAX:.0%} less that of {STRICT:.0%}",
        f"{BLOCKS} blocks of {PEOPLE // BLOCKS:,} people, {RUN_MONTHS} months;"
        f" common random numbers divide the variance by {saved:.1f}",
        ("mean", "deviation", "standard error"), tuple(rows), (Goal("variance divided by at least 2", saved, 2.0),),
    )  # fmt: skip


def _profits(highest_pd: float, luck: int) -> npt.NDArray[np.float64]:
    """Profit of each block of people."""
    world = LendingWorld(PEOPLE)
    world.world.live_on_by(luck)
    world.run(RUN_MONTHS, by_truth(highest_pd))
    loans = outcomes(world).with_columns(block=(pl.col("customer_id") - 1) // (PEOPLE // BLOCKS))
    sums = dict(loans.group_by("block").agg(pl.col("profit").sum()).iter_rows())
    return np.array([float(sums.get(block, 0.0)) for block in range(BLOCKS)])


def main() -> None:
    """Measure, print and write."""
    console = Console()
    world = LendingWorld(CUSTOMERS, seed=SEED).run(MONTHS, hands_off())
    sections = [learnable(world), holds(world), compared()]
    for section in sections:
        printed(console, section)
    RESULTS.write_text(json.dumps([asdict(section) for section in sections], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
