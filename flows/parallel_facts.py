"""Every number of the comparison with an incumbent."""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.spec import EVENT
from flows.parallel import CHAMPION, LEARNED, Both
from serving.incumbent import OUTCOMES
from serving.movement import FAVOURABLE, by_amount, by_group, matrix, shift
from serving.parallel_run import Figures, Parallel, curve, figures
from training.evaluation import NORMAL_95
from training.fairness import wilson
from training.labels import LABEL

SELECTIVE = 0.5
"""When the refused are labelled less than half as often as the favoured, their outcomes are not those of everybody."""
Facts = dict[str, Any]


def comparable(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with a known label that the champion scored."""
    return rows.filter(pl.col(LABEL).is_not_null() & pl.col(CHAMPION).is_not_nan())


def figures_of(both: Both) -> Figures | None:
    """Who was right, as far as it can be told."""
    known = comparable(both.rows)
    if known.is_empty():
        return None
    return figures(_parallel(both, known), with_trade=not _is_selective(both.rows))


def _parallel(both: Both, known: pl.DataFrame) -> Parallel:
    stated = _whole(known["probability"])
    scores = _whole(known["score"])
    rank = stated if stated is not None else scores if scores is None or not both.is_risk else -scores
    return Parallel(
        events=known[LABEL].to_numpy(),
        entities=known[both.workspace.key].rank("dense").cast(pl.Int64).to_numpy() - 1,
        champion=known[CHAMPION].to_numpy(),
        incumbent=rank,
        stated=stated,
        favoured=known["before"].is_in(FAVOURABLE).to_numpy(),
        wanted=not both.is_risk,
    )


def _whole(values: pl.Series) -> NDArray[np.float64] | None:
    return None if values.null_count() else values.to_numpy()


def _is_selective(rows: pl.DataFrame) -> bool:
    favoured = rows["before"].is_in(FAVOURABLE)
    known = rows[LABEL].is_not_null()
    shares = [float((known & side).sum()) / max(int(side.sum()), 1) for side in (favoured, ~favoured)]
    return bool((~favoured).any()) and shares[1] < SELECTIVE * shares[0]


def facts_of(both: Both, found: Figures | None) -> Facts:
    """Every number of the report."""
    moves, fairness = both.moves(), both.workspace.models.models[both.model].fairness
    groups = by_group(moves, both.groups, fairness) if both.groups is not None else []
    return {
        "portfolio": both.workspace.name,
        "release": both.release.sha,
        "model": both.model,
        "first": str(both.rows[EVENT].min()),
        "last": str(both.rows[EVENT].max()),
        "labels_known_at": f"{both.as_of}",
        "moves": shift(moves, "all").model_dump(),
        "matrix": matrix(moves).to_dicts(),
        "agreement": float((both.rows["before"] == both.rows["after"]).mean() or 0.0),  # type: ignore[arg-type]
        "by_amount": [one.model_dump() for one in by_amount(moves)],
        "by_group": [one.model_dump(mode="json") for one in groups],
        "not_scored": int(both.made.problems.unscored.sum()),
        "causes": _why(both),
        "labels": [_coverage(both.rows, outcome) for outcome in OUTCOMES[both.made.kind]],
        "learned": int(both.rows[LEARNED].sum()),
        "selective": _is_selective(both.rows),
        "sides": [_side(both.rows, first, second) for first in (True, False) for second in (True, False)],
        "figures": None if found is None else found.model_dump(),
    }


def _why(both: Both) -> dict[str, int]:
    """The causes for which the champion does not favour whom the incumbent did, commonest first."""
    lost = (both.rows["before"].is_in(FAVOURABLE) & ~both.rows["after"].is_in(FAVOURABLE)).to_numpy()
    counts: dict[str, int] = {}
    for code in {cause.reason.code for cause in both.made.causes}:  # several may have one code
        rows = [cause.rows for cause in both.made.causes if cause.reason.code == code]
        counts[code] = int((np.logical_or.reduce(rows) & lost).sum())
    counts["FEATURES_MISSING"] = int((both.made.problems.any & lost).sum())
    return dict(sorted(((code, n) for code, n in counts.items() if n), key=lambda item: (-item[1], item[0])))


def _coverage(rows: pl.DataFrame, outcome: str) -> Facts:
    part = rows.filter(pl.col("before") == outcome)
    return {"outcome": outcome, "decisions": part.height, "labelled": part.height - part[LABEL].null_count()}


def _side(rows: pl.DataFrame, incumbent: bool, champion: bool) -> Facts:
    """The decisions that each system favours or not: how many, how often the event came, and what was expected."""
    part = rows.filter(
        (pl.col("before").is_in(FAVOURABLE) == incumbent) & (pl.col("after").is_in(FAVOURABLE) == champion)
    )
    known = part[LABEL].drop_nulls()
    low, high = wilson(int(known.sum()), len(known), NORMAL_95)
    expected = part.filter(pl.col(CHAMPION).is_not_nan())[CHAMPION].mean()
    return {
        "incumbent": incumbent,
        "champion": champion,
        "decisions": part.height,
        "labelled": len(known),
        "event_rate": float(known.mean()) if len(known) else None,  # type: ignore[arg-type]
        "low": low,
        "high": high,
        "expected": expected,
    }


def curves_of(both: Both, known: pl.DataFrame) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Event rate over the share favoured, of each system that has a score."""
    rows = _parallel(both, known)
    found = {"champion": curve(rows.events, rows.champion, wanted=rows.wanted)}
    if rows.incumbent is not None:
        found["incumbent"] = curve(rows.events, rows.incumbent, wanted=rows.wanted)
    return found
