"""An entry of a negative list, and how what it names is told apart without being kept."""

import hmac
import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Literal, get_args

Kind = Literal["entity", "name", "phone", "document", "device", "company"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Match = Literal["exact", "normalised"]
MATCHES: tuple[Match, ...] = get_args(Match)
LONGEST = 500

_NOT_ALPHANUMERIC = {code: None for code in range(128) if not chr(code).isalnum()}
_LIST = re.compile(r"[a-z][a-z0-9_]{0,62}")


class BadEntry(ValueError):
    """An entry cannot be as it was described; the message names what is wrong, never the value."""


@dataclass(frozen=True, slots=True)
class Named:
    """What an entry is about or a request brings: a kind and a value; an entity's id holds in one portfolio only."""

    kind: Kind
    value: str
    portfolio: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry; both days are included, None: open."""

    list: str
    named: Named
    source: str
    reason: str
    match: Match = "normalised"
    valid_from: date | None = None
    valid_until: date | None = None


def normalise(value: str) -> str:
    """NFKC, case folded, letters, marks and digits only: how the same name is written differs in the rest."""
    if value.isascii():
        return value.lower().translate(_NOT_ALPHANUMERIC)
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())
    kept = "".join(one for one in folded if unicodedata.category(one)[0] in "LMN")
    return unicodedata.normalize("NFKC", kept)


def hashed(secret: bytes, named: Named, match: Match) -> str:
    """What is stored of a value, HMAC-SHA-256: without the server's secret it cannot be guessed by trying values."""
    value = normalise(named.value) if match == "normalised" else named.value.strip()
    scope = named.portfolio if named.kind == "entity" else ""
    parts = "\x00".join((named.kind, match, scope, value))
    return hmac.digest(secret, parts.encode("utf-8", "surrogatepass"), "sha256").hex()


def checked(entry: Entry) -> Entry:
    """The entry, or `BadEntry`."""
    if not _LIST.fullmatch(entry.list):
        raise BadEntry(f"list: found {entry.list[:63]!r}; expected up to 63 of a-z, 0-9 and _, a letter first")
    if entry.named.kind not in KINDS or entry.match not in MATCHES:
        raise BadEntry(f"kind or match: expected one of {', '.join(KINDS)}, and {' or '.join(MATCHES)}")
    if not normalise(entry.named.value) or len(entry.named.value) > LONGEST:
        raise BadEntry(f"value: expected 1 to {LONGEST} characters with a letter or a digit among them")
    if (entry.named.kind == "entity") != bool(entry.named.portfolio):
        raise BadEntry("portfolio: expected one for an entity, whose id is the portfolio's own, and for nothing else")
    if not entry.source.strip() or not entry.reason.strip():
        raise BadEntry("source and reason: expected both, so that a person who is refused can be told why")
    if entry.valid_from and entry.valid_until and entry.valid_until < entry.valid_from:
        raise BadEntry(f"valid_until: found {entry.valid_until}, before {entry.valid_from}; expected it on or after")
    return entry
