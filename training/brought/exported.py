"""The benchmark scorecard as a CSV of points, in the form that a brought scorecard has."""

import csv
import io
import itertools
from collections.abc import Iterator
from math import log

from training.brought.points import OTHER
from training.brought.points_file import ANCHOR, BASE, COLUMNS, DOUBLE, ODDS
from training.inputs import MISSING
from training.score import ScoreScale
from training.scorecard import CategoryBins, NumberBins, Scorecard

ANCHORED = 60.0
Row = tuple[str, str, str, str, float]


def points_csv(card: Scorecard, scale: ScoreScale, kind: str, decimals: int) -> str:
    """The text of the CSV: base and scale, then every bin; more points are safer, or likelier to be the event."""
    towards = 1.0 if kind == "risk" else -1.0
    unit = towards * scale.points_per_log_odds
    base = ANCHORED + unit * card.document.intercept - unit * _log_odds_at_anchor(scale, kind)
    odds = (1 - scale.pd_at_60) / scale.pd_at_60
    rows: list[Row] = [
        (BASE, "", "", "", round(base, decimals)),
        (DOUBLE, "", "", "", scale.points_to_double_odds),
        (ANCHOR, "", "", "", ANCHORED),
        (ODDS, "", "", "", odds),
    ]
    for bins in card.document.features:
        made = _number(bins) if isinstance(bins, NumberBins) else _category(bins)
        factor = unit * bins.coefficient
        rows += [(name, low, high, word, round(factor * woe, decimals) + 0.0) for name, low, high, word, woe in made]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([COLUMNS, *rows])
    return text.getvalue()


def _log_odds_at_anchor(scale: ScoreScale, kind: str) -> float:
    at_60 = log(scale.pd_at_60 / (1 - scale.pd_at_60))
    return at_60 if kind == "risk" else -at_60


def _number(bins: NumberBins) -> Iterator[Row]:
    edges = ["", *(repr(cut) for cut in bins.cuts), ""]
    for (low, high), woe in zip(itertools.pairwise(edges), bins.woe, strict=True):
        yield bins.name, low, high, "", woe
    yield bins.name, "", "", MISSING, bins.missing


def _category(bins: CategoryBins) -> Iterator[Row]:
    listed = {word for group in bins.groups for word in group}
    for group, woe in zip(bins.groups, bins.woe, strict=True):
        for word in group:
            yield bins.name, "", "", word, woe
    for word in [one for one in (MISSING, OTHER) if one not in listed]:
        yield bins.name, "", "", word, bins.other
