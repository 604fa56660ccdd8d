"""What `lendloop why` shows of facts that are whole, erased or gone."""

import os
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from flows.why import WhyError, _reigns, why
from flows.why_review import review_facts, review_lines
from flows.why_view import screen
from flows.workspace import open_settings_log
from infra.settings import Settings
from serving.log.act import RANDOM_BYTES, about
from serving.log.erasure import Erasure
from serving.log.keys import open_keys
from serving.log.record import Record
from serving.reviews.act import Act
from serving.reviews.board import Ruling
from tests.serving.log.examples import START, make_record
from tests.serving.reviews.desk import ANN, LATER, opened, release
from training.registry.history import Step


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    """An empty home."""
    monkeypatch.setenv("LENDLOOP_HOME", str(tmp_path))
    return Settings()


@pytest.fixture
def record(settings) -> Record:
    """The one decision in the log of the home; nothing else of it is there."""
    opened = open_settings_log(settings)
    reason = {"code": "LATE", "en": "Paid late.", "zh": "逾期。", "points": -1.5}
    logged = opened.append(replace(make_record(0), reasons=(reason,), rules=("AGE",), terms={})).record
    opened.close()
    return logged


def shown(facts: dict[str, Any]) -> str:
    console = Console(width=100, record=True, file=StringIO())
    for part in screen(facts):
        console.print(part, highlight=False)
    return console.export_text()


def test_a_decision_whose_release_registry_and_lake_are_gone_still_says_what_the_log_knows(settings, record):
    facts = why(settings, record.decision_id)
    assert facts["score"]["again"] is None
    text = shown(facts)
    assert record.outcome.upper() in text
    assert "no longer on this disk" in text
    assert "has no such release" in text
    assert max(map(len, text.splitlines())) <= 100


def test_of_a_person_that_was_erased_nothing_personal_is_shown(settings, record):
    opened = open_settings_log(settings)
    act = opened.erase(
        Erasure(record.portfolio, record.entity_id, "ann", "asked", START + timedelta(days=1), bytes(42))
    )
    opened.close()
    facts = why(settings, record.decision_id)
    assert facts["decision"]["erased"]
    assert facts["features"]["values"] == []
    assert str(record.entity_id) not in str(facts)
    assert "erased" in shown(facts)
    assert "an erasure" in shown(why(settings, act.decision_id))


def test_a_review_is_told_act_by_act_and_an_act_says_that_it_is_no_decision(settings):
    with opened(settings.decision_log_url, open_keys("", settings.log_key_file)) as desk:
        case = desk.board.of(desk.decision(people=2))
        case = desk.board.claim(case, ANN, release(), LATER)
        case = desk.board.decide(case, ANN, release(), LATER, Ruling(500.0, "payslips seen"))
        acts = desk.log.read_person(case.decision.portfolio, about(case.decision.decision_id))
    facts = review_facts(case.decision, acts)
    assert [str(line) for line in review_lines(facts)] == [
        "2009-05-01 00:01:00 claim by ann",
        "2009-05-01 00:01:00 propose by ann up to 500: payslips seen",
        "it has not ended",
    ]
    assert review_facts(replace(case.decision, outcome="approve"), []) is None
    refusal = Act("refuse", "partner:shop", LATER, reason="a person").record(case.subject, 1, os.urandom(RANDOM_BYTES))
    assert [str(line) for line in review_lines(review_facts(replace(case.decision, outcome="approve"), [refusal]))] == [
        "2009-05-01 00:01:00 the applicant refused the machine's decision, told by partner:shop: a person",
        "nobody has taken it yet",
    ]
    told = shown(why(settings, acts[-1].decision_id))
    assert "the record of an act, not a decision" in told
    assert case.decision.decision_id in told


def test_without_the_master_keys_it_says_which_are_missing(settings, record):
    settings.log_key_file.unlink()
    with pytest.raises(WhyError, match="LENDLOOP_LOG_KEY"):
        why(settings, record.decision_id)


def test_a_release_was_champion_until_another_was_and_again_after_a_rollback():
    steps = [
        Step(1, "promote", "a", 1, "a", "gates", "t1", 0),
        Step(2, "promote", "b", 2, "b", "ann", "t2", 1),
        Step(3, "rollback", "b", 2, "a", "ann", "t3", 2),
    ]
    assert [(one["from"], one["to"]) for one in _reigns(steps, "a")] == [("t1", "t2"), ("t3", None)]
    assert [(one["from"], one["to"], one["by"]) for one in _reigns(steps, "b")] == [("t2", "t3", "ann")]
    assert _reigns(steps, "c") == []
