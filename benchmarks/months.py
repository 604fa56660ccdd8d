"""Month after month, as the loop lives it: every month predicted by a model of the months before."""

from collections.abc import Iterable

import numpy as np

from benchmarks.frames import Rows
from training.boosted import fit_boosted
from training.score import Floats
from training.windows import known_before, months_of, trailing

START = 2009 * 12 + 4
"""May 2009: the first month quality reports on; nothing from it on is seen in tuning."""

END = 2010 * 12 + 10


def predict_months(rows: Rows, window: int, months: Iterable[int]) -> Floats:
    """Raw log-odds in each of `months` from a model of the `window` months before it; NaN elsewhere."""
    of_month = months_of(rows.frame)
    raw = np.full(rows.frame.height, np.nan)
    for month in months:
        learned = rows.part(trailing(of_month, window, known_before(rows.frame, of_month, month)))
        model = fit_boosted(learned.spec, learned.frame, learned.columns, learned.labels)
        raw[of_month == month] = model.log_odds(rows.frame.filter(of_month == month))
    return raw
