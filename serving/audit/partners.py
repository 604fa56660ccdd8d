"""Partners and their keys, as their acts leave them."""

from dataclasses import dataclass

from serving.audit.acts import Act
from serving.audit.book import Book, Found, Told
from serving.log.books import KEYS, PARTNERS, Table
from serving.log.canonical import Json
from serving.log.database import Row
from serving.log.vault import Vault
from serving.partners.book import secrets


@dataclass
class Partners(Book):
    """Who may call, and what for."""

    table: Table = PARTNERS

    def follow(self, act: Act, vault: Vault | None) -> None:
        """Added, changed or revoked."""
        if act.stored["kind"] != "partner":
            return
        told, key = act.inputs, (act.inputs["partner"],)
        if act.name in ("add", "change"):
            lists = {name: ",".join(told[name]) for name in ("scopes", "portfolios")}
            may = {**lists, "quota": told["quota"], "concurrency": told["concurrency"]}
            if act.name == "add":
                self.make(
                    key, act, {**may, "added_at": act.at, "added_by": act.by, "revoked_at": None, "revoked_by": None}
                )
            else:
                self.change(key, act, may)
        elif act.name == "revoke":
            self.change(key, act, {"revoked_at": act.at, "revoked_by": act.by})


@dataclass
class Keys(Book):
    """The keys of partners, by what stands in their names; what a key is known by is held against a mark."""

    table: Table = KEYS
    hidden: frozenset[str] = frozenset({"hash"})

    def follow(self, act: Act, vault: Vault | None) -> None:
        """Made with their partner, or in the place of others that end."""
        if act.stored["kind"] != "partner" or act.name not in ("add", "rotate"):
            return
        own = act.inputs["partner"]
        if act.name == "rotate":
            for key, mark in self._others(own, act).items():
                found = self.told.setdefault(key, Told())
                found.values["ends_at"], found.mark, found.act = act.inputs["others_end"], mark, act.id
                self.touched.add(key)
        made = {"partner": own, "made_at": act.at, "made_by": act.by, "ends_at": None}
        self.make((act.inputs["key"],), act, made)

    def _others(self, own: str, act: Act) -> dict[Row, str | None]:
        """The keys that a new one lets end, with their marks."""
        if "others" in act.inputs:
            return {(key,): mark for key, mark in act.inputs["others"].items()}
        # An act of an earlier version does not name them.
        mine = {key: told for key, told in self.told.items() if told.values.get("partner") == own}
        end = act.inputs["others_end"]
        return {key: told.mark for key, told in mine.items() if _outlives(told.values["ends_at"], end)}

    def secrets(self, row: Found) -> list[Json] | None:
        """A key's mark."""
        return secrets(row["id"], row["partner"], row["hash"])


def _outlives(end: str | None, other: str) -> bool:
    return end is None or end > other
