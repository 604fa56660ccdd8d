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

_SAID = CONSENTS.columns[1:]


@dataclass
class Consents(Book):
    """Every word of a person, by its number; acts of an earlier version have none, and are found by what they say."""

    table: Table = CONSENTS
    hidden: frozenset[str] = frozenset({"person", "source"})
    more: tuple[str, ...] = ("person", "source")
    unnumbered: dict[Row, list[tuple[Act, str | None]]] = field(default_factory=lambda: defaultdict(list))

    def follow(self, act: Act, vault: Vault | None) -> None:
        """A word that was recorded."""
        if act.stored["kind"] != "consent":
            return
        told = act.inputs
        values: dict[str, Any] = dict(
            zip(_SAID, (told["purpose"], act.name, told["said_at"], act.by, act.at), strict=True)
        )
        sealed, person = act.sealed(vault), act.stored["person"]
        source = None if sealed is None else sealed["source"]
        if "number" not in told:
            self.unnumbered[tuple(values.values())].append((act, source))
            return
        if person is None:
            # A withdrawal may have been kept, by whom the act no longer tells.
            untold = "person: erased from its act" if act.name == "withdrawn" else ""
            self.make((told["number"],), act, {**values, "source": "", **({} if untold else {"person": ""})}, untold)
            return
        values |= {"person": person, **({} if source is None else {"source": source})}
        self.make((told["number"],), act, values, "" if sealed else "source: need the master keys")

    def otherwise(self, row: Found) -> str | bool:
        """Whether an act without a number says what a row says."""
        key, left = (row["number"],), self.unnumbered.get(tuple(row[name] for name in _SAID), [])
        for person in (row["person"], None):
            for act, source in left:
                if act.stored["person"] == person and source in (None, row["source"]):
                    left.remove((act, source))
                    if source is None:
                        why = "source: need the master keys" if person else "person and source: erased from their act"
                        self.leave(key, why)
                    return True
        if key in self.adopted:
            self.leave(key, "person and source: older than any act")
        return False

    def ending(self) -> Iterator[Finding]:
        """Acts that no row was found for."""
        for acts in self.unnumbered.values():
            for act, _ in acts:
                yield Finding(self.table.name, "?", "an act recorded it, but it is not there", act.id)
