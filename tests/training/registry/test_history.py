from dataclasses import replace
from typing import Literal

from training.registry.history import Step, stack, valid


def steps(*moves: str) -> list[Step]:
    """`+a` promotes release a, `-` rolls back."""
    made = []
    for number, move in enumerate(moves, start=1):
        action: Literal["promote", "rollback"] = "promote" if move.startswith("+") else "rollback"
        made.append(
            Step(number, action, move[1:], number, move[1:], "someone", "2024-01-01T00:00:00+00:00", number - 1)
        )
    return made


def standing(*moves: str) -> list[str]:
    return [step.sha for step in stack(steps(*moves))]


def test_promotions_pile_up_and_rollbacks_take_off() -> None:
    assert standing() == []
    assert standing("+a", "+b", "+c") == ["a", "b", "c"]
    assert standing("+a", "+b", "+c", "-") == ["a", "b"]
    assert standing("+a", "+b", "+c", "-", "-") == ["a"]


def test_a_promotion_after_a_rollback_goes_on_what_is_left() -> None:
    assert standing("+a", "+b", "-", "+c") == ["a", "c"]
    assert standing("+a", "+b", "-", "+c", "-") == ["a"]


def test_a_release_may_come_back() -> None:
    assert standing("+a", "+b", "+a") == ["a", "b", "a"]
    assert standing("+a", "+b", "+a", "-") == ["a", "b"]


def test_of_two_that_follow_the_same_step_the_first_counts() -> None:
    a, b, lost, c = steps("+a", "+b", "+x", "+c")
    lost, c = replace(lost, after=1), replace(c, after=2)
    assert valid([c, lost, a, b]) == [a, b, c]
    # A later step may follow the loser's number only if the loser counted, which it never does.
    assert valid([a, b, lost]) == [a, b]
