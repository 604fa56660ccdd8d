"""The first reason of an answer is what decided it; releases from before that keep the order they had."""

import pyarrow as pa
import pytest

from serving.applications import Application, Applications, Circumstances, Context
from serving.columns import decision_columns
from serving.decide import decide
from serving.decisions import Decision
from tests.serving.test_decide import good, rows
from tests.serving.test_single import FIRST, SECOND, alone, lender, of_arrays

LISTS = "\n  lists: {tax: decline}"
LISTED = {"lists": frozenset({"tax"})}
MUCH = Application(3_900.0, exposure=2.0)
OPEN = """
    - {id: OWED, when: request.exposure > 1, outcome: review, en: Much is owed, zh: b}
    - {id: YOUNG, when: feature.tenure < 999, outcome: decline, en: Too new, zh: b}
"""


def ask(asked: Application, rules: str = "", extra: str = LISTS, broken: dict[str, object] | None = None) -> Decision:
    """The decision on a good customer of a list: the same by arrays, without them, and as columns."""
    by, found, features = lender(extra, rules), Circumstances(**LISTED), rows(good() | (broken or {}))
    decision = of_arrays(features, asked, found, by)
    if not broken:
        assert repr(alone(features, asked, found, by)) == repr(decision)
    whole = decide(by, Applications.of([asked]), features, Context.of([found]))
    (row,) = decision_columns(whole, "client", pa.array([1])).to_pylist()
    assert [reason["code"] for reason in row["reasons"]] == codes(decision)
    return decision


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


def caused(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons if reason.points is None]


def test_what_declined_is_told_before_what_only_asked_for_a_person() -> None:
    decision = ask(Application(1e8))
    assert decision.outcome == "decline"
    assert caused(decision) == ["ON_LIST", "LARGE_AMOUNT", "AMOUNT_OVER_LIMIT"]


def test_causes_of_one_severity_stand_as_they_are_checked() -> None:
    expected = ["YOUNG", "ON_LIST", "OWED", "LARGE_AMOUNT"]
    assert caused(ask(MUCH, OPEN)) == expected


def test_what_is_wrong_with_features_declines_nobody() -> None:
    decision = ask(MUCH, OPEN, broken={"utilisation": None})
    assert decision.outcome == "decline"
    # A rule about features that are not to be trusted asks for a person.
    assert caused(decision) == ["ON_LIST", "FEATURES_MISSING", "OWED", "YOUNG", "LARGE_AMOUNT"]


def test_who_refused_a_machine_is_told_that_first() -> None:
    found = Circumstances(automation_refused=True, **LISTED)  # type: ignore[arg-type]
    for made in (of_arrays, alone):
        decision = made(rows(good()), MUCH, found, lender(LISTS))
        assert decision.outcome == "review"
        assert caused(decision) == ["AUTOMATION_REFUSED", "ON_LIST", "LARGE_AMOUNT"]


@pytest.mark.parametrize("edition", [FIRST, SECOND])
def test_earlier_editions_tell_them_as_they_were_found(edition: str) -> None:
    decision = ask(Application(1e8), OPEN, LISTS + edition)
    assert caused(decision)[-2:] == ["AMOUNT_OVER_LIMIT", "ON_LIST"]
    asked = ask(MUCH, OPEN, LISTS + edition, {"utilisation": None})
    assert caused(asked) == ["FEATURES_MISSING", "OWED", "YOUNG", "LARGE_AMOUNT", "ON_LIST"]
