"""`models.yaml` says whether its window is chosen on past months."""

from pathlib import Path

import polars as pl
import pytest

from flows.onboarding import model_file
from flows.onboarding.model_file import models_text
from flows.onboarding.plan import make_plan
from tests.flows.flat_files import asked, plain, write


def test_several_windows_are_chosen_among(tmp_path: Path) -> None:
    text = models_text(make_plan(asked(write(plain(900), tmp_path / "f.csv"))))
    assert "# `windows`: months to learn from, chosen on past months." in text


def test_one_window_of_a_large_file_is_not_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_file, "MUCH", 800)
    text = models_text(make_plan(asked(write(plain(900), tmp_path / "f.csv"))))
    assert "One only, so none is chosen:\n# with 900 values" in text
    assert "chosen on past months" not in text


def test_one_window_of_a_short_file_is_not_chosen(tmp_path: Path) -> None:
    short = plain(900).filter(pl.col("day") < "2023-04")
    text = models_text(make_plan(asked(write(short, tmp_path / "f.csv"))))
    assert "One only, so none is chosen:\n# the file has labels of too few months" in text
