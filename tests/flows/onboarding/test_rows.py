"""Which rows of a flat file become rows of a portfolio, and what is said of the others."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from flows.onboarding.folder import new_portfolio
from flows.onboarding.plan import make_plan
from flows.onboarding.request import OnboardingError
from tests.flows.flat_files import asked, plain, write


def test_rows_that_cannot_be_used_are_set_aside_with_the_reason(tmp_path: Path) -> None:
    frame = plain(1000).with_columns(pl.all().cast(pl.String))
    broken = pl.concat(
        [
            frame,
            frame[:2],
            frame[2:3].with_columns(x=pl.lit("9")),
            frame[3:4].with_columns(id=None),
            frame[4:5].with_columns(day=pl.lit("soon")),
        ]
    )
    plan = make_plan(asked(write(broken, tmp_path / "b.csv")))
    assert len(plan.records) == 1000
    assert plan.rows.set_aside.select("row", "reason").rows() == [
        (1001, "the same in every column as an earlier row"),
        (1002, "the same in every column as an earlier row"),
        (1003, "id and time of an earlier row"),
        (1004, "no id in 'id'"),
        (1005, "no readable time in 'day'"),
    ]
    originals = [json.loads(row) for row in plan.rows.set_aside["original"]]
    assert [set(row) for row in originals] == [set(frame.columns)] * 5
    assert originals[4]["day"] == "soon"


def test_an_entity_may_have_many_rows(tmp_path: Path) -> None:
    plan = make_plan(asked(write(plain(id=np.arange(3000) % 700), tmp_path / "m.csv")))
    assert (plan.key, plan.rows.numbered, plan.rows.entities) == ("id", False, 700)


def test_rows_are_their_own_entities_when_ids_do_not_tell_them_apart_or_there_are_none(tmp_path: Path) -> None:
    same = make_plan(asked(write(plain(id=np.arange(3000) % 5), tmp_path / "s.csv")))
    assert (same.key, same.rows.numbered, len(same.records)) == ("row_number", True, 3000)
    assert "each row is taken as its own entity" in same.notes[-1]
    assert make_plan(asked(write(plain().drop("id"), tmp_path / "n.csv"), id="")).rows.entities == 3000


def test_ids_with_leading_zeros_stay_text(tmp_path: Path) -> None:
    plan = make_plan(asked(write(plain(id=[f"{place:06d}" for place in range(3000)]), tmp_path / "z.csv")))
    assert (plan.rows.key_type, plan.records["id"][0][:1]) == ("string", "0")


def test_rows_without_a_label_are_kept_without_an_outcome(tmp_path: Path) -> None:
    bad = plain()["bad"].cast(pl.String).to_list()
    plan = make_plan(asked(write(plain(bad=[*bad[:2900], *[None] * 100]), tmp_path / "u.csv")))
    assert (len(plan.records), len(plan.labelled)) == (3000, 2900)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"id": "ID number"}, "no such column; found 'id', 'day'"),
        ({"time": "Dayy"}, "did you mean 'day'"),
        ({"time": "x"}, "expected dates such as"),
        ({"label": "day"}, "three different columns"),
        ({"protected": ("nobody",)}, "--protected 'nobody'"),
        ({"matures": "3y"}, "expected days as 30d"),
        ({"matures": "24m"}, r"no label is known by 2023-09-30.*the first would be on 2025-01-01"),
        ({"name": "Car Loans"}, "expected a name of a-z"),
    ],
)
def test_wrong_requests_are_clear_errors_and_leave_nothing(
    tmp_path: Path, changes: dict[str, object], expected: str
) -> None:
    file = write(plain(), tmp_path / "p.csv")
    with pytest.raises(OnboardingError, match=expected):
        new_portfolio(asked(file, **changes), tmp_path / "all" / "of it")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.csv"]


def test_a_file_with_nothing_to_learn_from_is_an_error(tmp_path: Path) -> None:
    file = write(plain(x=[1] * 3000), tmp_path / "p.csv")
    with pytest.raises(OnboardingError, match=r"no column is left to learn from\. 'x': always 1"):
        make_plan(asked(file))
