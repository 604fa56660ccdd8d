"""A month's ingest and build stopped at every write, then run again, ends as one that never stopped."""

import os
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from features.build import build_features
from features.ingest import ingest
from features.lake import Lake
from features.portfolio import Portfolio
from tests.features.small import KEY, months, portfolio, raw
from tests.features.test_lake import files

AS_OF = date(2024, 3, 31)


class Killed(BaseException):
    """What kill -9 looks like from inside: no handler of ours runs to clean up."""


def month(loans: Portfolio, lake: Lake) -> None:
    ingest(loans, lake, AS_OF)
    build_features(loans, lake, AS_OF)


def test_stopped_at_any_write_and_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loans = portfolio(tmp_path, pl.concat([months(3, 3), raw({KEY: "9", "due": "x"})]))
    month(loans, Lake(tmp_path / "whole"))
    wanted = files(Lake(tmp_path / "whole"))
    replace = os.replace
    for stop in range(len(wanted)):
        lake, left = Lake(tmp_path / f"lake{stop}"), stop

        def counted(source: Path, target: Path) -> None:
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            replace(source, target)

        monkeypatch.setattr(os, "replace", counted)
        with pytest.raises(Killed):
            month(loans, lake)
        monkeypatch.setattr(os, "replace", replace)
        assert files(lake).items() <= wanted.items()
        month(loans, lake)
        assert files(lake) == wanted
        assert not list(lake.root.rglob("*.tmp"))
