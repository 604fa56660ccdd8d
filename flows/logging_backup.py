"""`lendloop log backup | restore | export | drop-key`: the decision log copied, and an old master key retired."""

from pathlib import Path

from flows.logging_keeping import LogCommandError, open_anchors
from flows.terminal import console
from flows.workspace import open_settings_log
from infra.settings import Settings
from serving.log.anchors import Anchor
from serving.log.backup import back_up, restore
from serving.log.export import export_log
from serving.log.keys import KeyRing, master_name, open_keys, read_keys, write_keys


def back_up_log(to: Path) -> None:
    """Copy the log, and what is kept beside it, into one verified file; a service may go on writing."""
    settings = Settings()
    open_settings_log(settings).close()  # an earlier version's log is migrated
    anchors = _anchors(settings)
    head = back_up(settings.decision_log_url, to, _keys(settings), anchors).head
    console.print(f"[green]✓[/] {head.records:,} records are in {to}, verified; {len(anchors):,} anchors hold")
    console.print("keep the master keys, anchors and their key elsewhere: the copy has none of them")


def restore_log(file: Path) -> None:
    """Bring a backup into the empty database of the settings, verified against the anchors."""
    settings = Settings()
    _make_tables_beside(settings.decision_log_url)
    anchors = _anchors(settings)
    found = restore(file, settings.decision_log_url, _keys(settings), anchors)
    if not found.valid:
        raise LogCommandError(f"{settings.decision_log_url}: restored, but not as it was: {found.broken}")
    console.print(f"[green]✓[/] {found.head.records:,} records are restored and verified")
    if anchors and anchors[-1].number > found.head.number:
        lost = anchors[-1].records - found.head.records
        console.print(f"[yellow]{lost:,} records made after this backup, until {anchors[-1].at}, are not in it[/]")
        console.print("move the anchors away, keeping them, before a service writes: they are of the longer chain")
    command = "`lendloop log erase --portfolio NAME --entity ID --by NAME --reason TEXT`"
    console.print(f"erasures made since the backup must be made again: {command}", soft_wrap=True)


def export_decisions() -> None:
    """Write what is new in the log to the lake."""
    settings = Settings()
    log = open_settings_log(settings)
    count = export_log(log, settings.lake)
    log.close()
    console.print(f"{count:,} records are new in {settings.lake}/<portfolio>/decisions")


def drop_key(name: str) -> None:
    """Take an old master key out of the key file, once no data key needs it; without a name, list the keys."""
    settings = Settings()
    ring = open_keys(settings.log_key.get_secret_value(), settings.log_key_file)
    log = open_settings_log(settings)
    used = {master: log.wrapped_by(master) for master in ring.names}
    log.close()
    if not name:
        for master, count in used.items():
            console.print(f"{master}  wraps {count:,} data keys{'  (current)' if master == ring.current else ''}")
        return
    _check_drop(name, ring, used)
    if ring.file is None:
        console.print(f"no data key needs {name}: take it out of LENDLOOP_LOG_KEY")
        return
    write_keys(ring.file, [key for key in read_keys(ring.file) if master_name(key) != name])
    console.print(f"{name} is gone from {ring.file}; backups made before the last rekey need your copy of it")


def _check_drop(name: str, ring: KeyRing, used: dict[str, int]) -> None:
    if name not in used:
        raise LogCommandError(f"found no master key {name}; expected one of {', '.join(used)}")
    if name == ring.current:
        raise LogCommandError(f"{name} is the current master key; expected an older one: `lendloop log rekey` first")
    if used[name]:
        raise LogCommandError(f"{name} wraps {used[name]} data keys; expected none: run `lendloop log rekey` first")


def _keys(settings: Settings) -> KeyRing | None:
    given = settings.log_key.get_secret_value()
    return open_keys(given, settings.log_key_file) if given or settings.log_key_file.exists() else None


def _anchors(settings: Settings) -> list[Anchor]:
    return open_anchors(settings).read() if settings.anchors_folder.exists() else []


def _make_tables_beside(url: str) -> None:
    from serving import consents
    from serving.lists import book as lists
    from serving.log.database import open_tables
    from serving.partners import book as partners
    from serving.partners.batch_keys import open_batch_keys
    from serving.pauses import open_pauses
    from serving.reviews import listing
    from serving.staff import book
    from serving.trial.rows import open_shadow

    # What the keys are opened with does not matter: only tables are made.
    for tables in (open_pauses(url), open_batch_keys(url, b""), open_shadow(url)):
        tables.close()
    for table, statements in (
        ("partners", partners.STATEMENTS),
        (lists.NEWEST, lists.STATEMENTS),
        ("consents", consents.STATEMENTS),
        ("staff", book.STATEMENTS),
        (listing.NEWEST, (*listing.TABLE, *listing.REFUSALS)),
    ):
        open_tables(url, table, statements).close()
