"""The shadow: what another release would have decided, kept beside the log; on SQLite and Postgres."""

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from features.store.online import OnlineRows
from serving.answers import decide_again, record_of
from serving.api.schemas import PropensityRequest
from serving.asked import Asked
from serving.desk import Desk, Key, Reader
from serving.log.erasure import RANDOM_BYTES, Erasure
from serving.log.frames import read_decisions
from serving.log.record import PLATFORM, Record
from serving.release import load_release
from serving.trial.note import Trial, read_trial
from serving.trial.rows import open_shadow
from serving.trial.scoring import shadow_rows
from tests.serving.small_releases import CAMPAIGN, PORTFOLIO, build_small
from tests.serving.trial.home import DAY, NOW, Home


@pytest.fixture
def home(tmp_path: Path, url: str) -> Iterator[Home]:
    made = Home(tmp_path, url)
    yield made
    made.close()


def test_what_is_decided_during_a_trial_is_scored_as_the_challenger_would_have_decided(home: Home) -> None:
    before = home.decide(1)
    assert not home.shadow.look(PORTFOLIO)  # nothing is tried
    home.tried()
    home.shadow.look(PORTFOLIO)
    records = [home.decide(entity) for entity in (1, 2, 3, 99)]
    home.decide(1, partner=PLATFORM)
    home.shadow.look(PORTFOLIO)
    found = home.found()
    assert before.decision_id not in found
    assert set(found) == {record.decision_id for record in records}
    desk = home.desk(home.challenger)
    for record in records:
        mine, row = decide_again(desk, record), found[record.decision_id]
        assert (row.outcome, row.probability, row.score, row.grade) == (
            mine.outcome, mine.probability, mine.score, mine.grade,
        )  # fmt: skip
        assert row.reasons == tuple(reason.code for reason in mine.reasons)
        assert (row.role, row.release, row.stale) == ("challenger", home.challenger, mine.degraded)
    home.shadow.look(PORTFOLIO)
    assert len(home.found()) == 4


def test_contacts_are_scored_too(home: Home) -> None:
    first, second = (build_small(home.releases, portfolio=CAMPAIGN, slope=slope) for slope in (1.0, 0.5))
    desk = home.desk(first)
    asked = Asked("shop", CAMPAIGN, "propensity", PropensityRequest(entity_id=2), NOW)
    looked, found = desk.look_up([2], NOW), asked.circumstances(False)
    record = record_of(asked, desk, looked, desk.decide("propensity", looked, circumstances=found), found)
    (row,) = shadow_rows(home.desk(second), [record], "challenger")
    assert (record.outcome, row.outcome, row.score, row.grade) == ("contact", "contact", None, None)
    assert row.probability == decide_again(home.desk(second), record).probability != record.probability
    assert shadow_rows(home.desk(home.champion), [record], "challenger") == []  # it decides on credit only


def test_a_row_is_no_decision(home: Home) -> None:
    home.tried()
    home.shadow.look(PORTFOLIO)
    home.decide(1)
    head = home.log.head()
    home.shadow.look(PORTFOLIO)
    assert len(home.found()) == 1
    assert home.log.head() == head
    assert home.log.verify().valid
    assert read_decisions(home.log, PORTFOLIO, NOW - DAY, NOW + DAY).height == 1


def test_where_the_challenger_answered_the_champion_is_in_its_shadow(home: Home) -> None:
    home.tried(0.5)
    home.shadow.look(PORTFOLIO)
    record = home.decide(1, home.challenger)
    home.shadow.look(PORTFOLIO)
    (row,) = home.found().values()
    mine = decide_again(home.desk(home.champion), record)
    assert (row.role, row.release, row.probability) == ("champion", home.champion, mine.probability)


def test_what_lies_too_far_back_is_left_out_and_counted(home: Home) -> None:
    trial = Trial(home.challenger, 0.0, 1, 1)
    assert home.rows.claim(PORTFOLIO, trial, most=2, behind=3) is None
    for entity in (1, 2, 1, 2, 1):
        home.decide(entity)
    first = home.rows.claim(PORTFOLIO, trial, most=2, behind=3)
    assert first is not None
    assert (first.after, first.last, first.skipped) == (2, 4, 2)
    second = home.rows.claim(PORTFOLIO, trial, most=2, behind=3)
    assert second is not None
    assert (second.after, second.last, second.skipped) == (4, 5, 0)
    assert home.rows.claim(PORTFOLIO, trial, most=2, behind=3) is None


