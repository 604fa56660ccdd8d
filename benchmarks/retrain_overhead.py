"""What a whole `retrain` takes beyond the CatBoost fits in it: labels, features as known then, tests, registry.

`python -m benchmarks.retrain_overhead [ROWS] [--trees N …]` (100,000 rows unless told; the goal is for 1,000,000) makes
so many statements of the cards portfolio, runs the flow's body on them in a process of its own, does every
`CatBoost.fit` of it again alone on the same matrix, three times, and writes the median round to
`benchmarks/results/retrain_overhead.json`: by the clock, which the goal is of, and in processor seconds, which other
work on the machine changes less. Registries are made before, as a home makes them once. The model is the cards' own of
150 trees, or with `--trees` of so many of depth 6: the rest costs the same, so the share is another.
"""

import json
import os
import resource
import shutil
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.catboost_fits import Taken, bare_seconds, kept_fits
from benchmarks.features_scale import CARDS, LAST, MONTHS, NAME, cards, make_statements
from benchmarks.figures import Line
from benchmarks.machine import describe
from benchmarks.turns import keep
from features.build import build_features
from features.ingested import Ingested, note_ingested
from features.lake import Lake
from flows.progress import Silence, shown_by

RESULTS = Path(__file__).parent / "results" / "retrain_overhead.json"
GOAL = 0.15
"""Of the fits, that everything else may take."""
GOAL_ROWS = 1_000_000
"""README tells of the sizes that the goal is for: of fewer rows most of the flow is imports."""
OWN_TREES = 150
"""Of the cards' model."""
MIB = 1024.0


