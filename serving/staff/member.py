"""A member of the staff: who it is, in which roles, for which portfolios."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

from serving.log.record import PLATFORM
from serving.partners.partner import ALL, RESERVED

Role = Literal["engineer", "risk_officer", "reviewer", "marketer", "auditor"]
ROLES: tuple[Role, ...] = get_args(Role)
REVIEWING: frozenset[Role] = frozenset({"risk_officer", "reviewer"})
LONGEST_NAME = 63
MONITORING = "monitoring"  # who pauses by an alert

NAME_PATTERN = r"[a-z][a-z0-9._@-]{1,62}"
_NAME = re.compile(NAME_PATTERN)
_PORTFOLIO = re.compile(r"[a-z][a-z0-9_]{0,62}")
_TAKEN = RESERVED | {PLATFORM, MONITORING}


class BadStaff(ValueError):
    """A person cannot be on the staff as described; the message names what is wrong."""


@dataclass(frozen=True, slots=True)
class Member:
    """A person on the staff; a session that was begun in an earlier `generation` is over."""

    name: str
    roles: frozenset[Role]
    portfolios: frozenset[str]
    generation: int = 0

    def sees(self, portfolio: str) -> bool:
        """Whether the portfolio is open to them."""
        return portfolio in self.portfolios or ALL in self.portfolios

    def may_review(self, portfolio: str) -> bool:
        """Whether they may decide reviews of this portfolio."""
        return self.sees(portfolio) and not REVIEWING.isdisjoint(self.roles)

    @property
    def reads_reviews(self) -> bool:
        """Whether they may read reviews of the portfolios that are open to them."""
        return "auditor" in self.roles or not REVIEWING.isdisjoint(self.roles)


def make_member(name: str, roles: str, portfolios: str, generation: int = 0) -> Member:
    """The member of these texts (lists with commas), or `BadStaff`."""
    if not _NAME.fullmatch(name):
        raise BadStaff(f"name: found {name[:80]!r}; expected 2 to 63 of a-z, 0-9 and ._@-, a letter first")
    if name in _TAKEN:
        raise BadStaff(f"name: {name!r} is the platform's own; take another")
    return Member(name, parse_roles(roles), _portfolios(portfolios), generation)


def parse_roles(text: str) -> frozenset[Role]:
    """The roles named in a text, with commas between, or `BadStaff`."""
    wanted = frozenset(filter(None, text.split(",")))
    found = frozenset(role for role in ROLES if role in wanted)
    if not found or len(found) != len(wanted):
        raise BadStaff(f"roles: found {text[:80]!r}; expected some of {', '.join(ROLES)}, with commas between")
    return found


def _portfolios(text: str) -> frozenset[str]:
    found = frozenset(filter(None, text.split(",")))
    if not found or not all(name == ALL or _PORTFOLIO.fullmatch(name) for name in found):
        raise BadStaff(f"portfolios: found {text[:80]!r}; expected names of portfolios with commas between, or {ALL}")
    return found
