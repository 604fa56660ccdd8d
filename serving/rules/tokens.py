"""A rule's text cut into tokens."""

import re
from dataclasses import dataclass
from typing import Literal

from serving.rules.syntax import RuleError

LONGEST = 2_000
"""Characters of a rule: more than a person reads at once."""

TokenKind = Literal["date", "number", "text", "word", "symbol", "end"]

_PATTERN = re.compile(
    r"""(?P<space>\s+)
    |(?P<date>\d{4}-\d{2}-\d{2}(?![\w.]))
    |(?P<number>(?:\d+(?:_\d+)*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    |(?P<text>'[^'\n]*'|"[^"\n]*")
    |(?P<word>[A-Za-z_][\w]*(?:\.[A-Za-z_][\w]*)*)
    |(?P<symbol>==|!=|<=|>=|[<>+\-*/()\[\],])""",
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text and its column, from 1."""

    kind: TokenKind
    text: str
    column: int

    def __str__(self) -> str:
        return "the end of the rule" if self.kind == "end" else repr(self.text)


def tokens(text: str) -> list[Token]:
    """The tokens of `text`, the last of kind `end`; or `RuleError`."""
    if len(text) > LONGEST:
        raise RuleError(LONGEST + 1, f"the rule has {len(text):,} characters; expected up to {LONGEST:,}")
    found, place = [], 0
    while place < len(text):
        match = _PATTERN.match(text, place)
        if match is None:
            raise RuleError(place + 1, _unknown(text, place))
        if match.lastgroup != "space":
            found.append(Token(match.lastgroup, match.group(), place + 1))  # type: ignore[arg-type]
        place = match.end()
    return [*found, Token("end", "", len(text) + 1)]


def _unknown(text: str, place: int) -> str:
    character = text[place]
    if character == "=":
        return "found '='; expected '==' to compare"
    if character in "'\"":
        return f"text begins here that has no closing {character}"
    if character.isdigit() or character == ".":
        return f"found {text[place : place + 12]!r}; expected a number such as 1200 or 0.35, or a date as 2026-01-31"
    return f"found {character!r}; expected a name, a number, a 'text', or one of and or not in between is"
