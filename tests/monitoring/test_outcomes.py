from datetime import UTC, date, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from features.calendar import cutoff
from monitoring.outcomes import matured_in_month, outcomes

TIME = pl.Datetime("us", "UTC")


def day(month: int, day_of_month: int, hour: int = 0) -> datetime:
    return datetime(2005, month, day_of_month, hour, tzinfo=UTC)


def decisions(*times: datetime) -> pl.DataFrame:
    return pl.DataFrame({"entity_id": ["1"] * len(times), "decided_at": pl.Series(times, dtype=TIME)})


def observations(*times: datetime) -> pl.DataFrame:
    return pl.DataFrame({"customer": [1] * len(times), "event_timestamp": pl.Series(times, dtype=TIME)})


def labelled(*rows: tuple[datetime, int, datetime]) -> pl.DataFrame:
    schema = {"event_timestamp": TIME, "label": pl.Int8, "known_timestamp": TIME}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(customer=pl.lit(1, pl.Int64))


MAY, JUNE = day(5, 31), day(6, 30)


def joined(made: pl.DataFrame, seen: pl.DataFrame, labels: pl.DataFrame, as_of: date) -> list[int]:
    return outcomes(made, seen, labels, key="customer", as_of=as_of)["label"].to_list()


def test_the_latest_observation_not_after_the_decision_gives_the_label() -> None:
    labels = labelled((MAY, 0, day(6, 30)), (JUNE, 1, day(7, 31)))
    made = decisions(day(6, 10), day(6, 30, 9), day(7, 5))
    assert joined(made, observations(MAY, JUNE), labels, date(2005, 7, 31)) == [0, 1, 1]


def test_a_label_known_only_later_is_not_used() -> None:
    labels = labelled((MAY, 0, day(6, 30)), (JUNE, 1, day(7, 31)))
    assert joined(decisions(day(7, 5)), observations(MAY, JUNE), labels, date(2005, 7, 30)) == []


def test_an_older_observation_does_not_stand_in_for_one_that_has_not_matured() -> None:
    # May's label becomes known after the decision, yet it tells of June; the decision was made on June's statement.
    labels = labelled((MAY, 1, day(7, 15)))
    assert joined(decisions(day(7, 5)), observations(MAY, JUNE), labels, date(2005, 7, 31)) == []


def test_decisions_of_erased_people_are_made_but_have_no_outcome() -> None:
    labels = labelled((MAY, 0, day(6, 30)))
    made = decisions(day(6, 10), day(6, 11)).with_columns(entity_id=pl.Series([None, "1"], dtype=pl.String))
    assert joined(made, observations(MAY), labels, date(2005, 7, 31)) == [0]
    everyone = made.with_columns(entity_id=pl.lit(None, pl.String))
    assert joined(everyone, observations(MAY), labels, date(2005, 7, 31)) == []


def test_a_label_known_before_the_decision_is_not_its_outcome() -> None:
    assert joined(decisions(day(7, 5)), observations(MAY), labelled((MAY, 1, day(6, 30))), date(2005, 7, 31)) == []


def test_a_label_of_the_decision_s_own_day_is() -> None:
    labels = labelled((day(5, 31), 1, day(5, 31)))
    assert joined(decisions(day(5, 31, 10)), observations(day(5, 31)), labels, date(2005, 5, 31)) == [1]


def test_unknown_entities_and_decisions_before_any_observation_have_no_outcome() -> None:
    labels = labelled((MAY, 1, day(6, 30)))
    stranger = decisions(day(6, 1)).with_columns(entity_id=pl.lit("2"))
    made = pl.concat([stranger, decisions(day(5, 1))])
    assert joined(made, observations(MAY), labels, date(2005, 7, 31)) == []


def test_each_decision_matures_in_one_month() -> None:
    labels = labelled((MAY, 0, day(6, 30)), (JUNE, 1, day(7, 31)))
    made = decisions(day(6, 10), day(7, 5))
    found = outcomes(made, observations(MAY, JUNE), labels, key="customer", as_of=date(2005, 7, 31))
    assert matured_in_month(found, date(2005, 7, 31))["label"].to_list() == [1]
    assert matured_in_month(found, date(2005, 6, 30))["label"].to_list() == [0]


DAYS = st.integers(0, 120).map(lambda days: day(4, 1) + timedelta(days=days, hours=3))


@settings(deadline=None)
@given(st.lists(DAYS, min_size=1, max_size=8), st.lists(st.tuples(DAYS, st.integers(0, 60)), max_size=6), DAYS)
def test_no_join_ever_sees_a_label_from_after_as_of(
    made: list[datetime], observed: list[tuple[datetime, int]], at: datetime
) -> None:
    rows = {event: (event, 1, event + timedelta(days=late)) for event, late in observed}
    as_of = at.date()
    found = outcomes(decisions(*made), observations(*rows), labelled(*rows.values()), key="customer", as_of=as_of)
    for event, decided, known in found.select("event_timestamp", "decided_at", "known_timestamp").iter_rows():
        assert known < cutoff(as_of)
        assert known.date() >= decided.date()
        assert event == max(seen for seen in rows if seen <= decided)
