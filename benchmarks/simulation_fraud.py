"""The simulated world's fraud: is there as much as chosen, does it default, can it be learned, is the new pattern new?

`python -m benchmarks.simulation_fraud [CUSTOMERS MONTHS]` runs the scenario `new_fraud`, prints four tables and writes
`benchmarks/results/simulation_fraud.json`: fraud by pattern beside the scenario's shares, sizes of rings beside their
distribution, what loans to fraudsters come to, and a plain model that was trained before the new pattern appeared.
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from catboost import CatBoostClassifier
from rich.console import Console
from sklearn.metrics import roc_auc_score

from benchmarks.figures import Figures, Goal, Section
from benchmarks.lending_world import LendingWorld
from benchmarks.lures_world import lures_world, words
from benchmarks.quality import printed
from simulation.draws import Draws
from simulation.fraud import rings
from simulation.fraud.identities import MONTH
from simulation.scenarios.fraud import FraudPlan
from simulation.scenarios.scenario import Scenario, load
from simulation.schema.truth import FRAUDS

RESULTS = Path(__file__).parent / "results" / "simulation_fraud.json"
CUSTOMERS, MONTHS, SCENARIO = 40_000, 16, "new_fraud"
DEVIATIONS = 3.0
KNOWN = ("stolen_identity", "synthetic_identity", "ring", "bust_out")
NEW = "new_pattern"
SHARES = {"stolen_identity": "stolen", "synthetic_identity": "synthetic", "ring": "rings", "bust_out": "bust_out",
          "account_takeover": "takeover"}  # fmt: skip


def as_chosen(world: LendingWorld, customers: int) -> Section:
    """Fraudsters and victims among all people, whenever they strike, beside the scenario's shares."""
    scenario, people = world.world.state.scenario, world.world.state.people
    truth = words(world.rows("true_fraud"), "pattern")
    told = truth.filter(pl.col("application_id") == 0).group_by("pattern").agg(pl.col("customer_id").n_unique())
    asked = truth.filter(pl.col("application_id") > 0).group_by("pattern").len()
    joined, applied = (dict(frame.iter_rows()) for frame in (told, asked))
    names = np.array(FRAUDS)[people.pattern]
    rows, worst = [], 0.0
    headings = ("chosen", "there", "joined so far", "applications")
    for name, chosen in _chosen(scenario).items():
        there = int((names == name).sum())
        # Members of a ring come together: their number varies like that of rings.
        clump = rings.mean_size(scenario.fraud) * 2.0 if name == "ring" else 1.0
        off = float(abs(there - chosen * customers) / max(np.sqrt(chosen * customers * clump), 1.0))
        worst = max(worst, off)
        counts = (f"{chosen:.2%}", f"{there / customers:.2%}", f"{joined.get(name, 0)}", f"{applied.get(name, 0)}")
        rows.append(Figures(name, dict(zip(headings, counts, strict=True))))
    goal = Goal("farthest from its share, in deviations", worst, DEVIATIONS, at_least=False)
    return Section("Fraud as chosen", f"share of {customers:,} customers", headings, tuple(rows), (goal,))


def _chosen(scenario: Scenario) -> dict[str, float]:
    shares = {name: float(getattr(scenario.fraud, field)) for name, field in SHARES.items()}
    return shares | ({NEW: scenario.fraud.new_pattern.share} if scenario.fraud.new_pattern else {})


