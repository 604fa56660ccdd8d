"""Negative lists, as their acts leave them: versions one by one, their entries by a digest of all of a version's."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from serving.audit.acts import Act
from serving.audit.book import Book, Finding, Found
from serving.lists.book import digest_of, entry_digest, entry_id
from serving.log.books import ENTRIES, VERSIONS, Table
from serving.log.vault import Vault

IMPORTS = Table("list_imports", ("batch",), ("batch", "version"))


@dataclass
class Versions(Book):
    """Every change of the lists."""

    table: Table = VERSIONS

    def follow(self, act: Act, vault: Vault | None) -> None:
        """A version that an act made."""
        if act.stored["kind"] == "list":
            told = act.inputs
            made = {"at": act.at, "changed_by": act.by, "action": act.name, "entries": told["entries"]}
            self.make((told["version"],), act, made)


@dataclass
class Imports(Book):
    """Which entries of large imports are current: those that an act made so."""

    table: Table = IMPORTS
    unfinished: set[int] = field(default_factory=set)

    def follow(self, act: Act, vault: Vault | None) -> None:
        """An import that ended."""
        if act.stored["kind"] == "list" and "batch" in act.inputs:
            self.make((act.inputs["batch"],), act, {"version": act.inputs["version"]})

    def otherwise(self, row: Found) -> str | bool:
        """One that has not ended, or was given up, has no act."""
        unfinished = row["batch"] < 0 and not row["version"]
        if unfinished:
            self.unfinished.add(row["batch"])
        return unfinished


@dataclass
class Entries(Book):
    """Whom the lists hold; `imports` are compared before them."""

    table: Table = ENTRIES
    hidden: frozenset[str] = frozenset({"hash", "digest", "reason"})
    versions: dict[int, Act] = field(default_factory=dict)
    digests: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))
    imports: Imports = field(default_factory=Imports)

    def follow(self, act: Act, vault: Vault | None) -> None:
        """Added together as one version, or ended one by one."""
        if act.stored["kind"] != "list":
            return
        told = act.inputs
        if act.name == "expire":
            ended = {"ended_by": act.by, "ended_at": act.at, "ended_version": told["version"]}
            self.change((told["entry"],), act, {**ended, "hash": told["hash"]})
        else:
            if not isinstance(told["digest"], str) or not isinstance(told["lists"], list):
                raise TypeError("lists")
            self.versions[told.get("batch", told["version"])] = act

    def otherwise(self, row: Found) -> str | bool:
        """Whether the act of its version accounts for an entry; all of a version are counted in the end."""
        act = self.versions.get(row["since_version"])
        if act is None:
            if row["since_version"] in self.imports.unfinished:
                self.leave((row["id"],), "of an import that has not ended, which nobody reads")
                return True
            return "it is of an import that never was" if row["since_version"] < 0 else False
        self.digests[row["since_version"]].append(str(row["digest"]))
        if row["ended_version"] is not None and (row["id"],) not in self.told:
            return "it was ended, but no act in the chain ended it"
        whole = row["digest"] == entry_digest(row) and row["id"] == entry_id(row["digest"], row["since_version"])
        added = (row["added_by"], row["added_at"]) == (act.by, act.at) and row["list"] in act.inputs["lists"]
        return True if whole and added else f"it is not as version {act.inputs['version']} of the lists added it"

    def ending(self) -> Iterator[Finding]:
        """Versions whose entries are not those that their act added."""
        for batch, act in self.versions.items():
            found, told = self.digests[batch], act.inputs
            if len(found) != told["entries"]:
                counted = f"found {len(found)} entries of this version, but its act added {told['entries']}"
                yield Finding("list_entries", f"version {told['version']}", counted, act.id)
            elif digest_of(found) != told["digest"]:
                yield Finding(
                    "list_entries", f"version {told['version']}", "its entries are not those of its act", act.id
                )
