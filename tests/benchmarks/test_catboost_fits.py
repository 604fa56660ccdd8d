"""The fits of a flow are done again alone, on the same matrices."""

from pathlib import Path

import pytest
from catboost import CatBoost

from benchmarks.catboost_fits import bare_seconds, kept_fits
from tests.training.made_up import COLUMNS, frame, labels_of, spec
from training import boosted
from training.model_json import to_cbm


def test_the_same_fits_are_timed_alone_and_small_ones_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boosted, "SMALL", 700)
    monkeypatch.setattr(boosted, "_pool", boosted._pool)
    monkeypatch.setattr(CatBoost, "fit", CatBoost.fit)
    numbers = [column for column in COLUMNS if column.dtype == "float"]
    fits = kept_fits(tmp_path)
    for rows in (100, 200, 100):
        given = frame(rows)
        boosted.fit_boosted(spec(), given, numbers, labels_of(given)).log_odds(given)
    assert [fit.rows for fit in fits] == [600, 1200, 600]
    made: list[bytes] = []
    wrapped = CatBoost.fit

    def watched(self: CatBoost, *given: object, **more: object) -> CatBoost:
        done = wrapped(self, *given, **more)
        made.append(to_cbm(done))
        return done

    monkeypatch.setattr(CatBoost, "fit", watched)
    taken = bare_seconds(list(fits))
    assert len(taken) == 2
    assert all(one.seconds > 0 and one.processor > 0 for one in taken)
    again = [boosted.fit_boosted(spec(), frame(rows), numbers, labels_of(frame(rows))).dump() for rows in (200, 100)]
    assert made[:3] == [again[0], again[1], again[1]]
