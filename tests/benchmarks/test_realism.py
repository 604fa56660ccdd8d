"""What the pictures of the world count, and what stands beside them."""

import datetime as dt
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks.realism import report
from benchmarks.realism.graph import _at_least
from benchmarks.realism.lending import _fifths, _moves
from benchmarks.realism.published import Series, published
from benchmarks.realism.report import Drawn, Line, percent, written
from benchmarks.realism.rhythm import _by, _contact_rhythm
from benchmarks.realism.shares import bars, differ_by_chance, wilson
from benchmarks.realism.tables import bank, bank_days, taiwan_months


def test_moves_from_a_stage_add_up() -> None:
    before = np.array([1, 1, 1, 1, 2, 2, 0])
    after = np.array([0, 1, 2, 2, 1, 3, 2])
    late, later = _moves(before, after, (1, 2))
    assert late == pytest.approx((0.25, 0.25, 0.5))
    assert later == pytest.approx((0.0, 0.5, 0.5))


def test_fifths_go_from_the_highest_score() -> None:
    score = np.arange(10.0)
    hits, sizes = _fifths(score, score < 3)
    assert hits.tolist() == [0, 0, 0, 1, 2]
    assert sizes.tolist() == [2] * 5


def test_an_interval_is_wilsons() -> None:
    low, high = wilson(np.array([5.0, 0.0]), np.array([100.0, 20.0]))
    assert low == pytest.approx([0.0215, 0.0], abs=1e-4)
    assert high == pytest.approx([0.1118, 0.1611], abs=1e-4)
    share, reach = bars(np.array([5.0]), np.array([100.0]))
    assert share[0] - reach[0, 0] == pytest.approx(low[0])
    assert share[0] + reach[1, 0] == pytest.approx(high[0])


def test_cohorts_that_differ_by_much_are_not_called_chance() -> None:
    same = differ_by_chance(np.array([50.0, 52.0]), np.array([1000.0, 1000.0]))
    other = differ_by_chance(np.array([50.0, 90.0]), np.array([1000.0, 1000.0]))
    assert other < 0.01 < 0.5 < same


def test_every_published_figure_has_a_source_and_terms() -> None:
    for name, series in published().items():
        assert series.source, name
        assert series.terms, name
        assert series.counted, name
        assert all(value >= 0 for value in series.values), name


def test_values_without_a_place_are_refused() -> None:
    with pytest.raises(ValueError, match="2 values at 1 places"):
        Series("x", "here", "none", "printed", at=(1.0,), values=(1.0, 2.0))


def test_published_shares_of_degrees_fall_and_meet_their_points() -> None:
    book = published()["facebook_degrees"]
    assert (np.diff(book.shares) < 0).all()
    assert _at_least(book.places, book.shares, 44) == pytest.approx(0.32533)
    assert book.shares[8] < _at_least(book.places, book.shares, 50) < book.shares[7]


def test_the_banks_calls_are_dated_to_working_days() -> None:
    """The years are told nowhere: that hardly any call falls on a weekend says that they are the right ones."""
    days = bank_days()
    assert len(days) == len(bank())
    assert days[0] == dt.date(2008, 5, 5)
    assert days[-1] == dt.date(2010, 11, 17)
    assert days.is_sorted()
    assert (days.dt.weekday() > 5).mean() < 0.01


def test_cards_are_followed_from_april() -> None:
    """Shares two months late, as published: 10.3 % in April, 10.4 % in September."""
    shares = [float((month >= 2).mean()) for month in taiwan_months()]
    assert shares == pytest.approx([0.103, 0.099, 0.117, 0.140, 0.147, 0.104], abs=6e-4)


def test_days_without_a_contact_count_in_their_rhythm() -> None:
    start = dt.date(2024, 1, 1)
    working = [start + dt.timedelta(days=day) for day in range(28) if day % 7 < 5]
    rhythm = _contact_rhythm(pl.Series([*working, start + dt.timedelta(days=27)]), 7)
    assert rhythm[:5] == pytest.approx([rhythm[0]] * 5)
    assert rhythm[5] == 0
    assert rhythm[6] == pytest.approx(rhythm[0] / 4)


def test_a_rhythm_is_over_its_own_mean() -> None:
    found = _by(pl.Series([1, 1, 2]), pl.Series([2.0, 4.0, 9.0]), 3)
    assert found[:2] == pytest.approx([0.5, 1.5])
    assert np.isnan(found[2])


def test_the_table_tells_what_has_nothing_beside_it_and_every_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "FOLDER", tmp_path)
    lines = (Line("late", percent(0.034), percent(0.0049), "cards"), Line("rings", "3"))
    text = written([Drawn(tmp_path / "roll_rates.png", lines)], "a small one").read_text(encoding="utf-8")
    assert "## Roll rates" in text
    assert "| late | 3.4% | 0.49% | cards |" in text
    assert "| rings | 3 | nothing to be had |  |" in text
    assert all(f"| `{name}` | {series.what} | {series.source}" in text for name, series in published().items())
