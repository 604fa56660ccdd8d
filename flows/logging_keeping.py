"""`lendloop log verify | anchor | rekey | erase`: the decision log checked and kept."""

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.markup import escape
from rich.progress import Progress

from flows.terminal import console
from flows.workspace import open_settings_log
from infra.settings import Settings
from serving.audit.verdict import Audit, audit
from serving.log.anchoring import LINKS, SECONDS
from serving.log.anchors import Anchor, Anchors
from serving.log.chain import Head
from serving.log.decision_log import DecisionLog, open_log
from serving.log.erasure import RANDOM_BYTES, Erasure
from serving.log.keys import KEY_BYTES, KeyRing, open_keys, read_keys, write_keys

ANCHOR_KEY = "anchor.key"
MOST = 20
"""Rows at fault that are named; of more it is said how many."""


class LogCommandError(ValueError):
    """A command on the log cannot be carried out as it was given."""


def open_anchors(settings: Settings) -> Anchors:
    """The signed anchors, and the key that signs them."""
    return Anchors(settings.anchors_folder, settings.root() / ANCHOR_KEY)


def verify_log(public_key: str = "", last_anchor: str = "") -> bool:
    """Check the whole chain and all anchors as an auditor does, reading only, and say what was found.

    `last_anchor` is a head's hash that the auditor has kept: it must be in the chain.
    """
    settings, kept = Settings(), _kept(last_anchor)
    log, sealed = open_for_audit(settings)
    anchors = open_anchors(settings).read(_public(public_key)) if settings.anchors_folder.exists() else []
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("verifying", total=None)
        found = log.verify(lambda done, of: bar.update(task, completed=done, total=of), anchors=anchors, sealed=sealed)
    first, last = log.times()
    head = found.head
    if fault := found.broken or _cut(log, kept) or (not kept and _unanchored(settings, head, (first, last), anchors)):
        log.close()
        console.print(f"[red]✗[/] {escape(str(fault))}", highlight=False, soft_wrap=True)
        return False
    console.print(f"[green]✓[/] {head.records:,} records in {head.number:,} links are as they were written")
    console.print(f"  decided {first or '-'} to {last or '-'}; {_held(anchors)}; head {head.hash}")
    if not sealed:
        console.print("  without the master keys: what is sealed was not opened")
    books = audit(settings.decision_log_url, log.vault if sealed else None)
    log.close()
    return _tell_books(books)


def _cut(log: DecisionLog, kept: str) -> str | None:
    """What is wrong where the chain lacks the head that an auditor has kept."""
    if not kept or log.has_link(kept):
        return None
    return f"--last-anchor: no link has the hash {kept}: the end of the chain was cut off, or the chain rewritten"


def _unanchored(
    settings: Settings, head: Head, times: tuple[str | None, str | None], anchors: Sequence[Anchor]
) -> str | None:
    """What is wrong where a log has no anchor and ought to: without any, an end that was cut off is not seen."""
    if anchors or head.number == 0:
        return None
    first, last = (time and datetime.fromisoformat(time) for time in times)
    if (settings.root() / ANCHOR_KEY).exists():
        why = "there is a key that may have signed some"
    elif head.number >= LINKS:
        why = f"a service signs one each {LINKS:,} links"
    elif first and last and (last - first).total_seconds() > SECONDS:
        why = f"a service signs one each {SECONDS:g} s"
    else:
        return None
    return (
        f"no anchor is in {settings.anchors_folder}, and {why}: nothing tells whether the chain's end was cut off. "
        "Bring the anchors back from a copy, or hold a head that you have kept against the chain by --last-anchor; "
        "where there never was one, as no service ran on this log, `lendloop log anchor` signs the first"
    )


def _held(anchors: Sequence[Anchor]) -> str:
    if not anchors:
        return "no anchors yet"
    return f"{len(anchors):,} anchors hold, the newest of {anchors[-1].at} with {anchors[-1].records:,} records"


def _tell_books(books: Audit) -> bool:
    """Print what was found in the books beside the log; whether they follow from the acts."""
    for found in books.findings[:MOST]:
        console.print(f"[red]✗[/] {escape(str(found))}", highlight=False, soft_wrap=True)
    if len(books.findings) > MOST:
        console.print(f"[red]✗[/] and {len(books.findings) - MOST:,} more")
    if not books.findings:
        compared = f"{books.compared:,} rows of the books beside it were compared"
        console.print(f"[green]✓[/] {compared} and follow from {books.acts:,} acts")
    if books.adopted:
        console.print(f"  {books.adopted:,} rows were there before acts were kept, and put on record as they were")
    for book, why, count in books.unknown:
        console.print(f"  not comparable in {book}: {count:,} ({why})", highlight=False)
    return not books.findings


def anchor_log() -> None:
    """Anchor the head now."""
    settings = Settings()
    log, _ = open_for_audit(settings)
    anchors, head = open_anchors(settings), log.head()
    made = anchors.append(head, datetime.now(UTC))
    said = "anchored" if made else "already anchored"
    console.print(f"{said}: {head.records:,} records, head {head.hash}; public key {anchors.public_key().hex()}")


def rekey_log() -> None:
    """Rotate the master key: a new one in the key file, or the first of those that were given."""
    settings = Settings()
    ring = open_keys(settings.log_key.get_secret_value(), settings.log_key_file)
    log = open_settings_log(settings)
    # Keys that still wait are those of a rotation that was not finished: it goes on, with no other new key.
    if ring.file is not None and log.pending(ring) == 0:
        write_keys(ring.file, [os.urandom(KEY_BYTES), *read_keys(ring.file)])
        ring = open_keys("", ring.file)
    done = log.rekey(ring)
    log.close()
    console.print(
        f"{done:,} data keys are wrapped by master key {ring.current}; no record was touched", highlight=False
    )
    if len(ring.names) > 1:
        console.print("older master keys open backups made before; `lendloop log drop-key` retires one")


def erase_person(portfolio: str, entity: str, by: str, reason: str) -> None:
    """Erase a person from the log; the act itself is logged."""
    if entity in reason:
        raise LogCommandError("--reason: it names the person, and is kept for ever; expected one without the entity")
    log = open_settings_log(Settings())
    act = log.erase(Erasure(portfolio, entity, by, reason, datetime.now(UTC), os.urandom(RANDOM_BYTES)))
    waits = log.cleaning_waits
    log.close()
    if act is None:
        console.print("no record of this person is in the log; nothing to erase")
        return
    names = act.inputs["decision_ids"]
    count = len(names) if isinstance(names, list) else 0
    console.print(f"{count} records erased; logged as {act.decision_id}. Backups made before still hold the person")
    if waits:
        console.print(
            "erased; clean-up waits: another process reads old pages. The next command or service start does it"
        )


def open_for_audit(settings: Settings) -> tuple[DecisionLog, bool]:
    """The log for reading only, and whether its master keys are here; no key is made for an auditor."""
    given = settings.log_key.get_secret_value()
    sealed = bool(given) or settings.log_key_file.exists()
    keys = open_keys(given, settings.log_key_file) if sealed else KeyRing([bytes(KEY_BYTES)])
    return open_log(settings.decision_log_url, keys, read_only=True), sealed


def _kept(text: str) -> str:
    if text and not re.fullmatch("[0-9a-f]{64}", text):
        raise LogCommandError("--last-anchor: expected the 64 hexadecimal digits of a head, as `log anchor` prints it")
    return text


def _public(text: str) -> bytes | None:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b"?"
    if text and len(key) != KEY_BYTES:
        raise LogCommandError("--public-key: expected 64 hexadecimal digits, as `lendloop log anchor` prints them")
    return key or None
