from datetime import UTC, date, datetime

import polars as pl
import pytest

from tests.training.made_up import spec
from training.labels import LabelError, NoLabels, OneClassOnly, labels
from training.spec import Recorded, Within

LATE = Within(kind="within", table="statements", column="months_late", at_least=2, months=1)
STATEMENTS = spec(observations="statements", label=LATE)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def table(rows: list[tuple[object, ...]], *columns: str) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=["id", "event_timestamp", "created_timestamp", *columns], orient="row")
    stamps = [name for name in frame.columns if name.endswith("_timestamp")]
    return frame.with_columns(pl.col(stamps).str.to_datetime(time_zone="UTC", time_unit="us"))


def statements(*late: tuple[int, str, int]) -> pl.DataFrame:
    return table([(who, f"{on}T00:00:00Z", f"{on}T00:00:00Z", months) for who, on, months in late], "months_late")


TWO_CUSTOMERS = statements(
    (1, "2005-04-30", 0), (1, "2005-05-31", 2), (1, "2005-06-30", 0),
    (2, "2005-04-30", 0), (2, "2005-05-31", 1), (2, "2005-06-30", 3),
)  # fmt: skip


def test_a_label_is_known_when_the_next_statement_is() -> None:
    found = labels(STATEMENTS, {"statements": TWO_CUSTOMERS}, "id", date(2005, 5, 31))
    assert found.columns == ["id", "event_timestamp", "label", "known_timestamp", "whole_month"]
    assert found["whole_month"].all()
    assert found.drop("whole_month").rows() == [
        (1, day("2005-04-30"), 1, day("2005-05-31")),
        (2, day("2005-04-30"), 0, day("2005-05-31")),
    ]


def test_the_day_before_nothing_is_known() -> None:
    with pytest.raises(NoLabels, match=r"statements\.months_late is known at 2005-05-30: 2 observations"):
        labels(STATEMENTS, {"statements": TWO_CUSTOMERS}, "id", date(2005, 5, 30))


def test_later_months_bring_later_labels() -> None:
    found = labels(STATEMENTS, {"statements": TWO_CUSTOMERS}, "id", date(2005, 6, 30))
    assert found.select("id", "label").rows() == [(1, 1), (2, 0), (1, 0), (2, 1)]


def test_a_long_window_closes_at_its_last_month_even_for_an_early_event() -> None:
    quarter = STATEMENTS.model_copy(update={"label": LATE.model_copy(update={"months": 2})})
    with pytest.raises(NoLabels):
        labels(quarter, {"statements": TWO_CUSTOMERS}, "id", date(2005, 5, 31))
    more = pl.concat([TWO_CUSTOMERS, statements((3, "2005-04-30", 0), (3, "2005-06-30", 0))])
    found = labels(quarter, {"statements": more}, "id", date(2005, 6, 30))
    assert found.select("id", "label").rows() == [(1, 1), (2, 1), (3, 0)]
    assert found["known_timestamp"].unique().to_list() == [day("2005-06-30")]


def test_without_a_row_in_the_window_nothing_is_known_of_the_entity() -> None:
    vanished = TWO_CUSTOMERS.filter((pl.col("id") == 1) | (pl.col("event_timestamp") == day("2005-04-30")))
    more = pl.concat([vanished, statements((3, "2005-04-30", 0), (3, "2005-05-31", 0))])
    assert labels(STATEMENTS, {"statements": more}, "id", date(2005, 5, 31))["id"].to_list() == [1, 3]


def test_a_correction_counts_from_the_day_it_is_known() -> None:
    correction = table([(2, "2005-05-31T00:00:00Z", "2005-06-10T00:00:00Z", 2)], "months_late")
    corrected = pl.concat([TWO_CUSTOMERS, correction])
    before = labels(STATEMENTS, {"statements": corrected}, "id", date(2005, 6, 9))
    assert before["label"].to_list() == [1, 0]
    first = corrected.filter(pl.col("id") == 2)
    with pytest.raises(OneClassOnly, match=r"all 1 labels .* known at 2005-06-10 are 1"):
        labels(STATEMENTS, {"statements": first}, "id", date(2005, 6, 10))


