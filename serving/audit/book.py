"""A book as the acts leave it, and what in its table differs from that."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from serving.audit.acts import Act
from serving.log.books import Table, pages
from serving.log.canonical import Json
from serving.log.database import Row, Session
from serving.log.vault import Vault

Found = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """One row that does not follow from the acts; `act`: the last that tells of it."""

    book: str
    row: str
    problem: str
    act: str | None = None

    def __str__(self) -> str:
        told = "" if self.act is None else f" (act {self.act})"
        return f"{self.book} {self.row}: {self.problem}{told}"


@dataclass(slots=True)
class Told:
    """What acts tell of a row: its columns, a mark of what they must not hold, and whether one of them made it."""

    values: dict[str, Any] = field(default_factory=dict)
    mark: str | None = None
    act: str = ""
    made: bool = False
    untold: str = ""
    """Why a part of it cannot be compared, if it cannot."""


@dataclass
class Book:
    """One table, followed through its acts in the order of the chain; `hidden` columns are never shown."""

    table: Table
    hidden: frozenset[str] = frozenset()
    more: tuple[str, ...] = ()
    told: dict[Row, Told] = field(default_factory=dict)
    adopted: dict[Row, str] = field(default_factory=dict)
    touched: set[Row] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)
    partly: set[Row] = field(default_factory=set)
    rows: int = 0
    compared: int = 0

    def follow(self, act: Act, vault: Vault | None) -> None:
        """Take over what an act changed."""

    def secrets(self, row: Found) -> list[Json] | None:
        """What the mark of an act about a row is made of, where acts have one."""
        return None

    def otherwise(self, row: Found) -> str | bool:
        """Whether acts account for a row in another way than by its key; text: why they do not."""
        return False

    def ending(self) -> Iterator[Finding]:
        """What acts tell of and no row showed."""
        yield from ()

    def make(self, key: Row, act: Act, values: dict[str, Any], untold: str = "") -> None:
        """An act made a row. No name or number is given out twice while its row is there, and no row ever goes."""
        if key in self.told or key in self.adopted:
            self.findings.append(self._finding(key, "two acts made it, so the first one's row was deleted", act.id))
        self.told[key] = Told(values, act.inputs.get("mark"), act.id, made=True, untold=untold)
        self.touched.add(key)

    def change(self, key: Row, act: Act, values: dict[str, Any]) -> None:
        """An act changed a row, also one that no act made."""
        found = self.told.setdefault(key, Told())
        found.values |= values
        found.mark, found.act = act.inputs.get("mark"), act.id
        self.touched.add(key)

    def adopt(self, marks: Mapping[Row, str]) -> None:
        """An act put rows on record as they were found."""
        self.adopted |= marks
        self.touched -= marks.keys()

    def compare(self, session: Session, vault: Vault | None, strict: bool) -> Iterator[Finding]:
        """What differs; `strict`: every row must be of an act. `unknown` counts what cannot be compared."""
        yield from self.findings
        seen: set[Row] = set()
        wider = replace(self.table, columns=(*self.table.columns, *self.more))
        for page in pages(session, wider):
            for row in page:
                seen.add(self.table.key_of(row))
                yield from self._row(dict(zip(wider.columns, row, strict=True)), row, vault, strict)
        self.rows, self.compared = len(seen), len(seen - self.partly)
        for key, told in self.told.items():
            if told.made and key not in seen:
                yield self._finding(key, "an act made it, but it is not there", told.act)
        for key in self.adopted.keys() - seen - {key for key, told in self.told.items() if told.made}:
            yield self._finding(key, "it was put on record as found, but it is not there")
        yield from self.ending()

    def leave(self, key: Row, why: str) -> None:
        """A row, or a part of it, cannot be compared."""
        self.unknown[why] += 1
        self.partly.add(key)

    def _row(self, found: Found, row: Row, vault: Vault | None, strict: bool) -> Iterator[Finding]:
        try:
            yield from self._differences(found, row, vault, strict)
        except (TypeError, ValueError):  # of no canonical JSON, or not to be compared with what acts say
            yield self._finding(self.table.key_of(row), "it holds a value of another type than its column's")

    def _differences(self, found: Found, row: Row, vault: Vault | None, strict: bool) -> Iterator[Finding]:
        key = self.table.key_of(row)
        told, mark = self.told.get(key, Told()), self.adopted.get(key)
        if not told.made:
            accounted = self.otherwise(found)
            if isinstance(accounted, str):
                yield self._finding(key, accounted)
            elif not accounted and mark is None:
                if strict:
                    yield self._finding(key, "no act in the chain made it")
                else:
                    self.leave(key, "made before acts were kept")
            elif not accounted and key in self.touched:  # its mark is of what it was before its first act
                self.leave(key, "what no act tells of a row that was changed since it was put on record")
        for column, value in told.values.items():
            if found[column] != value:
                yield self._finding(key, self._differs(column, found[column], value), told.act)
        problem = self._marked(key, found, row, told, vault)
        if problem is not None:
            yield self._finding(key, problem, told.act or None)

    def _marked(self, key: Row, found: Found, row: Row, told: Told, vault: Vault | None) -> str | None:
        """What is wrong by the marks that were made of a row."""
        if key in self.adopted and key not in self.touched:
            if vault is None:
                self.leave(key, "need the master keys")
            elif self.table.mark(vault, row[: len(self.table.columns)]) != self.adopted[key]:
                return "it is not as it was when it was put on record"
            return None
        if told.untold:
            self.leave(key, told.untold)
        secrets = self.secrets(found)
        if secrets is None:
            return None
        if told.mark is None or vault is None:
            self.leave(key, "need the master keys" if told.mark else "acts of an earlier version without a mark")
        elif vault.mark(secrets) != told.mark:
            return f"{' or '.join(sorted(self.hidden))} is not what its act vouches for"
        return None

    def _differs(self, column: str, found: Any, expected: Any) -> str:
        if column in self.hidden:
            return f"{column} is not as its acts say"
        return f"{column} is {_shown(found)}, but its acts say {_shown(expected)}"

    def _finding(self, key: Row, problem: str, act: str | None = None) -> Finding:
        return Finding(self.table.name, " ".join(map(str, key)), problem, act)


def _shown(value: Any) -> str:
    return "empty" if value is None else str(value)
