"""Pauses of automatic approval, as their acts leave them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serving.audit.acts import Act
from serving.audit.book import Book
from serving.log.books import PAUSES, Table
from serving.log.database import Row
from serving.log.vault import Vault

LIFTED = ("lifted_at", "lifted_by", "lift_reason")


@dataclass
class PauseRows(Book):
    """What is paused, and what was lifted."""

    table: Table = PAUSES

    def follow(self, act: Act, vault: Vault | None) -> None:
        """Set or lifted."""
        if act.stored["kind"] != "staff" or act.name not in ("set_pause", "lift_pause"):
            return
        told, portfolio = act.inputs, act.stored["portfolio"]
        if act.name == "set_pause":
            values = {"reason": told["reason"], "paused_by": act.by, "since": act.at, **dict.fromkeys(LIFTED)}
            key, until = (portfolio, told["as_of"], told["cause"]), {"until": told["until"]} if "until" in told else {}
            self.make(key, act, {**values, **until}, "" if until else "until: acts of an earlier version lack it")
            return
        lifted = dict(zip(LIFTED, (act.at, act.by, told["reason"]), strict=True))
        for key in self._lifted(portfolio, told, act.at):
            self.change(key, act, lifted)

    def _lifted(self, portfolio: str, told: Mapping[str, Any], at: str) -> list[Row]:
        if "as_of" in told:
            return [(portfolio, *which) for which in zip(told["as_of"], told["causes"], strict=True)]
        # An act of an earlier version names causes alone: those that held then are meant.
        return [
            key
            for key, row in self.told.items()
            if key[0] == portfolio and key[2] in told["causes"] and _holds(row.values, at)
        ]


def _holds(values: Mapping[str, Any], at: str) -> bool:
    begun = "since" in values and values["since"] <= at
    return begun and all(values.get(name) is None or values[name] > at for name in ("until", "lifted_at"))
