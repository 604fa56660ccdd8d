"""The acts that change books, as they stand in the chain."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from serving.log.canonical import parse
from serving.log.database import Session
from serving.log.schema import BOOK_ACTS
from serving.log.vault import SealBroken, Vault

PAGE = 1000
_COLUMNS = ("sequence", "decision_id", "kind", "portfolio", "decided_at", "person", "inputs", "subject", "features")
UNREADABLE = "unreadable"
_NEEDED = {
    ("partner", "add"): ("mark",),
    ("partner", "rotate"): ("mark", "others"),
    **{("staff", name): ("mark",) for name in ("add", "change", "password", "end", "sign_in")},
    ("staff", "set_pause"): ("until",),
    ("staff", "lift_pause"): ("as_of",),
    **{("consent", name): ("number",) for name in ("granted", "withdrawn")},
}
"""What acts have by which their rows are found and held; those of an earlier version lack it."""


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did; `stored` is its row."""

    stored: Mapping[str, Any]
    inputs: Mapping[str, Any]

    @property
    def sequence(self) -> int:
        """Its place in the chain."""
        return int(self.stored["sequence"])

    @property
    def id(self) -> str:
        """Its name in the log."""
        return str(self.stored["decision_id"])

    @property
    def name(self) -> str:
        """What was done."""
        return str(self.inputs["act"])

    @property
    def by(self) -> str:
        """Who did it."""
        return str(self.inputs["by"])

    @property
    def at(self) -> str:
        """When, as it stands in the book too."""
        return str(self.stored["decided_at"])

    @property
    def marked(self) -> bool | None:
        """Whether it has what its rows are found and held by; None: it needs nothing of the kind."""
        needed = _NEEDED.get((self.stored["kind"], self.name))
        if needed is None:
            return None
        return all(name in self.inputs for name in needed) and self.inputs.get("mark", "") is not None

    def sealed(self, vault: Vault | None) -> Mapping[str, Any] | None:
        """What it seals, None: it was erased, or the keys are not here."""
        if vault is None or self.stored["person"] is None:
            return None
        try:
            opened = vault.open(self.stored)
        except SealBroken:
            return {"source": UNREADABLE}  # `log verify` names such a record before any book
        return None if opened is None else dict(parse(opened.subject)["personal"])


def read_acts(session: Session) -> Iterator[Act]:
    """Every act about books, in the order of the chain."""
    names, after = ", ".join(_COLUMNS), 0
    sql = f"SELECT {names} FROM decisions WHERE {BOOK_ACTS} AND sequence > ? ORDER BY sequence LIMIT {PAGE}"
    while page := session.rows(sql, [after]):
        for row in page:
            stored = dict(zip(_COLUMNS, row, strict=True))
            yield Act(stored, parse(stored["inputs"]))
        after = page[-1][0]
