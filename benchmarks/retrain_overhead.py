"""What a whole `retrain` takes beyond the CatBoost fits in it: labels, features as known then, tests, registry.

`python -m benchmarks.retrain_overhead [ROWS] [--trees N]` (100,000 rows unless told; the goal is for 1,000,000) makes
so many statements of the cards portfolio, runs the flow's body on them in a process of its own, times every
`CatBoost.fit` in it on the matrix that it is given, and writes `benchmarks/results/retrain_overhead.json`. The model is
the cards' own of 150 trees, or with `--trees` of so many of depth 6: the rest costs the same, so the share is another.
"""

import json
import os
import resource
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.features_scale import CARDS, LAST, MONTHS, NAME, cards, make_statements
from benchmarks.figures import Line
from benchmarks.turns import keep
from features.build import build_features
from features.ingested import Ingested, note_ingested
from features.lake import Lake
from flows.progress import Silence, shown_by

RESULTS = Path(__file__).parent / "results" / "retrain_overhead.json"
GOAL = 0.15
"""Of the fits, that everything else may take."""
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


def timed_fits() -> list[tuple[int, float]]:
    """From now on the rows and seconds of every `CatBoost.fit`."""
    from catboost import CatBoost

    fits: list[tuple[int, float]] = []
    lock, bare = threading.Lock(), CatBoost.fit

    @wraps(bare)
    def fit(self: Any, pool: Any, *given: Any, **more: Any) -> Any:
        began = time.perf_counter()
        done = bare(self, pool, *given, **more)
        with lock:
            fits.append((pool.num_row(), time.perf_counter() - began))
        return done

    CatBoost.fit = fit
    return fits


def retrained(folder: Path, body: Callable[[], object]) -> dict[str, Any]:
    """The flow's body, timed with the fits in it."""
    fits, told = timed_fits(), Told()
    before = resource.getrusage(resource.RUSAGE_SELF)
    with shown_by(told):
        body()
    whole, after = time.perf_counter() - told.began, resource.getrusage(resource.RUSAGE_SELF)
    fitting = sum(seconds for _, seconds in fits)
    return {
        "seconds": round(whole, 2),
        "fitting_seconds": round(fitting, 2),
        "processor_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2),
        "overhead": round(whole / fitting - 1, 3),
        "peak_mib": round(after.ru_maxrss / MIB),
        "fits": [{"rows": rows, "seconds": round(seconds, 2)} for rows, seconds in fits],
        "steps": [{"at": round(at, 1), "peak_mib": round(peak), "step": step} for at, peak, step in told.said],
    }


def main(rows: int, trees: int, console: Console) -> None:
    """Make the world, retrain in it, print, and keep the figures."""
    with tempfile.TemporaryDirectory(prefix="lendloop-retrain-") as place:
        folder = Path(place)
        os.environ |= {"LENDLOOP_HOME": place, "LENDLOOP_PORTFOLIOS": str(folder / "portfolios")}
        if os.fork() == 0:  # in a process of its own: what it takes to make the world is not what retraining takes
            prepare(folder, rows, trees)
            os._exit(0)
        if os.waitstatus_to_exitcode(os.wait()[1]):
            sys.exit("the statements could not be made")
        from flows.retrain import retrain
        from flows.workspace import open_workspace

        with open_workspace(NAME).store as store:
            store.register()
        found = retrained(folder, lambda: retrain(NAME, LAST))
    show(console, rows, found)
    kept = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    sizes = {
        **kept.get("sizes", {}),
        f"{rows} rows, {trees or OWN_TREES} trees": {"rows": rows, "trees": trees or OWN_TREES, **found},
    }
    keep(RESULTS, {"sizes": sizes}, [line(one) for one in sizes.values()])


def line(found: dict[str, Any]) -> Line:
    """What README says."""
    fits = f"{found['fitting_seconds']:.0f} s, its {len(found['fits'])} fits"
    measured = f"{found['seconds']:.0f} s (+{found['overhead']:.0%})"
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
    reached = "reached" if found["overhead"] <= GOAL else "missed"
    console.print(f"overhead {found['overhead']:.1%} (goal {GOAL:.0%}): {reached}; peak {found['peak_mib']:,} MiB")


if __name__ == "__main__":
    asked = ArgumentParser(prog="python -m benchmarks.retrain_overhead", description=__doc__)
    asked.add_argument("rows", type=int, nargs="?", default=100_000)
    asked.add_argument("--trees", type=int, default=0)
    given = asked.parse_args()
    main(given.rows, given.trees, Console(highlight=False))
