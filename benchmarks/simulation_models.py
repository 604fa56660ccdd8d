"""The simulated lender's own models beside what there is to know: their AUC, and that of the true chances.

`python -m benchmarks.simulation_models FOLDER [CUSTOMERS MONTHS]` simulates the quiet world, brings it in and builds
the portfolio's features, all under FOLDER and only what is not there yet; then each model of the portfolio, by its own
features and estimator, learns from the first labelled rows and is tested on the later ones, beside its points
scorecard, the bureau's score and the truth. The truth is what the world knew at the time; no model sees it. It prints
tables and writes `benchmarks/results/simulation_models.json`.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
from rich.console import Console

from benchmarks.figures import Figures, Goal, Section
from benchmarks.quality import printed
from benchmarks.simulation_truth import HIGH, KNOWABLE, LOW, TRAIN, knowable
from features.build import build_features
from features.ingest import ingest
from features.lake import Lake
from features.permitted import FeatureColumn, select
from features.portfolio import Portfolio, open_portfolio
from features.spec import CREATED, EVENT
from features.store.asof import FeatureFiles, features_known
from flows.worlds import PORTFOLIO, hand_over, last_month
from simulation.description import Description
from simulation.marketing.effects import DELIVERED
from simulation.scenarios.scenario import load
from simulation.simulate import simulate
from training.boosted import fit_boosted
from training.evaluation import auc
from training.inputs import input_order
from training.labels import LABEL, labels
from training.scorecard import fit_scorecard
from training.spec import ModelSpec, read_models

RESULTS = Path(__file__).parent / "results" / "simulation_models.json"
PORTFOLIOS = Path(__file__).parents[1] / "portfolios"
CUSTOMERS, MONTHS, SEED = 40_000, 16, 3
KEY = "customer_id"
OURS = "the portfolio's model"
SHARE = 0.6
"""How much of what the true chance has beyond a coin a propensity is to learn."""
Values = npt.NDArray[np.float64]


class Measured:
    """The portfolio over a simulated world: brought in, built, and open to its labels, features and truth."""

    def __init__(self, folder: Path, customers: int, months: int) -> None:
        self._world = folder / "world"
        simulate(Description(scenario=load("quiet"), seed=SEED, customers=customers), months, self._world)
        hand_over(folder / "made", self._world / "raw")
        self.as_of: date = last_month(self._world / "raw")
        self.portfolio: Portfolio = open_portfolio(PORTFOLIOS, PORTFOLIO, made=folder / "made")
        self.lake = Lake(folder / "lake")
        self.models = read_models(self.portfolio.folder / "models.yaml", self.portfolio.features).models
        ingest(self.portfolio, self.lake, self.as_of)
        build_features(self.portfolio, self.lake, self.as_of, [spec.service for spec in self.models.values()])

    def frame(self, spec: ModelSpec) -> pl.DataFrame:
        """Labelled rows by time, with the model's features as they were known then."""
        names = {spec.observations, spec.label.table}
        tables = {table: self.lake.read(PORTFOLIO, "tables", table, as_of=self.as_of) for table in names}
        frame = labels(spec, tables, KEY, self.as_of)
        for view, columns in self.portfolio.features.services[spec.service].views.items():
            files = sorted(self.lake.folder(PORTFOLIO, "features", view).glob("known=*/part.parquet"))
            source = FeatureFiles(files, {KEY: KEY}, {one: one for one in columns}, EVENT, CREATED, None)
            frame = frame.hstack(features_known(frame, EVENT, source))
        return frame.sort(EVENT, KEY)

    def columns(self, spec: ModelSpec) -> tuple[FeatureColumn, ...]:
        """The model's inputs."""
        return input_order(select(self.portfolio.features, spec.service))

    def true(self, table: str) -> pl.DataFrame:
        """A table of the truth."""
        files = sorted((self._world / "truth" / table).glob("day=*/*.parquet"))
        return pl.concat([pl.read_parquet(file, hive_partitioning=False) for file in files])

    def known(self, table: str) -> pl.DataFrame:
        """A canonical table."""
        return self.lake.read(PORTFOLIO, "tables", table, as_of=self.as_of)


