"""From a rule's text to its tree, by recursive descent: one method for each level of the grammar, loosest first.

condition  := both ("or" both)*                    both := negated ("and" negated)*
negated    := "not" negated | comparison
comparison := sum [ ("=="|"!="|"<"|"<="|">"|">=") sum | ["not"] "in" "[" literal ("," literal)* "]"
                  | "between" sum "and" sum | "is" ["not"] "missing" ]
sum        := product (("+"|"-") product)*         product := signed (("*"|"/") signed)*
signed     := "-" signed | literal | name | "(" condition ")"
"""

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from math import isfinite
from typing import cast

from serving.rules.syntax import (
    Among,
    Arithmetic,
    Comparator,
    Comparison,
    Joined,
    Junction,
    Literally,
    Missing,
    Name,
    Negative,
    Node,
    Not,
    RuleError,
    Sign,
    walk,
)
from serving.rules.tokens import Token, tokens

DEEPEST = 32
LARGEST = 200
"""Nodes of a tree: a longer rule is several rules."""

COMPARATORS = ("==", "!=", "<", "<=", ">", ">=")
KEYWORDS = frozenset({"and", "or", "not", "in", "between", "is", "missing", "true", "false"})


@lru_cache(maxsize=1024)
def parse(text: str) -> Node:
    """The tree of a rule's text, or `RuleError`."""
    parser = _Parser(tokens(text))
    tree = parser.condition()
    parser.end()
    if (size := sum(1 for _ in walk(tree))) > LARGEST:
        raise RuleError(1, f"the rule has {size} parts; expected up to {LARGEST}: make it several rules")
    return tree


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._place = 0
        self._depth = 0

    def condition(self) -> Node:
        return self._joined("or", lambda: self._joined("and", self._negated))

    def end(self) -> None:
        if self._next.kind != "end":
            hint = "; to compare twice use `between`, or join with `and`" if self._next.text in COMPARATORS else ""
            raise self._unexpected(f"and, or, a sign, or the end of the rule{hint}")

    def _joined(self, word: Junction, part: Callable[[], Node]) -> Node:
        tree = part()
        while self._is(word):
            column = self._take().column
            tree = Joined(word, tree, part(), column)
        return tree

    def _negated(self) -> Node:
        if not self._is("not"):
            return self._comparison()
        column = self._take().column
        return Not(self._deeper(self._negated), column)

    def _comparison(self) -> Node:
        left, token = self._sum(), self._next
        if token.text in COMPARATORS and token.kind == "symbol":
            self._take()
            return Comparison(cast(Comparator, token.text), left, self._sum(), token.column)
        if self._is("is"):
            self._take()
            turned = self._accept("not")
            self._expect("missing")
            return self._turned(Missing(left, token.column), turned)
        if self._is("between"):
            return self._between(left)
        if self._is("in") or self._is("not"):
            turned = self._accept("not")
            self._expect("in")
            return self._turned(Among(left, self._options(), token.column), turned)
        return left

    def _between(self, item: Node) -> Node:
        column = self._take().column
        low = self._sum()
        self._expect("and")
        high = self._sum()
        return Joined("and", Comparison(">=", item, low, column), Comparison("<=", item, high, column), column)

    def _options(self) -> tuple[Literally, ...]:
        self._expect("[")
        found = [self._option()]
        while self._accept(","):
            found.append(self._option())
        self._expect("]")
        return tuple(found)

    def _option(self) -> Literally:
        column, minus = self._next.column, self._accept("-")
        literal = self._literal()
        if literal is None or (minus and not _is_number(literal.value)):
            raise self._unexpected("a number, a 'text' or a date: only written values may stand in a list")
        return Literally(-cast(float, literal.value), column) if minus else literal

    def _sum(self) -> Node:
        return self._arithmetic(("+", "-"), lambda: self._arithmetic(("*", "/"), self._signed))

    def _arithmetic(self, signs: tuple[str, ...], part: Callable[[], Node]) -> Node:
        tree = part()
        while self._next.text in signs and self._next.kind == "symbol":
            token = self._take()
            tree = Arithmetic(cast(Sign, token.text), tree, part(), token.column)
        return tree

    def _signed(self) -> Node:
        token = self._next
        if self._accept("-"):
            return Negative(self._deeper(self._signed), token.column)
        if self._accept("("):
            inner = self._deeper(self.condition)
            self._expect(")")
            return inner
        if (literal := self._literal()) is not None:
            return literal
        if token.kind == "word" and token.text not in KEYWORDS:
            return Name(self._take().text, token.column)
        raise self._unexpected("a name such as request.amount, a number, a 'text', a date, or '('")

    def _literal(self) -> Literally | None:
        token = self._next
        value: float | str | bool | date
        if token.kind == "number":
            value = float(token.text)
            if not isfinite(value):
                raise RuleError(token.column, f"found {token.text}; expected a number of ordinary size")
        elif token.kind == "text":
            value = token.text[1:-1]
        elif token.kind == "date":
            value = _date(token)
        elif token.kind == "word" and token.text in ("true", "false"):
            value = token.text == "true"
        else:
            return None
        return Literally(value, self._take().column)

    def _deeper(self, part: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise RuleError(self._next.column, f"nested more than {DEEPEST} deep; make it several rules")
        found = part()
        self._depth -= 1
        return found

    def _turned(self, tree: Node, turned: bool) -> Node:
        return Not(tree, tree.column) if turned else tree

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _is(self, text: str) -> bool:
        return self._next.text == text and self._next.kind in ("word", "symbol")

    def _take(self) -> Token:
        token = self._next
        self._place += 1
        return token

    def _accept(self, text: str) -> bool:
        found = self._is(text)
        if found:
            self._take()
        return found

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            raise self._unexpected(f"{text!r}")

    def _unexpected(self, expected: str) -> RuleError:
        return RuleError(self._next.column, f"found {self._next}; expected {expected}")


def _is_number(value: object) -> bool:
    return isinstance(value, float)


def _date(token: Token) -> date:
    try:
        return date.fromisoformat(token.text)
    except ValueError:
        raise RuleError(token.column, f"found {token.text}, which is no day; expected one such as 2026-01-31") from None
