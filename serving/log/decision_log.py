"""The decision log: append in group commits, erase, rotate keys, verify the chain; reading it is `LogReader`."""

from collections.abc import Callable, Sequence
from datetime import datetime

from serving.log.anchors import Anchor
from serving.log.chain import Link
from serving.log.commit import Appended, DuplicateDecision, IdempotencyConflict, Outcome, commit_entries, read_head
from serving.log.database import CleaningWaits, Database, LogUnavailable, Session, Staged, open_database
from serving.log.entry import COLUMNS, Entry, RecordError, encode
from serving.log.erasure import Erasure, erase_rows, erased_tables, forget_shadow, forget_words
from serving.log.keys import KeyRing
from serving.log.migration import check, prepare
from serving.log.reader import LogReader
from serving.log.record import Record, time_text
from serving.log.rotation import pending, rekey, wrapped_by
from serving.log.schema import LINKS
from serving.log.vault import Vault
from serving.log.verify import Broken, Erased, Progress, Verification, verify_chain

__all__ = ["Appended", "DecisionLog", "DuplicateDecision", "IdempotencyConflict", "LogUnavailable", "open_log"]


class DecisionLog(LogReader):
    """The log in one database; every method blocks and may be called from any thread or process."""

    def __init__(self, database: Database, vault: Vault) -> None:
        super().__init__(database, vault)
        self.cleaning_waits = False

    def append(self, record: Record) -> Appended:
        """Commit one record; who lost a race for its idempotency key gets the winner's."""
        (outcome,) = self.commit([encode(record)])
        if isinstance(outcome, RecordError):
            raise outcome
        return outcome

    def commit(self, entries: Sequence[Entry]) -> list[Outcome]:
        """Commit many records with one link of the chain; one outcome for each entry, in their order."""
        return self._database.write(self._work(entries)) if entries else []

    def stage(self, entries: Sequence[Entry]) -> Staged[list[Outcome]] | None:
        """The same without waiting for anything, all but the last step: None where that cannot be."""
        return self._database.stage(self._work(entries)) if self.vault.ready(entries) else None

    def _work(self, entries: Sequence[Entry]) -> Callable[[Session], list[Outcome]]:
        sealed = self.vault.seal(entries)  # before the chain's head is locked

        def work(session: Session) -> list[Outcome]:
            return commit_entries(session, read_head(session, session.for_update), entries, sealed, self.vault)

        return work

    def settle(
        self, portfolio: str, at: datetime, rule: Callable[[Session], Sequence[Record]], *, alone: bool = False
    ) -> list[Record]:
        """Commit the records, made at `at`, that `rule` makes of what it reads; nobody commits anything meanwhile.

        With `alone`, nobody writes what a challenger would have decided meanwhile either.

        All of it is one transaction, and `rule` may write too. It may be run again when a connection was lost, and must
        open nothing that is sealed: the key might have to be read, or made, by a connection that waits for this one.
        """
        self.vault.prepare(portfolio, time_text(at)[:10])

        def work(session: Session) -> list[Record]:
            head = read_head(session, session.for_update)
            entries = [encode(record) for record in rule(session)]
            if entries:
                commit_entries(session, head, entries, self.vault.seal(entries), self.vault)
            return [entry.record for entry in entries]

        return self._database.alone(work) if alone else self._database.write(work)

    def erase(self, erasure: Erasure) -> Record | None:
        """Erase what is personal in every record of a person and log the act, in one transaction; None: no record.

        Then the database's files are cleaned. A run that was killed before that, or that others held up (then
        `cleaning_waits` is True), is finished when the log is opened next.
        """
        portfolio = erasure.portfolio
        person = self.vault.person(portfolio, erasure.entity_id)

        def rule(session: Session) -> list[Record]:
            names = erase_rows(session, person, lambda subject: self.vault.person(portfolio, subject))
            forget_shadow(session, names)
            return erasure.acts(names, forget_words(session, person, self.vault.mark))

        made = self.settle(portfolio, erasure.at, rule, alone=True)
        try:
            for table in self._database.read(erased_tables):
                self._database.scrub(table)
            self.cleaning_waits = False
        except CleaningWaits:
            self.cleaning_waits = True
        return made[0] if made else None

    def rekey(self, ring: KeyRing) -> int:
        """Wrap every data key by the ring's current master; how many were not. Resumable, and safe under writers."""
        return rekey(self._database, ring)

    def pending(self, ring: KeyRing) -> int:
        """How many data keys are still wrapped by another master than the ring's current one."""
        return pending(self._database, ring)

    def wrapped_by(self, master: str) -> int:
        """How many data keys a master key of this name wraps; it may go when there are none."""
        return wrapped_by(self._database, master)

    def verify(
        self, progress: Progress | None = None, *, anchors: Sequence[Anchor] = (), sealed: bool = True
    ) -> Verification:
        """Check every record, batch and link that is there now; `progress` is called with (records done, of all).

        `anchors` must be read before this is called. Without `sealed`, what needs the master keys is left unchecked.
        """
        head, extra = self._database.read(lambda session: (read_head(session), _beyond(session)))
        links = self._pages("decision_batches", "number", LINKS, head.number)
        rows = self._pages("decisions", "sequence", ("sequence", *COLUMNS), head.records)
        if anchors and anchors[-1].number > head.number:
            lost = f"an anchor of {anchors[-1].at} has batch {anchors[-1].number}: the end of the chain was cut off"
            return Verification(head, Broken(head.number + 1, lost))
        anchored = {anchor.number: anchor for anchor in anchors}

        def check_link(link: Link) -> str | None:
            return anchored[link.number].problem(link) if link.number in anchored else None

        return verify_chain(
            (Link(*link) for link in links),
            rows,
            head,
            extra,
            progress,
            vault=self.vault if sealed else None,
            erased=Erased(self._database),
            check_link=check_link,
        )

    def close(self) -> None:
        """Close the database; what was appended is on disk already."""
        self._database.close()


def open_log(url: str, keys: KeyRing, *, read_only: bool = False) -> DecisionLog:
    """The decision log at `sqlite:///path` or `postgresql://…`, or `LogUnavailable`.

    Its tables are made or migrated, unless it is opened `read_only`: then the database itself refuses every write.
    """
    database = open_database(url, read_only=read_only)
    vault = Vault(database, keys)
    try:
        if not read_only:
            prepare(database, vault)
        else:
            check(database)
    except BaseException:
        database.close()
        raise
    return DecisionLog(database, vault)


def _beyond(session: Session) -> int:
    """Records and batches after the head: none, unless someone wrote around the log."""
    sql = (
        "SELECT (SELECT count(*) FROM decisions WHERE sequence > head.records)"
        " + (SELECT count(*) FROM decision_batches WHERE number > head.number) FROM decision_head AS head"
    )
    rows = session.rows(sql)
    return int(rows[0][0]) if rows else 0
