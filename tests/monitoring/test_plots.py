from datetime import date
from pathlib import Path

import polars as pl
from matplotlib.figure import Figure

from features.calendar import month_ends
from monitoring.metric import Metric, to_frame
from monitoring.plots import draw_drift, draw_months
from tests.monitoring.months import metric

NAMES = ("auc", "observed_rate", "predicted_rate", "selection_gap", "score_psi")


def rows() -> list[Metric]:
    ends = month_ends(date(2005, 5, 1), date(2005, 8, 1))
    return [
        metric(name=name, as_of=end, role=role) for name in NAMES for end in ends for role in ("champion", "frozen")
    ]


def test_the_series_of_pictures_is_the_same_twice(tmp_path: Path) -> None:
    once = draw_months(to_frame(rows()), tmp_path / "a")
    again = draw_months(to_frame(rows()), tmp_path / "b")
    assert [path.name for path in once] == ["auc.png", "calibration.png", "fairness.png", "drift.png", "alerts.png"]
    for one, other in zip(once, again, strict=True):
        assert one.read_bytes().startswith(b"\x89PNG")
        assert one.read_bytes() == other.read_bytes()


def test_what_was_not_measured_is_not_drawn(tmp_path: Path) -> None:
    found = draw_months(to_frame(row for row in rows() if row.name == "score_psi"), tmp_path)
    assert [path.name for path in found] == ["drift.png", "alerts.png"]
    assert draw_months(to_frame([]), tmp_path) == []


def test_the_frozen_release_is_beside_the_champion_in_every_picture(tmp_path: Path) -> None:
    both = draw_months(to_frame(rows()), tmp_path / "both")
    alone = draw_months(to_frame(row for row in rows() if row.role == "champion"), tmp_path / "alone")
    for one, other in zip(both, alone, strict=True):
        assert one.read_bytes() != other.read_bytes(), one.name


def test_a_role_alone_is_drawn(tmp_path: Path) -> None:
    frozen = to_frame(rows()).filter(pl.col("role") == "frozen")
    assert len(draw_months(frozen, tmp_path)) >= 4


def test_a_psi_of_twenty_leaves_room_for_one_of_a_tenth_and_for_less_than_nothing() -> None:
    figure = Figure()
    axes = figure.add_subplot()
    months = (date(2005, 5, 31), date(2005, 6, 30))
    values = {"feature_psi": (22.0, 5.0), "score_psi": (-0.02, 0.1)}
    given = [
        metric(name=name, as_of=end, value=one)
        for name in values
        for end, one in zip(months, values[name], strict=True)
    ]
    draw_drift(axes, to_frame(given))
    low, high = axes.get_ylim()
    assert low < -0.02
    assert high > 22
    place = axes.transAxes.inverted().transform(axes.transData.transform([(0, 0), (0, 0.25), (0, 22)]))[:, 1]
    assert place[1] - place[0] > 0.15
    assert place[2] > 0.9
