"""Champion and candidate meet only on rows that neither has learned from."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from serving.contest import Champion, contest_of, rival_of, score
from serving.gates import not_worse
from serving.release import load_release
from tests.serving.small_releases import build_small
from training.boosted import Boosted, load_boosted
from training.score import Floats

AS_OF = date(2026, 1, 31)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    releases = tmp_path_factory.mktemp("releases")
    return releases / build_small(releases)


def held_out(rows: int, known: date, start: int = 0) -> pl.DataFrame:
    random = np.random.default_rng(rows)
    return pl.DataFrame(
        {
            "customer_id": np.arange(start, start + rows),
            "event_timestamp": pl.Series([date(2025, 12, 31)] * rows).cast(pl.Datetime("us", "UTC")),
            "known_timestamp": pl.Series([known] * rows).cast(pl.Datetime("us", "UTC")),
            "label": (np.arange(rows) % 2).astype(np.int8),
            "utilisation": random.random(rows),
            "late_streak": random.integers(0, 5, rows).astype(float),
            "probability": random.random(rows),
        }
    )


def champion(folder: Path, tested: pl.DataFrame | None = None) -> Champion:
    return Champion(load_release(folder), {} if tested is None else {"risk": tested})


def test_labels_the_champion_did_not_know_are_scored_by_it_as_it_serves(folder: Path) -> None:
    rows = pl.concat([held_out(30, date(2026, 2, 28)), held_out(20, AS_OF, start=30)])
    found = contest_of("risk", rows, champion(folder))
    assert found is not None
    assert "30 rows whose label the champion did not know" in found.basis
    assert found.candidate.tolist() == rows["probability"][:30].to_list()
    assert found.champion.tolist() != found.candidate.tolist()


def test_a_second_release_of_a_date_is_compared_by_what_both_were_tested_on(folder: Path) -> None:
    rows = held_out(40, AS_OF)
    tested = rows[10:].with_columns(probability=1 - pl.col("probability"))
    found = contest_of("risk", rows, champion(folder, tested))
    assert found is not None
    assert "30 rows that both were tested on" in found.basis
    assert found.champion == pytest.approx(1 - found.candidate)


def test_without_common_rows_it_says_so(folder: Path) -> None:
    found = contest_of("risk", held_out(40, AS_OF), champion(folder, held_out(40, AS_OF, start=100)))
    assert found is not None
    assert len(found.labels) == 0
    assert "knew the labels of these 40 held-out rows" in found.basis


def test_a_champion_that_reads_a_feature_there_no_longer_is_is_compared_by_its_own_test(folder: Path) -> None:
    rows = held_out(40, date(2026, 2, 28))
    found = contest_of("risk", rows.drop("late_streak"), champion(folder, rows))
    assert found is not None
    assert "both were tested on" in found.basis
    gone = contest_of("risk", rows.drop("late_streak"), champion(folder))
    assert gone is not None
    assert "reads ['late_streak']" in gone.basis


def test_the_first_release_has_no_contest(folder: Path) -> None:
    assert contest_of("risk", held_out(10, AS_OF), None) is None


def own(folder: Path, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows as the champion itself predicts them, on another calibration."""
    model = load_release(folder).models["risk"]
    raw = 0.8 * score(model, rows).log_odds - 0.1
    return rows.with_columns(probability=1 / (1 + np.exp(-raw)))


def test_a_champion_that_meets_itself_meets_the_model_before_it_instead(folder: Path) -> None:
    rows = own(folder, held_out(60, date(2026, 2, 28)))
    released = load_release(folder)
    before = load_boosted((folder / "models/risk/model.cbm").read_bytes(), released.models["risk"].columns)

    class Before(Boosted):
        def log_odds(self, frame: pl.DataFrame) -> Floats:
            return frame["label"].to_numpy() * 1.0  # knows it all

    past = Before(before.columns, before.cbm)
    there = Champion(released, {}, {"risk": past})
    contest = contest_of("risk", rows, there)
    rival = rival_of("risk", rows, there, contest)
    assert contest is not None
    assert rival is not None
    assert "it meets the one before it" in rival.basis
    limits = released.policy.risk.gates
    assert not_worse("risk", limits, contest).passed
    assert "+0.0000 AUC lost" in not_worse("risk", limits, contest).found
    assert not not_worse("risk", limits, rival).passed


def test_a_champion_without_a_model_before_it_is_said_to_have_met_itself(folder: Path) -> None:
    rows = own(folder, held_out(60, date(2026, 2, 28)))
    contest = contest_of("risk", rows, champion(folder))
    rival = rival_of("risk", rows, champion(folder), contest)
    assert rival is not None
    assert "the champion's own, and the one before is not known" in rival.basis


def test_without_newer_rows_the_champion_that_meets_itself_is_no_worse(folder: Path) -> None:
    rows = own(folder, held_out(60, AS_OF))
    released = load_release(folder)
    past = load_boosted((folder / "models/risk/model.cbm").read_bytes(), released.models["risk"].columns)
    there = Champion(released, {"risk": rows}, {"risk": past})
    rival = rival_of("risk", rows, there, contest_of("risk", rows, there))
    assert rival is not None
    assert "no newer rows tell it from the one before" in rival.basis
    assert not_worse("risk", released.policy.risk.gates, rival).passed


def test_models_that_differ_meet_as_they_are(folder: Path) -> None:
    rows = held_out(60, date(2026, 2, 28))
    contest = contest_of("risk", rows, champion(folder))
    assert rival_of("risk", rows, champion(folder), contest) is contest
    assert rival_of("risk", rows, None, None) is None
