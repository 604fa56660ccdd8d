"""The lists in memory: a look-up costs two hashes a value."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from serving.lists.entry import Kind, Match, Named, hashed


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as the index needs it; `ended`: it was expired by a person."""

    id: str
    list: str
    kind: Kind
    match: Match
    hash: str
    valid_from: date | None
    valid_until: date | None
    ended: bool

    def holds_on(self, day: date) -> bool:
        """Whether it counts on a day; both its days are included."""
        after = self.valid_from is None or day >= self.valid_from
        return after and (self.valid_until is None or day <= self.valid_until)


@dataclass
class Ahead:
    """Entries of an import that has not ended, known beforehand: when they count, there is little left to read."""

    batch: int
    beat: int = -1  # of the import when it was looked at, and since when it has stayed so
    since: float = 0.0
    last: str = ""
    rows: list[Row] = field(default_factory=list)


@dataclass
class Index:
    """Entries by hash; `version` is the last change it has seen, and `ahead` counts for nothing yet."""

    secret: bytes
    version: int = 0
    ahead: Ahead | None = None
    _rows: dict[str, dict[str, Row]] = field(default_factory=dict)
    _forms: dict[Kind, tuple[Match, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))

    def apply(self, version: int, changed: Iterable[Row]) -> None:
        """Take over what changed up to a version."""
        for row in changed:
            # Copied, not changed: another thread may be looking something up.
            known = self._rows.get(row.hash)
            held = {name: one for name, one in known.items() if name != row.id} if known else {}
            if not row.ended:
                held[row.id] = row
                forms = self._forms.get(row.kind, ())
                if row.match not in forms:
                    self._forms[row.kind] = (*forms, row.match)
            if held:
                self._rows[row.hash] = held
            else:
                self._rows.pop(row.hash, None)
        self.version = version

    def hits(self, named: Iterable[Named], day: date) -> frozenset[str]:
        """The lists that any of these is on, on that day."""
        found: set[str] = set()
        for one in named:
            for match in self._forms.get(one.kind, ()):
                held = self._rows.get(hashed(self.secret, one, match))
                if held:
                    found.update(row.list for row in held.values() if row.holds_on(day))
        return frozenset(found)