def test_of_what_was_said_at_one_time_the_last_counts_and_an_observation_told_twice_is_one() -> None:
    again = table([(2, "2005-05-31T00:00:00Z", "2005-05-31T00:00:00Z", months) for months in (5, 0)], "months_late")
    twice = pl.concat([TWO_CUSTOMERS, TWO_CUSTOMERS, again])
    found = labels(STATEMENTS, {"statements": twice}, "id", date(2005, 5, 31))
    assert found.select("id", "label").rows() == [(1, 1), (2, 0)]
    turned = pl.concat([TWO_CUSTOMERS, again.reverse()])
    with pytest.raises(OneClassOnly, match=r"all 2 labels .* are 1"):
        labels(STATEMENTS, {"statements": turned}, "id", date(2005, 5, 31))


def test_a_row_that_came_late_makes_its_label_late() -> None:
    late = TWO_CUSTOMERS.with_columns(
        created_timestamp=pl.when((pl.col("id") == 2) & (pl.col("event_timestamp") == day("2005-05-31")))
        .then(pl.lit(day("2005-06-20")))
        .otherwise("created_timestamp")
    )
    found = labels(STATEMENTS, {"statements": late}, "id", date(2005, 6, 20))
    assert found.filter(pl.col("id") == 2)["known_timestamp"].to_list() == [day("2005-06-20")]


@pytest.mark.parametrize(
    ("values", "equals"),
    [([True, False], True), ([1, 0], True), ([1.0, 0.0], 1), (["yes", "no"], "yes"), (["true", "false"], True)],
)
def test_a_recorded_outcome_in_whatever_form(values: list[object], equals: bool | int | str) -> None:
    recorded = spec(
        observations="calls", label=Recorded(kind="recorded", table="results", column="bought", equals=equals)
    )
    calls = table([(n, "2010-03-05T00:00:00Z", "2010-03-05T00:00:00Z") for n in (1, 2, 3)])
    results = table(
        [(n + 1, "2010-03-31T00:00:00Z", "2010-03-31T00:00:00Z", value) for n, value in enumerate(values)], "bought"
    )
    found = labels(recorded, {"calls": calls, "results": results}, "id", date(2010, 3, 31))
    assert found.select("id", "label").rows() == [(1, 1), (2, 0)]
    with pytest.raises(NoLabels):
        labels(recorded, {"calls": calls, "results": results}, "id", date(2010, 3, 30))


@pytest.mark.parametrize("values", [[True, False], [1, 0]])
def test_a_word_for_a_column_without_words_is_told(values: list[object]) -> None:
    label = Recorded(kind="recorded", table="results", column="bought", equals="yes")
    calls = table([(1, "2010-03-05T00:00:00Z", "2010-03-05T00:00:00Z")])
    results = table([(1, "2010-03-31T00:00:00Z", "2010-03-31T00:00:00Z", value) for value in values], "bought")
    with pytest.raises(LabelError, match=r"'yes', the column holds .*; expected a number, true or false"):
        labels(spec(observations="calls", label=label), {"calls": calls, "results": results}, "id", date(2010, 3, 31))


def test_an_outcome_may_name_the_observation_it_is_of() -> None:
    recorded = spec(observations="calls", label=Recorded(kind="recorded", table="results", column="bought"))
    stamps = ["2010-03-05T00:00:00Z", "2010-03-09T00:00:00Z"]
    calls = table([(1, stamp, stamp) for stamp in stamps])
    results = table(
        [(1, "2010-04-30T00:00:00Z", "2010-04-30T00:00:00Z", stamp, n == 1) for n, stamp in enumerate(stamps)],
        "observed_timestamp",
        "bought",
    )
    found = labels(recorded, {"calls": calls, "results": results}, "id", date(2010, 4, 30))
    assert found.select("event_timestamp", "label").rows() == [(day("2010-03-05"), 0), (day("2010-03-09"), 1)]


def test_one_class_and_a_missing_table_are_said() -> None:
    good = TWO_CUSTOMERS.with_columns(months_late=pl.lit(0))
    with pytest.raises(OneClassOnly, match=r"all 2 labels of statements\.months_late known at 2005-05-31 are 0"):
        labels(STATEMENTS, {"statements": good}, "id", date(2005, 5, 31))
    with pytest.raises(LabelError, match=r"table 'statements' is needed for labels; found \['other'\]"):
        labels(STATEMENTS, {"other": good}, "id", date(2005, 5, 31))
