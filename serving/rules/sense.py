"""What a rule says that can never hold, or holds for everybody: most often a word or a scale that was mistaken.

Asked of a policy that a person has written; one that was released so before decides as it did.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from itertools import chain
from typing import cast

from serving.rules.names import CODES, RANGES, WORDS
from serving.rules.scalar import compiled
from serving.rules.syntax import (
    Among,
    Comparator,
    Comparison,
    Joined,
    Name,
    Node,
    Not,
    RuleError,
    Value,
    children,
    names_in,
    walk,
)

_TURNED: dict[Comparator, Comparator] = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


@dataclass(frozen=True, slots=True)
class _Bound:
    """A name compared with a value that is written out."""

    name: str
    comparator: Comparator
    value: Value
    column: int


def check_sense(tree: Node) -> None:
    """Raise `RuleError` at a part that no application can meet, or that all do; `tree` is of fitting kinds."""
    for node in walk(tree):
        for part in children(node) if isinstance(node, Joined | Not) else ():
            if not names_in(part):
                raise RuleError(part.column, "this part is the same for everybody; expected a name in it")
        for bound in _bounds(node):
            _check_word(bound)
    wide = set(chain.from_iterable(map(_wide, _chains(tree))))
    for bound in chain.from_iterable(map(_bounds, walk(tree))):
        if bound not in wide:
            _check_range(bound)
    for chain_of in _chains(tree):
        _check_together(chain_of)


def _bounds(node: Node) -> Iterator[_Bound]:
    """The names that a node compares, and with what."""
    if isinstance(node, Among) and isinstance(node.item, Name):
        for option in node.options:
            yield _Bound(node.item.name, "==", option.value, option.column)
    elif isinstance(node, Comparison):
        for item, other, comparator in (
            (node.left, node.right, node.comparator),
            (node.right, node.left, _TURNED[node.comparator]),
        ):
            if isinstance(item, Name) and not names_in(other) and (value := compiled(other)({})) is not None:
                yield _Bound(item.name, comparator, value, other.column)


def _check_word(bound: _Bound) -> None:
    name, word = bound.name, bound.value
    if not isinstance(word, str):
        return
    known, code = WORDS.get(name), CODES.get(name)
    if known is not None and word not in known:
        near = get_close_matches(word.lower(), [one.lower() for one in known], 1)
        hint = next((f"; did you mean {one!r}?" for one in known if near and one.lower() == near[0]), "")
        raise RuleError(bound.column, f"{name} is never {word!r}; expected one of {', '.join(known)}{hint}")
    if code is not None and re.fullmatch(code, word) is None:
        expected = "a code as requests give it: small letters, digits and _, beginning with a letter, up to 63"
        raise RuleError(bound.column, f"{name} is never {word!r}; expected {expected}")


def _check_range(bound: _Bound) -> None:
    if _is_beyond(bound):
        low, high = RANGES[bound.name]
        problem = f"`{bound.comparator} {bound.value:.15g}` is the same for everybody; expected what tells some apart"
        raise RuleError(bound.column, f"{bound.name} is from {low:g} to {high:g}: {problem}")


def _is_beyond(bound: _Bound) -> bool:
    """Whether a bound of a name with a range is outside of it, so that it holds for nobody or for everybody."""
    if bound.name not in RANGES or isinstance(bound.value, bool) or not isinstance(bound.value, float | int):
        return False
    low, high = RANGES[bound.name]
    at_end = (bound.comparator == ">" and bound.value == high) or (bound.comparator == "<" and bound.value == low)
    return at_end or not low <= bound.value <= high


def _wide(parts: list[Node]) -> Iterator[_Bound]:
    """Bounds that hold for everybody beside one of the same name that does not, as in `score between 90 and 1000`."""
    bounds = [bound for part in parts if isinstance(part, Comparison) for bound in _bounds(part)]
    told = {bound.name for bound in bounds if not _is_beyond(bound)}
    for bound in bounds:
        if bound.name in told and _is_beyond(bound):
            low, high = RANGES[bound.name]
            value = cast("float", bound.value)
            if (bound.comparator in (">", ">=") and value < low) or (bound.comparator in ("<", "<=") and value > high):
                yield bound


def _chains(node: Node) -> Iterator[list[Node]]:
    """The parts that have to hold together, for every longest run of `and` in a tree."""
    if isinstance(node, Joined) and node.junction == "and":
        parts = list(_parts(node))
        yield parts
        yield from chain.from_iterable(map(_chains, parts))
    else:
        yield from chain.from_iterable(map(_chains, children(node)))


def _parts(node: Node) -> Iterator[Node]:
    if isinstance(node, Joined) and node.junction == "and":
        yield from _parts(node.left)
        yield from _parts(node.right)
    else:
        yield node


@dataclass(slots=True)
class _Room:
    """What is left for a name between the bounds that have to hold together."""

    low: list[tuple[float | date, bool, str]] = field(default_factory=list)
    high: list[tuple[float | date, bool, str]] = field(default_factory=list)

    def narrow(self, bound: _Bound) -> str | None:
        """Keep to one more bound; the two that leave nothing, if there are any."""
        value = cast("float | date", bound.value)
        strict, said = bound.comparator in ("<", ">"), f"`{bound.comparator} {bound.value}`"
        if bound.comparator in (">", ">=", "=="):
            self.low.append((value, strict, said))
        if bound.comparator in ("<", "<=", "=="):
            self.high.append((value, strict, said))
        for low, low_strict, low_said in self.low:
            for high, high_strict, high_said in self.high:
                if low > high or (low == high and (low_strict or high_strict)):  # type: ignore[operator]
                    return f"{low_said} and {high_said}"
        return None


def _check_together(parts: list[Node]) -> None:
    rooms: dict[str, _Room] = {}
    for bound in chain.from_iterable(_bounds(part) for part in parts if isinstance(part, Comparison)):
        if isinstance(bound.value, str | bool):
            continue
        both = rooms.setdefault(bound.name, _Room()).narrow(bound)
        if both is not None:
            problem = (
                f"{bound.name} is never {both} at once; expected the lower bound first, then one that is not below"
            )
            raise RuleError(bound.column, problem)