def test_two_processes_share_the_work_and_write_nothing_twice(home: Home, url: str) -> None:
    trial = Trial(home.challenger, 0.0, 1, 1)
    with closing(open_shadow(url)) as other:
        assert home.rows.claim(PORTFOLIO, trial, most=2, behind=99) is None
        record = home.decide(1)
        home.decide(2)
        claims = [one.claim(PORTFOLIO, trial, most=1, behind=99) for one in (home.rows, other, home.rows)]
        assert [(one.after, one.last) if one else None for one in claims] == [(0, 1), (1, 2), None]
        made = shadow_rows(home.desk(home.challenger), [record], "challenger")
        assert [one.write(made) for one in (home.rows, other)] == [1, 0]


def test_an_erased_person_leaves_no_row_also_when_the_shadow_is_late(home: Home) -> None:
    home.tried()
    home.shadow.look(PORTFOLIO)
    records = [home.decide(1), home.decide(1), home.decide(2)]
    rows = shadow_rows(home.desk(home.challenger), records, "challenger")
    home.rows.write(rows[:1])
    home.log.erase(Erasure(PORTFOLIO, "1", "ann", "asked for it", NOW, os.urandom(RANDOM_BYTES)))
    assert home.found() == {}
    assert home.rows.write(rows) == 1
    assert set(home.found()) == {records[2].decision_id}


def test_the_champion_s_policy_says_how_many_are_scored(home: Home) -> None:
    limits = home.shadow._policy(home.champion).canary.model_copy(update={"shadow_share": 0.0})
    policy = home.shadow._policy(home.champion).model_copy(update={"canary": limits})
    home.shadow._policies[home.champion] = policy
    home.tried()
    home.shadow.look(PORTFOLIO)
    home.decide(1)
    home.shadow.look(PORTFOLIO)
    assert home.found() == {}


class OneMore(Reader):
    """A reader that knows one feature more than the champion reads; `allowed` are those it may be asked about."""

    def __init__(self, allowed: set[Key], fault: Exception | None = None) -> None:
        self.allowed, self.fault, self.asked = allowed, fault, []  # type: ignore[var-annotated]

    def read(self, keys: Any) -> OnlineRows:
        self.asked += list(keys)
        if self.fault:
            raise self.fault
        assert set(keys) <= self.allowed
        values: dict[str, Any] = {"utilisation": [0.5] * len(keys), "late_streak": [0.0] * len(keys)}
        return OnlineRows(values, {"behaviour": [NOW - DAY] * len(keys)})


def as_if_it_read_less(record: Record) -> Record:
    assert record.features is not None
    return replace(record, features={"utilisation": record.features["utilisation"]})


def test_what_the_challenger_reads_besides_is_read_and_all_else_is_as_it_was(home: Home) -> None:
    record = as_if_it_read_less(home.decide(1))
    reader = OneMore({1})
    (row,) = shadow_rows(Desk(load_release(home.releases / home.challenger), reader), [record], "challenger")
    same = replace(record, features={"utilisation": 0.1, "late_streak": 0.0})
    assert row.probability == decide_again(home.desk(home.challenger), same).probability
    assert reader.asked == [1]
    (row,) = shadow_rows(
        Desk(load_release(home.releases / home.challenger), OneMore({1}, ConnectionError())), [record], "challenger"
    )
    assert (row.outcome, row.stale, row.probability) == ("review", True, None)


def test_nothing_more_is_read_of_who_did_not_consent(home: Home) -> None:
    record = as_if_it_read_less(home.decide(1, consents={"credit": "withdrawn"}))
    reader = OneMore(set())
    (row,) = shadow_rows(Desk(load_release(home.releases / home.challenger), reader), [record], "challenger")
    assert (row.stale, reader.asked) == (True, [])


def test_a_canary_that_approves_nobody_is_stopped_and_only_its_own_step_counts(home: Home) -> None:
    def mark(arm: str, number: int, **more: Any) -> dict[str, Any]:
        return {"canary": {"trial": number, "arm": arm, "seconds": 0.001, **more}}

    for _ in range(40):
        home.decide(2, **mark("canary", 1))
        home.decide(1, **mark("champion", 2))
    home.tried(0.5, number=2)
    home.shadow.look(PORTFOLIO)
    trial = read_trial(home.releases, PORTFOLIO)
    assert trial is not None
    assert trial.share == 0.5  # what an earlier step was stopped for is over
    for _ in range(40):
        home.decide(2, **mark("canary", 2))
    home.shadow.look(PORTFOLIO)
    trial = read_trial(home.releases, PORTFOLIO)
    assert trial is not None
    assert trial.share == 0