def application_truth(measured: Measured, rows: pl.DataFrame) -> Iterator[tuple[str, Values]]:
    """The true PD of each application."""
    asked = (
        measured.known("applications")
        .unique([KEY, EVENT], keep="first")
        .select(KEY, EVENT, "application_id", "term_months")
    )
    truth = measured.true("true_applications").drop(KEY, EVENT, CREATED)
    found = rows.select(KEY, EVENT).join(asked.join(truth, on="application_id"), on=[KEY, EVENT], how="left",
                                         maintain_order="left")  # fmt: skip
    people = measured.true("true_people").unique(KEY, keep="first")
    yield "bureau score alone", -rows["bureau_score"].fill_null(600.0).to_numpy()
    yield KNOWABLE, knowable(found, people, found["term_months"], load("quiet"), SEED)
    yield "true PD (the ceiling)", found["pd"].to_numpy()


def propensity_truth(measured: Measured, rows: pl.DataFrame) -> Iterator[tuple[str, Values]]:
    """The true chance to apply after the contact, which arrived; and without it, as nobody knew what would be sent."""
    sent = measured.known("contacts").unique([KEY, EVENT], keep="first")
    truth = measured.true("true_contacts").select("contact_id", "chance_with", "chance_without", "channel")
    found = sent.select(KEY, EVENT, "contact_id").join(truth, on="contact_id")
    found = rows.select(KEY, EVENT).join(found, on=[KEY, EVENT], how="left", maintain_order="left")
    arrives = DELIVERED[found["channel"].to_physical().to_numpy()]
    without = found["chance_without"].to_numpy()
    yield "true chance without the contact", without
    yield "true chance (the ceiling)", (found["chance_with"].to_numpy() - (1 - arrives) * without) / arrives


def no_truth(measured: Measured, rows: pl.DataFrame) -> Iterator[tuple[str, Values]]:
    """The world notes no chance of falling behind by month."""
    yield from ()


TRUTHS = {"application": application_truth, "propensity": propensity_truth, "behaviour": no_truth}


def section(measured: Measured, name: str) -> Section:
    """One model beside the truth, on the later rows."""
    spec, columns = measured.models[name], measured.columns(measured.models[name])
    frame = measured.frame(spec)
    cut = int(TRAIN * len(frame))
    learned, tested = frame[:cut], frame[cut:]
    card = fit_scorecard(spec, learned, columns, learned[LABEL].to_numpy())
    model = fit_boosted(spec, learned, columns, learned[LABEL].to_numpy())
    scores = {OURS: model.log_odds(tested), "its points scorecard": card.log_odds(tested)}
    scores |= dict(TRUTHS[name](measured, tested))
    bad = tested[LABEL].to_numpy()
    found = {who: auc(bad, score) for who, score in scores.items()}
    rows = [Figures(who, {"AUC": each.value, "from": each.low, "to": each.high}, ours=who == OURS)
            for who, each in found.items()]  # fmt: skip
    note = (f"{len(learned):,} rows with {learned[LABEL].sum():,} events to learn from, {len(tested):,} later ones with"
            f" {bad.sum():,} to test on")  # fmt: skip
    top = {who: each.value for who, each in found.items()}
    return Section(f"{name}: {spec.meaning}", note, ("AUC", "from", "to"), tuple(rows), _goals(name, top))


def _goals(name: str, found: dict[str, float]) -> tuple[Goal, ...]:
    if name == "application":
        return (Goal("model's AUC", found[OURS], LOW), Goal("model's AUC", found[OURS], HIGH, at_least=False))
    if name == "propensity":
        share = (found[OURS] - 0.5) / (found["true chance (the ceiling)"] - 0.5)
        return (Goal("share of what the true chance has beyond a coin", share, SHARE),)
    return ()


def main(folder: Path, customers: int = CUSTOMERS, months: int = MONTHS) -> None:
    """Measure, print and write."""
    console, measured = Console(), Measured(folder, customers, months)
    sections = [section(measured, name) for name in TRUTHS]
    for each in sections:
        printed(console, each)
    RESULTS.write_text(json.dumps([asdict(each) for each in sections], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *(int(number) for number in sys.argv[2:4]))