class Told(Silence):
    """What the flow says it is at, and when."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.said: list[tuple[float, float, str]] = []

    def noted(self, message: str) -> None:
        """Keep it, with the most memory held until then."""
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
        self.said.append((time.perf_counter() - self.began, peak, message))


def prepare(folder: Path, rows: int, trees: int) -> None:
    """A home with statements and features, and a portfolio with the cards' model; all its windows are the year."""
    portfolio = cards(folder)
    models = yaml.safe_load(CARDS.with_name("models.yaml").read_text(encoding="utf-8"))
    risk = models["models"]["risk"]
    del risk["groups"], risk["fairness"]
    features = portfolio.features.views["behaviour"].features
    risk["monotone"] = {name: sign for name, sign in risk["monotone"].items() if name in features}
    if trees:
        risk["estimator"] |= {"iterations": trees, "depth": 6}
    risk["windows"], risk["validation"] = [MONTHS], {"months": 2, "folds": 3}
    (portfolio.folder / "models.yaml").write_text(yaml.safe_dump(models, sort_keys=False), encoding="utf-8")
    make_statements(folder, rows // MONTHS)
    lake = Lake(folder / "lake")
    note_ingested(lake, NAME, Ingested("made up", LAST))
    build_features(portfolio, lake, LAST)


def retrained(folder: Path, body: Callable[[], object]) -> dict[str, Any]:
    """The flow's body, timed, and then the fits in it alone, on the same matrices."""
    fits, told, before = kept_fits(folder), Told(), time.process_time()
    with shown_by(told):
        body()
    whole = Taken(time.perf_counter() - told.began, time.process_time() - before)
    peak, inside, alone = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, list(fits), bare_seconds(fits)
    fitting = Taken(sum(one.seconds for one in alone), sum(one.processor for one in alone))
    return {
        "seconds": round(whole.seconds, 2),
        "fitting_seconds": round(fitting.seconds, 2),
        "overhead": round(whole.seconds / fitting.seconds - 1, 3),
        "processor_seconds": round(whole.processor, 2),
        "fitting_processor_seconds": round(fitting.processor, 2),
        "processor_overhead": round(whole.processor / fitting.processor - 1, 3),
        "peak_mib": round(peak / MIB),
        "bare": [{"seconds": round(one.seconds, 2), "processor": round(one.processor, 2)} for one in alone],
        "fits": [{"rows": fit.rows, "seconds": round(fit.seconds, 2)} for fit in inside],
        "steps": [{"at": round(at, 1), "peak_mib": round(peak), "step": step} for at, peak, step in told.said],
    }


def make_registry() -> None:
    """MLflow's store, which a home makes once: its first training waits for all of MLflow's migrations."""
    from flows.workspace import open_workspace

    open_workspace(NAME).registry.model_as_of(NAME, "risk", LAST)


def _apart(made: Callable[[], object], fault: str) -> None:
    if os.fork() == 0:
        made()
        os._exit(0)
    if os.waitstatus_to_exitcode(os.wait()[1]):
        sys.exit(fault)


def one_round(world: Path, place: Path) -> dict[str, Any]:
    """A retraining in a copy of the world, in which nothing was trained yet."""
    shutil.copytree(world, place)
    os.environ |= {"LENDLOOP_HOME": str(place), "LENDLOOP_PORTFOLIOS": str(place / "portfolios")}
    _apart(make_registry, "the model registry could not be made")
    from flows.retrain import retrain
    from flows.workspace import open_workspace

    with open_workspace(NAME).store as store:
        store.register()
    return retrained(place, lambda: retrain(NAME, LAST))


def main(rows: int, trees: int, rounds: int, console: Console) -> None:
    """Make the world, retrain in it, print, and keep the figures of the round that is the median."""
    machine = describe()
    runs = list[dict[str, Any]]()
    with tempfile.TemporaryDirectory(prefix="lendloop-retrain-") as folder:
        world, told = Path(folder) / "world", Path(folder) / "found.json"
        # In processes of their own: what the world took, or a round before, is not what retraining takes.
        _apart(lambda: prepare(world, rows, trees), "the statements could not be made")
        for number in range(rounds):
            place = Path(folder) / f"round-{number}"
            _apart(lambda at=place: told.write_text(json.dumps(one_round(world, at))), "the retraining failed")  # type: ignore[misc]
            shutil.rmtree(place)
            runs.append(json.loads(told.read_text()))
            show(console, rows, runs[-1])
    found = sorted(runs, key=lambda run: run["overhead"])[(rounds - 1) // 2]
    told_of = ("seconds", "fitting_seconds", "overhead", "processor_overhead")
    now = {name: machine[name] for name in ("load_before", "date")}
    kept = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    every = [{name: run[name] for name in told_of} for run in runs]
    size = {"rows": rows, "trees": trees or OWN_TREES, "machine": now, "rounds": every, **found}
    sizes = {**kept.get("sizes", {}), f"{rows} rows, {trees or OWN_TREES} trees": size}
    keep(RESULTS, {"sizes": sizes}, lines(sizes), machine)


def lines(sizes: dict[str, dict[str, Any]]) -> list[Line]:
    """What README says."""
    return [_line(one) for one in sizes.values() if one["rows"] >= GOAL_ROWS]


def _line(found: dict[str, Any]) -> Line:
    how = "alone" if "bare" in found else "inside the flow"
    fits = f"{found['fitting_seconds']:.0f} s, its {len(found['fits'])} fits {how}"
    every = [one["overhead"] for one in found.get("rounds", [])]
    spread = f", {min(every):.0%} to {max(every):.0%}" if len(every) > 1 else ""
    measured = f"{found['seconds']:.0f} s (+{found['overhead']:.0%}{spread})"
    what = f"retrain on {found['rows']:,} rows × 20 features, {found['trees']} trees, whole flow"
    return Line(what, f"≤ {GOAL:.0%} over its fits", measured, "–", fits, found["overhead"] <= GOAL)


def show(console: Console, rows: int, found: dict[str, Any]) -> None:
    """The figures as a table."""
    table = Table("second", "peak MiB", "what begins", box=None)
    for step in found["steps"]:
        table.add_row(f"{step['at']:.1f}", f"{step['peak_mib']:,}", step["step"])
    console.print(table)
    console.print(
        f"{rows:,} statements: {found['seconds']} s, of which {len(found['fits'])} fits {found['fitting_seconds']} s"
    )
    console.print(
        f"in processor seconds: {found['processor_seconds']}, of which fits {found['fitting_processor_seconds']}: "
        f"{found['processor_overhead']:+.1%}"
    )
    reached = "reached" if found["overhead"] <= GOAL else "missed"
    told = f"goal {GOAL:.0%}: {reached}" if rows >= GOAL_ROWS else f"the goal, {GOAL:.0%}, is for {GOAL_ROWS:,} rows"
    console.print(f"overhead {found['overhead']:.1%} ({told}); peak {found['peak_mib']:,} MiB")


if __name__ == "__main__":
    asked = ArgumentParser(prog="python -m benchmarks.retrain_overhead", description=__doc__)
    asked.add_argument("rows", type=int, nargs="?", default=100_000)
    asked.add_argument("--trees", type=int, nargs="+", default=[0], help="of depth 6; 0: the cards' own model")
    asked.add_argument("--rounds", type=int, default=3)
    given = asked.parse_args()
    for trees in given.trees:
        main(given.rows, trees, given.rounds, Console(highlight=False))
