"""Consents, as their acts leave them; those of a person who was erased by what is left of the acts."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from serving.audit.acts import Act
from serving.audit.book import Book, Finding, Found, Told
from serving.log.books import CONSENTS, Table
from serving.log.database import Row
from serving.log.erasure import WORDS_ERASED, holder
from serving.log.vault import Vault

_SAID = CONSENTS.columns[1:]


@dataclass
class Consents(Book):
    """Every word of a person, by its number; acts of an earlier version have none, and are found by what they say."""

    table: Table = CONSENTS
    hidden: frozenset[str] = frozenset({"person", "source"})
    more: tuple[str, ...] = ("person", "source")
    left: dict[Row, str] = field(default_factory=dict)
    """Marks of what erasures left in the person's place."""
    unnumbered: dict[Row, list[tuple[Act, str | None]]] = field(default_factory=lambda: defaultdict(list))

    def follow(self, act: Act, vault: Vault | None) -> None:
        """A word that was recorded, or words that were erased."""
        if act.stored["kind"] != "consent":
            return
        if act.name == WORDS_ERASED:
            self._erase(act)
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

    def _erase(self, act: Act) -> None:
        for number, mark in act.inputs["words"].items():
            key = (int(number),)
            self.left[key] = mark
            found = self.told.setdefault(key, Told())
            found.values = {name: value for name, value in found.values.items() if name != "person"} | {"source": ""}
            found.act, found.untold = act.id, ""

    def otherwise(self, row: Found) -> str | bool:
        """Whether an act without a number says what a row says."""
        key, left = (row["number"],), self.unnumbered.get(tuple(row[name] for name in _SAID), [])
        for person in (row["person"], None):
            for act, source in left:
                if act.stored["person"] == person and source in (None, row["source"]):
                    left.remove((act, source))
                    if source is None and key not in self.left:
                        why = "source: need the master keys" if person else "person and source: erased from their act"
                        self.leave(key, why)
                    return True
        if key in self.adopted and key not in self.left:
            self.leave(key, "person and source: older than any act")
        return False

    def _marked(self, key: Row, found: Found, row: Row, told: Told, vault: Vault | None) -> str | None:
        problem = super()._marked(key, found, row, told, vault)
        if problem is not None or key not in self.left:
            return problem
        if vault is None:
            self.leave(key, "person: need the master keys")
        elif vault.mark(holder(found["number"], found["person"])) != self.left[key]:
            return "person is not what its erasure vouches for"
        return None

    def ending(self) -> Iterator[Finding]:
        """Acts that no row was found for."""
        for acts in self.unnumbered.values():
            for act, _ in acts:
                yield Finding(self.table.name, "?", "an act recorded it, but it is not there", act.id)
