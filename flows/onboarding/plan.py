"""Everything decided about a file, before anything is written."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from features.calendar import month_end
from features.spec import CREATED, EVENT, Use
from flows.onboarding.names import normalised, plain
from flows.onboarding.outcome import Outcome, matured, read_outcome
from flows.onboarding.reading import FlatFile, read_flat_file
from flows.onboarding.request import OnboardingError, Request
from flows.onboarding.rows import NUMBERED, Rows, usable_rows
from flows.onboarding.treatment import Role, Setting, Treated, treat

RECORDS, OUTCOMES = "records", "outcomes"
OBSERVED = "observed_timestamp"
FEW_EVENTS = 50


@dataclass(frozen=True)
class Plan:
    """A file understood: its rows, its outcome, its columns, and remarks for the person who brought it."""

    request: Request
    rows: Rows
    outcome: Outcome
    label: str
    label_header: str
    key: str
    key_meaning: str
    columns: tuple[Treated, ...]
    known_from: pl.Series
    notes: tuple[str, ...]

    @property
    def use(self) -> Use:
        """The use that the file's columns are permitted for."""
        return use_of(self.request)

    def of(self, role: Role) -> list[Treated]:
        """The columns of one role, in the order of the file."""
        return [column for column in self.columns if column.role == role]

    @property
    def groups(self) -> list[Treated]:
        """Protected columns whose groups can be compared."""
        return [column for column in self.of("protected") if column.feature]

    @property
    def first(self) -> date:
        """Day of the first row."""
        return _day(self.rows.events.min())

    @property
    def last(self) -> date:
        """Day of the last row."""
        return _day(self.rows.events.max())

    @property
    def as_of(self) -> date:
        """The business date to run first: the end of the last month with rows."""
        return month_end(self.last)

    @property
    def months(self) -> int:
        """Months with a label that is known at `as_of`."""
        known = self.labelled.filter(pl.col(CREATED).dt.date() <= self.as_of)
        return known[OBSERVED].dt.strftime("%Y-%m").n_unique()

    @property
    def labelled(self) -> pl.DataFrame:
        """The table of outcomes: one row for each label, known from the day it matured on."""
        frame = pl.DataFrame(
            {
                self.key: self.rows.keys,
                EVENT: self.known_from,
                CREATED: self.known_from,
                OBSERVED: self.rows.events,
                self.label: self.outcome.events,
            }
        )
        return frame.filter(pl.col(self.label).is_not_null()).sort(EVENT, self.key, OBSERVED)

    @property
    def records(self) -> pl.DataFrame:
        """The table of records: every usable row of the file with the columns that hold something."""
        times = {self.key: self.rows.keys, EVENT: self.rows.events, CREATED: self.rows.events}
        kept = {column.name: column.content.values for column in self.columns if column.content.distinct}
        return pl.DataFrame(times | kept).sort(EVENT, self.key)


def use_of(request: Request) -> Use:
    """What a file of this kind is brought for."""
    return "credit" if request.kind == "risk" else "marketing"


def make_plan(request: Request) -> Plan:
    """Read the file of `request` and decide what to make of every row and column."""
    file = read_flat_file(request.source)
    names = normalised(file.headers)
    find = _Finder(file, names)
    time, label = find(request.time, "--time"), find(request.label, "--label")
    entity = find(request.id, "--id") if request.id else None
    protected = frozenset(names[find(column, "--protected")] for column in request.protected)
    if len({time, label, entity}) < 3:
        raise OnboardingError("--id, --time and --label must name three different columns")
    headers = {f"c{position}": header for position, header in enumerate(file.headers)}
    rows = usable_rows(file.frame, None if entity is None else f"c{entity}", f"c{time}", headers)
    frame = file.frame[rows.positions]
    outcome = read_outcome(frame[f"c{label}"], file.headers[label], request.positive)
    setting = _setting(request, rows, outcome, protected)
    special = {time, label} | ({entity} if entity is not None and not rows.numbered else set())
    columns = tuple(
        treat(frame[f"c{position}"].alias(names[position]), header, names[position], setting)
        for position, header in enumerate(file.headers)
        if position not in special
    )
    return _checked(
        Plan(
            request=request,
            rows=rows,
            outcome=outcome,
            label=names[label],
            label_header=file.headers[label],
            key=NUMBERED if rows.numbered or entity is None else names[entity],
            key_meaning="number of the row in the file" if rows.numbered or entity is None else file.headers[entity],
            columns=columns,
            known_from=matured(rows.events, request.matures),
            notes=(*file.notes, f"times written as {rows.dates.written}", *rows.notes),
        )
    )


class _Finder:
    """Finds a column by its header as written, or by its name in the portfolio."""

    def __init__(self, file: FlatFile, names: list[str]) -> None:
        self._headers, self._names = list(file.headers), names

    def __call__(self, asked: str, option: str) -> int:
        for found in (
            [place for place, header in enumerate(self._headers) if header == asked],
            [
                place
                for place, header in enumerate(self._headers)
                if header.casefold().strip() == asked.casefold().strip()
            ],
            [place for place, name in enumerate(self._names) if name in (asked, plain(asked))],
        ):
            if len(found) > 1:
                names = [self._names[place] for place in found]
                raise OnboardingError(f"{option} {asked!r}: {len(found)} columns are called so; name one of {names}")
            if found:
                return found[0]
        raise OnboardingError(f"{option} {asked!r}: no such column; {self._hint(asked)}")

    def _hint(self, asked: str) -> str:
        from difflib import get_close_matches

        folded = {header.casefold(): header for header in self._headers}
        close = [folded[header] for header in get_close_matches(asked.casefold(), list(folded), n=3)]
        shown = ", ".join(repr(header) for header in self._headers[:40])
        return f"did you mean {' or '.join(map(repr, close))}?" if close else f"found {shown}"


def _setting(request: Request, rows: Rows, outcome: Outcome, protected: frozenset[str]) -> Setting:
    known = outcome.events.is_not_null()
    return Setting(
        events=rows.events,
        known=known.to_numpy(),
        outcome=outcome.events.filter(known).cast(pl.Int8).to_numpy(),
        use=use_of(request),
        protected=protected,
    )


def _checked(plan: Plan) -> Plan:
    """Refuse what cannot be trained on; say what is thin."""
    if not plan.of("feature"):
        left = "; ".join(f"{column.header!r}: {column.why}" for column in plan.columns[:12])
        raise OnboardingError(
            f"{plan.request.source}: no column is left to learn from. {left or 'There are no others'}"
        )
    if plan.months == 0:
        first = plan.labelled[CREATED].min()
        raise OnboardingError(
            f"--matures {plan.request.matures}: no label is known by {plan.as_of}, the end of the file's last month "
            f"(the first would be on {_day(first)}); expected a shorter time, or a file that goes on for longer"
        )
    return plan


def _day(time: object) -> date:
    from datetime import datetime

    if not isinstance(time, datetime):
        raise OnboardingError("the file has no row with a time")
    return time.date()
