"""Pauses of automatic approval, on both databases."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from serving.log.database import open_database
from serving.log.decision_log import DecisionLog
from serving.log.ledger import LedgerClosed
from serving.pauses import Pause, Pauses, open_pauses

SINCE = datetime(2009, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PAUSE = Pause(
    "taiwan_cards", date(2009, 5, 31), "psi:score", "The score drifted: PSI 0.31 over 0.25.", "monitor", SINCE
)


@pytest.fixture
def pauses(url: str, log: DecisionLog) -> Iterator[Pauses]:
    opened = open_pauses(url, log.vault)
    yield opened
    opened.close()


def test_nothing_is_paused_at_first(pauses):
    assert pauses.active_pause("taiwan_cards", SINCE) is None
    assert pauses.history("taiwan_cards") == []
    assert pauses.lift_pause("taiwan_cards", lifted_by="ann", at=SINCE) == []


def test_a_pause_holds_from_its_start_and_for_its_portfolio(pauses):
    assert pauses.set_pause(PAUSE) == PAUSE
    assert pauses.active_pause("taiwan_cards", SINCE) == PAUSE
    assert pauses.active_pause("taiwan_cards", SINCE - DAY) is None
    assert pauses.active_pause("bank_deposits", SINCE) is None


def test_the_same_cause_pauses_once(pauses):
    pauses.set_pause(PAUSE)
    assert pauses.set_pause(replace(PAUSE, reason="again", since=SINCE + DAY)) == PAUSE
    assert pauses.history("taiwan_cards") == [PAUSE]


def test_a_lifted_pause_is_kept_and_not_set_again(pauses):
    pauses.set_pause(PAUSE)
    lifted = replace(PAUSE, lifted_at=SINCE + DAY, lifted_by="ann", lift_reason="the feed is back")
    found = pauses.lift_pause("taiwan_cards", lifted_by="ann", at=SINCE + DAY, reason="the feed is back")
    assert found == [lifted]
    assert pauses.set_pause(PAUSE) == lifted
    assert pauses.active_pause("taiwan_cards", SINCE + DAY) is None
    assert pauses.active_pause("taiwan_cards", SINCE + DAY / 2) == lifted
    assert pauses.history("taiwan_cards") == [lifted]


def test_another_cause_pauses_anew_and_lifting_ends_all(pauses):
    other = replace(PAUSE, cause="auc", since=SINCE + DAY)
    pauses.set_pause(PAUSE)
    pauses.set_pause(other)
    assert pauses.active_pause("taiwan_cards", SINCE + DAY) == PAUSE
    assert len(pauses.lift_pause("taiwan_cards", lifted_by="ann", at=SINCE + 2 * DAY)) == 2
    assert pauses.active_pause("taiwan_cards", SINCE + 2 * DAY) is None


def test_a_pause_with_an_end_ends_by_itself(pauses):
    pauses.set_pause(replace(PAUSE, until=SINCE + DAY))
    assert pauses.active_pause("taiwan_cards", SINCE + DAY / 2)
    assert pauses.active_pause("taiwan_cards", SINCE + DAY) is None


def test_pauses_live_beside_the_log_and_are_read_without_its_keys(url, pauses):
    others = open_pauses(url)
    pauses.set_pause(PAUSE)
    assert others.active_pause("taiwan_cards", SINCE) == PAUSE
    with pytest.raises(LedgerClosed):
        others.set_pause(PAUSE)
    others.close()


def test_a_table_of_before_lifts_had_reasons_is_migrated_once(url, pauses):
    pauses.set_pause(PAUSE)
    database = open_database(url)
    database.create(["ALTER TABLE approval_pauses DROP COLUMN lift_reason"])
    database.close()
    for _ in range(2):
        again = open_pauses(url)
        assert again.history("taiwan_cards") == [PAUSE]
        again.close()


def test_a_time_without_a_zone_is_refused(pauses):
    with pytest.raises(ValueError, match="without a zone"):
        pauses.active_pause("taiwan_cards", datetime(2009, 6, 1))
