"""The staff, as their acts leave them."""

from dataclasses import dataclass

from serving.audit.acts import Act
from serving.audit.book import Book, Found
from serving.log.books import STAFF, Table
from serving.log.canonical import Json
from serving.log.vault import Vault
from serving.staff.book import secrets


@dataclass
class StaffRows(Book):
    """Who may act, in which roles; passwords and a provider's names are held against a mark."""

    table: Table = STAFF
    hidden: frozenset[str] = frozenset({"password", "subject"})

    def follow(self, act: Act, vault: Vault | None) -> None:
        """Added, changed, given a password, signed in or ended."""
        if act.stored["kind"] != "staff" or "staff" not in act.inputs:
            return
        told, key = act.inputs, (act.inputs["staff"],)
        if act.name in ("add", "change"):
            lists = {name: ",".join(told[name]) for name in ("roles", "portfolios")}
            if act.name == "change":
                self.change(key, act, dict(lists))
                return
            issuer = None if told["account"] == "local" else told["account"]
            never = dict.fromkeys(("ended_at", "ended_by", "signed_in_at"))
            added = {"added_at": act.at, "added_by": act.by, "issuer": issuer, "generation": 0}
            self.make(key, act, {**lists, **added, **never})
        elif act.name == "sign_in":
            self.change(key, act, {"signed_in_at": act.at})
        elif act.name in ("password", "end"):
            ended = {"ended_at": act.at, "ended_by": act.by, "password": None} if act.name == "end" else {}
            known = self.told[key].values.get("generation") if key in self.told else None
            self.change(key, act, {**ended, **({} if known is None else {"generation": known + 1})})

    def secrets(self, row: Found) -> list[Json] | None:
        """A member's mark."""
        return secrets(row["name"], row["password"], row["issuer"], row["subject"])
