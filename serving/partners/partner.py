"""A partner: who it is, what it may ask for, for which portfolios, and how much."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from serving.log.record import PLATFORM

Scope = Literal["decide", "propensity", "review", "read", "consents"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
ALL = "*"  # every portfolio, also those to come
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LARGEST_QUOTA = 1_000_000
LOCAL = "local"  # who decides at the command line: real decisions, made without the service
DEMO = "demo"  # who sends the sample of a replay
RESERVED = frozenset({PLATFORM, LOCAL, DEMO})
"""Names that nobody can be given: who had one would read and repeat what the platform did under it."""

_NAME = re.compile(r"[a-z][a-z0-9-]{1,62}")
_PORTFOLIO = re.compile(r"[a-z][a-z0-9_]{0,62}")


class BadPartner(ValueError):
    """A partner cannot be as it was described; the message names what is wrong."""


@dataclass(frozen=True, slots=True)
class Quota:
    """At most `requests` in each window of `seconds`."""

    requests: int
    seconds: int

    def __str__(self) -> str:
        unit = next(unit for unit, length in SECONDS.items() if length == self.seconds)
        return f"{self.requests}/{unit}"


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner as every worker knows it."""

    name: str
    scopes: frozenset[Scope]
    portfolios: frozenset[str]
    quota: Quota
    concurrency: int

    def may(self, scope: Scope, portfolio: str) -> bool:
        """Whether it may ask this of this portfolio."""
        return scope in self.scopes and self.sees(portfolio)

    def sees(self, portfolio: str) -> bool:
        """Whether the portfolio is open to it."""
        return portfolio in self.portfolios or ALL in self.portfolios

    @property
    def actor(self) -> str:
        """How it stands in the log where it did something: no member of the staff has a colon in their name."""
        return f"partner:{self.name}"


@dataclass(frozen=True, slots=True)
class Limited:
    """Somebody else whose requests are counted and limited as a partner's are."""

    name: str
    quota: Quota
    concurrency: int


def make_partner(name: str, scopes: str, portfolios: str, quota: str, concurrency: int) -> Partner:
    """The partner of these texts (lists with commas), or `BadPartner`."""
    if not _NAME.fullmatch(name):
        raise BadPartner(f"name: found {name!r}; expected 2 to 63 of a-z, 0-9 and -, a letter first")
    if not 1 <= concurrency <= LARGEST_QUOTA:
        raise BadPartner(f"concurrency: found {concurrency}; expected 1 to {LARGEST_QUOTA}")
    return Partner(name, _scopes(scopes), _portfolios(portfolios), parse_quota(quota), concurrency)


def parse_quota(text: str) -> Quota:
    """The quota written as `50/s`, `1000/m`, `10000/h` or `100000/d`."""
    found = re.fullmatch(r"([1-9]\d{0,6})/([smhd])", text)
    if not found or int(found[1]) > LARGEST_QUOTA:
        raise BadPartner(f"quota: found {text!r}; expected requests per s, m, h or d, such as 50/s, up to a million")
    return Quota(int(found[1]), SECONDS[found[2]])


def _scopes(text: str) -> frozenset[Scope]:
    wanted = frozenset(filter(None, text.split(",")))
    found = frozenset(scope for scope in SCOPES if scope in wanted)
    if not found or len(found) != len(wanted):
        raise BadPartner(f"scopes: found {text!r}; expected some of {', '.join(SCOPES)}, with commas between")
    return found


def _portfolios(text: str) -> frozenset[str]:
    found = frozenset(filter(None, text.split(",")))
    if not found or not all(name == ALL or _PORTFOLIO.fullmatch(name) for name in found):
        raise BadPartner(f"portfolios: found {text!r}; expected names of portfolios with commas between, or {ALL}")
    return found
