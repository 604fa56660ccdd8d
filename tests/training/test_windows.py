from datetime import UTC, datetime

import numpy as np
import polars as pl

from tests.training.made_up import frame, spec
from training.spec import Validation
from training.windows import (
    choose_window,
    held_out_months,
    judge,
    known_before,
    month_name,
    months_of,
    trailing,
)

ROWS = frame(rows=100)
JUNE = 2024 * 12 + 5


def test_months_have_names() -> None:
    assert [month_name(month) for month in sorted(set(months_of(ROWS).tolist()))][-1] == "2024-06"


def test_only_labels_known_by_the_first_observation_are_learned_from() -> None:
    months = months_of(ROWS)
    assert set(months[known_before(ROWS, months, JUNE)]) == set(range(JUNE - 5, JUNE))
    late = ROWS.with_columns(
        known_timestamp=pl.when(pl.col("event_timestamp").dt.month() == 5)
        .then(pl.lit(datetime(2024, 6, 20, tzinfo=UTC)))
        .otherwise("known_timestamp")
    )
    assert set(months[known_before(late, months, JUNE)]) == set(range(JUNE - 5, JUNE - 1))


def test_a_window_counts_back_from_the_last_month_that_has_rows() -> None:
    months = np.array([1, 2, 5, 6, 9])
    among = np.array([True, True, True, True, False])
    assert months[trailing(months, 2, among)].tolist() == [5, 6]
    assert months[trailing(months, 5, among)].tolist() == [2, 5, 6]


def test_months_that_cannot_be_judged_are_not_held_out() -> None:
    two = spec(validation=Validation(months=2, least_rows=50))
    assert held_out_months(ROWS, two) == [JUNE - 1, JUNE]
    small = ROWS.filter((pl.col("event_timestamp").dt.month() != 6) | (pl.col("loan_id") % 10 == 0))
    assert held_out_months(small, two) == [JUNE - 2, JUNE - 1]
    one_class = ROWS.with_columns(label=pl.when(pl.col("event_timestamp").dt.month() == 6).then(0).otherwise("label"))
    assert held_out_months(one_class, two) == [JUNE - 2, JUNE - 1]
    assert held_out_months(ROWS.filter(pl.col("event_timestamp").dt.month() == 6), two) == []


def test_a_partly_labelled_month_is_held_out_only_when_there_is_no_whole_one() -> None:
    one = spec(validation=Validation(months=1, least_rows=50))
    partly = ROWS.with_columns(whole_month=pl.col("event_timestamp").dt.month() < 6)
    assert held_out_months(partly, one) == [JUNE - 1]
    assert held_out_months(ROWS.with_columns(whole_month=pl.lit(False)), one) == [JUNE]


def test_the_window_that_past_months_speak_for_wins() -> None:
    labels = np.array([0, 1], dtype=np.int8)
    good, bad = np.array([-2.0, 2.0]), np.array([2.0, -2.0])
    judged = [judge(3, JUNE - 1, labels, good), judge(6, JUNE - 1, labels, bad), judge(3, JUNE, labels, good)]
    choice = choose_window((3, 6), judged)
    assert choice.months == 3
    assert "2024-05 to 2024-06" in choice.why
    assert choice.judged == tuple(judged)


def test_without_judgement_the_longest_is_taken_and_a_tie_goes_to_the_shorter() -> None:
    assert choose_window((3, 12), []).months == 12
    assert choose_window((3,), []).why == "it is the only candidate"
    labels, raw = np.array([0, 1], dtype=np.int8), np.zeros(2)
    assert choose_window((3, 6), [judge(6, JUNE, labels, raw), judge(3, JUNE, labels, raw)]).months == 3
