"""A new master key: every data key is wrapped anew; no record is touched."""

from contextlib import suppress

from serving.log.database import CleaningWaits, Database, Session
from serving.log.keys import KeyRing
from serving.log.vault import INDEX, unwrap, wrap

PAGE = 200
_ROWS = "SELECT portfolio, day, master, wrapped FROM decision_keys WHERE"


def pending(database: Database, ring: KeyRing) -> int:
    """How many data keys are not wrapped by the ring's current master."""
    sql = "SELECT count(*) FROM decision_keys WHERE master <> ?"
    return int(database.read(lambda session: session.rows(sql, [ring.current]))[0][0])


def rekey(database: Database, ring: KeyRing) -> int:
    """Wrap all data keys by the ring's current master, page by page; how many there were.

    The index key goes first: its master is the one that new data keys get from then on, in every process. A run that
    was killed leaves some keys under each master, all readable, and the next run goes on with the rest.
    """
    done = database.write(lambda session: _wrap_anew(session, ring, f"{_ROWS} portfolio = ? AND day = ?", INDEX))
    page = f"{_ROWS} master <> ? ORDER BY portfolio, day LIMIT {PAGE}"
    while count := database.write(lambda session: _wrap_anew(session, ring, page, (ring.current,))):
        done += count
    with suppress(CleaningWaits):  # the next opening cleans
        database.scrub("decision_keys")
    return done


def wrapped_by(database: Database, master: str) -> int:
    """How many data keys are wrapped by a master key."""
    sql = "SELECT count(*) FROM decision_keys WHERE master = ?"
    return int(database.read(lambda session: session.rows(sql, [master]))[0][0])


def _wrap_anew(session: Session, ring: KeyRing, sql: str, values: tuple[str, ...]) -> int:
    rows = [row for row in session.rows(sql + session.for_update, values) if row[2] != ring.current]
    for portfolio, day, master, wrapped in rows:
        name = (portfolio, day)
        anew = wrap(ring.key(ring.current), name, unwrap(ring.key(master), name, wrapped))
        change = "UPDATE decision_keys SET master = ?, wrapped = ? WHERE portfolio = ? AND day = ?"
        session.run(change, [ring.current, anew, *name])
    return len(rows)
