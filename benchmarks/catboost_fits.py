"""The CatBoost fits inside a flow, kept as they happen, and done again alone on the same matrices."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from features.permitted import FeatureColumn
from training import boosted
from training.inputs import Inputs
from training.score import Labels


@dataclass(frozen=True)
class Fit:
    """One `CatBoost.fit` in the flow, and what it takes to do it again: its matrix lies in a file, not in memory."""

    rows: int
    seconds: float
    parameters: Mapping[str, Any]
    matrix: Path
    columns: Sequence[FeatureColumn]
    labels: Labels

    def again(self) -> None:
        """The same fit, bare."""
        from catboost import CatBoost

        numbers = np.load(self.matrix)
        CatBoost(dict(self.parameters)).fit(boosted._pool(_inputs(numbers), self.columns, self.labels))


def _inputs(numbers: np.ndarray) -> Inputs:
    return Inputs(numbers, np.empty((len(numbers), 0), dtype=object))


def kept_fits(folder: Path) -> list[Fit]:
    """From now on every `CatBoost.fit`, timed."""
    from catboost import CatBoost

    fits, made = list[Fit](), dict[int, tuple[Path, Sequence[FeatureColumn], Labels]]()
    lock, number, bare, pooled = threading.Lock(), count(), CatBoost.fit, boosted._pool

    def pool_of(inputs: Inputs, columns: Sequence[FeatureColumn], labels: Labels | None) -> Any:
        pool = pooled(inputs, columns, labels)
        if labels is not None:
            assert not inputs.categories.size, "the cards' twenty features are numbers"
            with lock:
                # By its number a pool is known only while it lives, as it does until its fit is done.
                made[id(pool)] = (folder / f"matrix-{next(number)}.npy", columns, labels)
            np.save(made[id(pool)][0], inputs.numbers)
        return pool

    @wraps(bare)
    def fit(self: Any, pool: Any, *given: Any, **more: Any) -> Any:
        began = time.perf_counter()
        done = bare(self, pool, *given, **more)
        seconds = time.perf_counter() - began
        with lock:
            fits.append(Fit(pool.num_row(), seconds, self.get_params(), *made[id(pool)]))
        return done

    boosted._pool, CatBoost.fit = pool_of, fit
    return fits


@dataclass(frozen=True)
class Taken:
    """Seconds by the clock, and of all processors."""

    seconds: float
    processor: float


def bare_seconds(fits: Sequence[Fit]) -> list[Taken]:
    """The same fits with nothing beside them: each large one, then all small ones, side by side as in the flow."""
    few, taken = [fit for fit in fits if fit.rows < boosted.SMALL], list[Taken]()
    groups = [*([fit] for fit in fits if fit.rows >= boosted.SMALL), *([few] if few else [])]
    for group in groups:
        began, processor = time.perf_counter(), time.process_time()
        boosted.side_by_side([fit.again for fit in group], min(fit.rows for fit in group))
        taken.append(Taken(time.perf_counter() - began, time.process_time() - processor))
    return taken
