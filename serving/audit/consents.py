"""Consents, as their acts leave them; those of a person who was erased by what is left of the acts."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from serving.audit.acts import Act
from serving.audit.book import Book, Finding, Found
from serving.log.books import CONSENTS, Table
from serving.log.database import Row
from serving.log.vault import Vault

_SAID = ("purpose", "state", "at", "recorded_by", "recorded_at")


@dataclass
class Consents(Book):
    """Every word of a person, by its number; acts of an earlier version have none, and are found by what they say."""

    table: Table = CONSENTS
    hidden: frozenset[str] = frozenset({"person", "source"})
    more: tuple[str, ...] = ("person", "source")
    unnumbered: dict[Row, list[Act]] = field(default_factory=lambda: defaultdict(list))

    def follow(self, act: Act, vault: Vault | None) -> None:
        """A word that was recorded."""
        if act.stored["kind"] != "consent":
            return
        told = act.inputs
        values: dict[str, Any] = dict(
            zip(_SAID, (told["purpose"], act.name, told["said_at"], act.by, act.at), strict=True)
        )
        if "number" not in told:
            self.unnumbered[tuple(values.values())].append(act)
            return
        sealed, person = act.sealed(vault), act.stored["person"]
        if person is None:
            self.unknown["person and source: erased from their acts"] += 1
        else:
            values |= {"person": person, **({} if sealed is None else {"source": sealed["source"]})}
        self.make((told["number"],), act, values)

    def otherwise(self, row: Found) -> str | bool:
        """Whether an act without a number says what a row says."""
        left = self.unnumbered.get(tuple(row[name] for name in _SAID), [])
        for person in (row["person"], None):
            for act in left:
                if act.stored["person"] == person:
                    left.remove(act)
                    return True
        return False

    def ending(self) -> Iterator[Finding]:
        """Acts that no row was found for."""
        for acts in self.unnumbered.values():
            for act in acts:
                yield Finding(self.table.name, "?", "an act recorded it, but it is not there", act.id)