def ring_sizes(people_ring: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many members each ring has."""
    _, sizes = np.unique(people_ring[people_ring > 0], return_counts=True)
    return sizes


def rings_as_chosen(world: LendingWorld) -> Section:
    """Sizes of the rings beside the distribution they are drawn from."""
    plan = world.world.state.scenario.fraud
    sizes, expected = ring_sizes(world.world.state.people.ring), _expected(plan)
    rows = [
        Figures(name, {"rings": f"{len(some):,}", "mean": f"{some.mean():.1f}", "median": f"{np.median(some):.0f}",
                       "one in ten": f"{np.quantile(some, 0.9):.0f}", "largest": f"{some.max()}"})
        for name, some in (("there", sizes), ("drawn a hundred thousand times", expected))
    ]  # fmt: skip
    off = abs(sizes.mean() - expected.mean()) / (expected.std() / np.sqrt(len(sizes)))
    goal = Goal("mean size off, in standard errors", float(off), DEVIATIONS, at_least=False)
    return Section("Rings", "", ("rings", "mean", "median", "one in ten", "largest"), tuple(rows), (goal,))


def _expected(plan: FraudPlan) -> npt.NDArray[np.int64]:
    ids = np.arange(1, 100_001) * rings.BLOCK
    return rings.membership(plan, 0.01, Draws(99), ids).size


def losses(world: LendingWorld) -> Section:
    """Loans lent after fraudsters had struck, beside all others: how many default, and for how much."""
    loans = world.rows("loans").select("loan_id", "principal", "event_timestamp")
    old = loans.filter(pl.col("event_timestamp") <= loans["event_timestamp"].max() - pl.duration(days=130))
    truth = words(world.rows("true_fraud"), "pattern").select(loan_id="application_id", pattern="pattern")
    bad = world.rows("defaults").select("loan_id", "exposure")
    joined = old.join(truth, on="loan_id", how="left").join(bad, on="loan_id", how="left")
    parts = joined.group_by(pl.col("pattern").fill_null("honest")).agg(
        loans=pl.len(), defaulted=pl.col("exposure").is_not_null().mean(), lent=pl.col("principal").mean()
    )
    rows = [
        Figures(name, {"loans": f"{count:,}", "defaulted": f"{share:.1%}", "lent, mean": f"{lent:,.0f}"})
        for name, count, share, lent in parts.sort("pattern").iter_rows()
    ]
    least = float(parts.filter(pl.col("pattern") != "honest")["defaulted"].min())  # type: ignore[arg-type]
    goal = Goal("least share of a pattern's loans that default", least, 0.9)
    note = "lent at least 130 days before the end"
    return Section("Loans to fraudsters", note, ("loans", "defaulted", "lent, mean"), tuple(rows), (goal,))


def traces(world: LendingWorld) -> pl.DataFrame:
    """What an application shows, and whether it is fraud; everything as it was known when it came."""
    moment = pl.col("event_timestamp")
    scores = words(world.rows("signals"), "check").pivot("check", index="application_id", values="score")
    bureau = world.rows("bureau").select("application_id", "found", "bureau_score", "months_on_file", "enquiries_3m")
    profile = world.rows("customers").sort("event_timestamp").unique("customer_id", keep="first")
    profile = profile.select("customer_id", "region", "stated_income", joined="event_timestamp")
    emulated = world.rows("devices").group_by("device_id").agg(pl.col("emulator", "rooted").any())
    forms = world.rows("applications").drop("stated_income").sort("event_timestamp")
    first = pl.struct("customer_id").is_first_distinct()
    for shared in ("device_id", "address_id", "payee_account"):
        forms = forms.with_columns(first.cum_sum().over(shared).alias(f"people_{shared}"))
    truth = words(world.rows("true_fraud"), "pattern").select("application_id", "pattern")
    joined = forms.join(scores, on="application_id").join(bureau, on="application_id")
    joined = joined.join(profile, on="customer_id").join(emulated, on="device_id", how="left")
    return joined.join(truth, on="application_id", how="left").with_columns(
        hour=moment.dt.hour(), away=pl.col("ip_region") != pl.col("region"),
        days=(moment - pl.col("joined")).dt.total_days(), ratio=pl.col("amount") / pl.col("stated_income"),
        pattern=pl.col("pattern").fill_null("honest"), purpose=pl.col("purpose").to_physical(),
        channel=pl.col("channel").to_physical(),
    )  # fmt: skip


INPUTS = (
    "amount", "ratio", "term_months", "purpose", "channel", "hour", "away", "days", "seconds_on_form", "income_edits",
    "read_terms", "liveness", "voice_print", "document", "device", "emulator", "rooted", "found", "bureau_score",
    "months_on_file", "enquiries_3m", "people_device_id", "people_address_id", "people_payee_account",
)  # fmt: skip


def learned(world: LendingWorld) -> Section:
    """A model trained before the new pattern, tested after: known patterns, and the new one."""
    scenario = world.world.state.scenario
    assert scenario.fraud.new_pattern
    seen, earlier = traces(world), pl.col("event_timestamp").dt.date() < scenario.fraud.new_pattern.starts
    before, after = seen.filter(earlier), seen.filter(~earlier)
    model = CatBoostClassifier(iterations=200, depth=4, learning_rate=0.06, verbose=False, allow_writing_files=False)
    model.fit(_inputs(before), (before["pattern"] != "honest").to_numpy())
    score, pattern = model.predict_proba(_inputs(after))[:, 1], after["pattern"].to_numpy()
    rows = []
    found: dict[str, float] = {}
    for name in (*KNOWN, NEW):
        mine = pattern == name
        some = mine | (pattern == "honest")
        found[name] = float(roc_auc_score(mine[some], score[some]))
        rows.append(Figures(name, {"applications": f"{mine.sum()}", "AUC": found[name]}, ours=name == NEW))
    known = float(np.mean([found[name] for name in KNOWN]))
    goals = (Goal("known patterns, mean AUC", known, 0.85), Goal("known patterns, mean AUC: not trivial", known, 0.995,
             at_least=False), Goal("new pattern's AUC: it is new", found[NEW], 0.8, at_least=False))  # fmt: skip
    return Section(
        "Learned before the new pattern, tested after",
        f"{len(before):,} applications to train, {(before['pattern'] != 'honest').sum()} of them fraud",
        ("applications", "AUC"), tuple(rows), goals,
    )  # fmt: skip


def _inputs(frame: pl.DataFrame) -> npt.NDArray[np.float64]:
    return frame.select(pl.col(INPUTS).cast(pl.Float64)).to_numpy()


def waves(customers: int) -> Section:
    """Strikes a month within a wave and outside of it."""
    scenario = load("fraud_wave")
    wave = scenario.fraud.wave
    assert wave
    people = LendingWorld(customers, scenario).world.state.people
    start = np.datetime64(scenario.start).astype("datetime64[D]").astype(np.int64)
    # A ring strikes as one.
    own = np.where(people.ring > 0, -people.ring, people.id)[people.pattern > 0]
    _, once = np.unique(own, return_index=True)
    month = ((people.strikes[people.pattern > 0][once] - start) / MONTH).astype(np.int64)
    counts = np.bincount(month, minlength=scenario.population.joining_months)
    during = np.zeros(len(counts), dtype=bool)
    during[wave.month : wave.month + wave.months] = True
    ratio = float(counts[during].mean() / counts[~during].mean())
    rows = [Figures(name, {"strikes a month": f"{counts[some].mean():.1f}"})
            for name, some in (("in the wave", during), ("otherwise", ~during))]  # fmt: skip
    goals = (Goal("times as many", ratio, wave.factor * 0.75), Goal("times as many, at most", ratio, wave.factor * 1.25,
             at_least=False))  # fmt: skip
    return Section(f"A wave of {wave.factor:g} times", "scenario fraud_wave", ("strikes a month",), tuple(rows), goals)


def main(customers: int = CUSTOMERS, months: int = MONTHS) -> None:
    """Measure, print and write."""
    console = Console()
    world = lures_world(customers, months, SCENARIO)
    sections = [
        as_chosen(world, customers), rings_as_chosen(world), losses(world), learned(world), waves(customers),
    ]  # fmt: skip
    for section in sections:
        printed(console, section)
    RESULTS.write_text(json.dumps([asdict(section) for section in sections], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*(int(number) for number in sys.argv[1:3]))
