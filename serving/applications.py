"""What is asked for and what the caller looked up: one application with its circumstances, and many as arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.log.record import QUOTAS_USED as USED
from training.score import Floats

Flags = NDArray[np.bool_]


def occurs(rows: Flags) -> bool:
    """Whether any row is flagged; for one row, as online, without NumPy's reduction."""
    return bool(rows[0]) if len(rows) == 1 else bool(rows.any())


NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Application:
    """One application: amounts in the portfolio's money, `annual_rate` nominal (0.18 is 18 %), `exposure` what
    the customer owes already; None: not stated."""

    amount: float | None = None
    purpose: str | None = None
    term_months: float | None = None
    annual_rate: float | None = None
    fees: float | None = None
    monthly_income: float | None = None
    exposure: float | None = None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What was looked up for one application; None: it was not, which approves nobody where the policy asks for it.

    `lists`: names of the negative lists with a hit. `signals`: result (passed, failed, unanswered) of each identity
    signal. `used`: what each quota has granted so far. `consents`: the last word (granted, withdrawn, none, unknown)
    about each purpose the policy asks about, `consented` about this one's.
    """

    paused: bool = False
    business_date: date | None = None
    lists: frozenset[str] | None = None
    signals: Mapping[str, str] = field(default_factory=dict)
    used: Mapping[str, float] = field(default_factory=dict)
    consented: bool | None = None
    automation_refused: bool = False
    consents: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Applications:
    """What is asked for, by row: NaN, None or a column of None where nothing was stated."""

    amount: Floats
    purpose: Sequence[str | None] | None = None
    term_months: Floats | None = None
    annual_rate: Floats | None = None
    fees: Floats | None = None
    monthly_income: Floats | None = None
    exposure: Floats | None = None

    def __len__(self) -> int:
        return len(self.amount)

    @classmethod
    def of(cls, rows: Sequence[Application]) -> "Applications":
        """Applications as arrays."""
        amount = _numbers([row.amount for row in rows])
        return cls(
            np.full(len(rows), np.nan) if amount is None else amount,
            _known([row.purpose for row in rows]),
            _numbers([row.term_months for row in rows]),
            _numbers([row.annual_rate for row in rows]),
            _numbers([row.fees for row in rows]),
            _numbers([row.monthly_income for row in rows]),
            _numbers([row.exposure for row in rows]),
        )


@dataclass(frozen=True)
class Context:
    """What the caller looked up, by row; `paused`: automatic approval of the portfolio is paused (red alert)."""

    paused: Flags
    business_date: Sequence[date | None] | None = None
    lists: Sequence[frozenset[str] | None] | None = None
    signals: Sequence[Mapping[str, str]] | None = None
    used: Sequence[Mapping[str, float]] | None = None
    consented: Sequence[bool | None] | None = None
    automation_refused: Sequence[bool] | None = None
    consents: Sequence[Mapping[str, str]] | None = None

    @classmethod
    def of(cls, rows: Sequence[Circumstances]) -> "Context":
        """The circumstances of each row as arrays."""
        return cls(
            np.array([row.paused for row in rows], dtype=bool),
            _known([row.business_date for row in rows]),
            _known([row.lists for row in rows]),
            _any([row.signals for row in rows]),
            _any([row.used for row in rows]),
            _known([row.consented for row in rows]),
            [row.automation_refused for row in rows],
            _any([row.consents for row in rows]),
        )


def circumstances_json(found: Circumstances) -> dict[str, Any]:
    """What is logged openly of the circumstances: all that a replay needs, nothing that was not looked up."""
    return {
        "paused": found.paused,
        **({} if found.business_date is None else {"business_date": found.business_date.isoformat()}),
        **({} if found.lists is None else {"lists": sorted(found.lists)}),
        **({"signals": dict(found.signals)} if found.signals else {}),
        **({} if found.consented is None else {"consented": found.consented}),
        **({"automation_refused": True} if found.automation_refused else {}),
        **({"consents": dict(found.consents)} if found.consents else {}),
    }


def sealed_json(found: Circumstances) -> dict[str, Any]:
    """The part of it that is logged sealed: what quotas had granted grows by what each person asked for."""
    return {USED: dict(found.used)} if found.used else {}


def circumstances_from(logged: Mapping[str, Any], sealed: Mapping[str, Any] | None = None) -> Circumstances:
    """The circumstances in a record's context, and in what is sealed of it; what it has besides is passed over.

    Records from before `sealed_json` have all of it in their context.
    """
    day, lists = logged.get("business_date"), logged.get("lists")
    return Circumstances(
        paused=bool(logged.get("paused")),
        business_date=None if day is None else date.fromisoformat(day),
        lists=None if lists is None else frozenset(lists),
        signals=dict(logged.get("signals", NOTHING)),
        used={name: float(value) for name, value in (sealed or {}).get(USED, logged.get("used", NOTHING)).items()},
        consented=logged.get("consented"),
        automation_refused=bool(logged.get("automation_refused")),
        consents=dict(logged.get("consents", NOTHING)),
    )


def application_from(logged: Mapping[str, Any]) -> Application:
    """The application among the inputs a record holds; what it has besides is passed over."""
    numbers = ("amount", "term_months", "annual_rate", "fees", "monthly_income", "exposure")
    stated = {name: float(logged[name]) for name in numbers if isinstance(logged.get(name), int | float)}
    purpose = logged.get("purpose")
    return Application(purpose=purpose if isinstance(purpose, str) else None, **stated)


def _numbers(column: list[float | None]) -> Floats | None:
    if not any(value is not None for value in column):
        return None
    return np.array([np.nan if value is None else value for value in column], dtype=np.float64)


def _known(column: list[Any]) -> list[Any] | None:
    return column if any(value is not None for value in column) else None


def _any(column: list[Any]) -> list[Any] | None:
    return column if any(column) else None
