"""What is personal in a record, encrypted: AES-256-GCM under a data key for each portfolio and day.

A data key is 32 random bytes, kept in the table `decision_keys` wrapped (AES-256-GCM) by a master key. Rotating the
master wraps a few hundred data keys anew and touches no record. Salt and text are encrypted together: in the clear, a
salt would let anyone try values against its commitment. A person is found by a keyed hash of portfolio and entity.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from serving.log.canonical import Json, canonical
from serving.log.database import Database, Session
from serving.log.entry import SEALED, Entry, Opened
from serving.log.keyed import keyed_digest
from serving.log.keys import KEY_BYTES, KeyRing

NONCE_BYTES = 12
SALT_BYTES = 16
PERSON_BYTES = 16
INDEX = ("", "index")  # portfolio and day of the key of the hash that finds a person

Name = tuple[str, str]


class SealBroken(ValueError):
    """A sealed column does not decrypt: it was changed, or belongs to another record."""


class Vault:
    """Seals and opens the personal columns of one log; may be used from any thread."""

    def __init__(self, database: Database, ring: KeyRing) -> None:
        self._database, self._ring = database, ring
        self._keys: dict[Name, bytes] = {}
        self._ciphers: dict[Name, AESGCM] = {}

    def seal(self, entries: Iterable[Entry]) -> list[tuple[Any, ...]]:
        """The stored columns `VAULT` of each entry."""
        return [self._seal(entry) for entry in entries]

    def ready(self, entries: Iterable[Entry]) -> bool:
        """Whether `seal` has the keys for these at hand, so that it need not read the database."""
        days = {(entry.record.portfolio, entry.decided_at[:10]) for entry in entries}
        return INDEX in self._keys and days <= self._ciphers.keys()

    def prepare(self, portfolio: str, day: str) -> None:
        """Have the keys of a portfolio and day ready, so that sealing inside a transaction needs no other one."""
        self._cipher((portfolio, day), make=True)
        self._key(INDEX, make=True)

    def forget(self) -> None:
        """Forget every data key: those of a transaction that was undone never came to be."""
        self._keys.clear()
        self._ciphers.clear()

    def seal_in(self, session: Session, entry: Entry) -> tuple[Any, ...]:
        """The same for one entry inside a transaction that writes: a new data key becomes part of it."""
        for name in (INDEX, (entry.record.portfolio, entry.decided_at[:10])):
            if name not in self._keys:
                self._keys[name] = self.ensure(session, name)
        return self._seal(entry)

    def open(self, stored: Mapping[str, Any]) -> Opened | None:
        """What is sealed in a row of (decision_id, portfolio, decided_at, *SEALED); None: it was erased."""
        if any(stored[name] is None for name in SEALED):
            return None
        cipher = self._cipher((stored["portfolio"], stored["decided_at"][:10]), make=False)
        subject, features = (_open(cipher, stored, name) for name in SEALED)
        return Opened(subject[1], features[1], subject[0] + features[0])

    def person(self, portfolio: str, entity_id: str) -> str:
        """The keyed hash under which the rows of a person are found."""
        key = self._key(INDEX, make=True)
        return keyed_digest(key, f"{portfolio}\0{entity_id}".encode())[:PERSON_BYTES].hex()

    def mark(self, values: Sequence[Json]) -> str:
        """A keyed digest of values that a row beside the log holds: with them one can tell it, without the keys not."""
        # No portfolio has an empty name, so that no mark is the hash of a person.
        text = b"\0book\0" + canonical(values)
        return keyed_digest(self._key(INDEX, make=False), text)[:PERSON_BYTES].hex()

    def _seal(self, entry: Entry) -> tuple[Any, ...]:
        record = entry.record
        cipher = self._cipher((record.portfolio, entry.decided_at[:10]), make=True)
        sealed = []
        for name, plain in zip(SEALED, entry.sealed, strict=True):
            nonce = os.urandom(NONCE_BYTES)
            sealed.append(nonce + cipher.encrypt(nonce, plain, f"{record.decision_id}/{name}".encode()))
        person = None if record.entity_id is None else self.person(record.portfolio, record.entity_id)
        return (*sealed, person)

    def _cipher(self, name: Name, *, make: bool) -> AESGCM:
        found = self._ciphers.get(name)
        if found is None:
            found = self._ciphers[name] = AESGCM(self._key(name, make=make))
        return found

    def _key(self, name: Name, *, make: bool) -> bytes:
        found = self._keys.get(name)
        if found is None:
            # No lock of ours around it: who commits on the loop may ask for a key while another makes one. Two that
            # make it at once get the same: it is looked for again inside the transaction.
            found = self._database.read(lambda session: self._stored(session, name))
            if found is None and make:
                found = self._database.write(lambda session: self.ensure(session, name))
            if found is None:
                raise SealBroken(f"the data key of {name[0]} on {name[1]} is gone; expected it in decision_keys")
            self._keys[name] = found
        return found

    def ensure(self, session: Session, name: Name) -> bytes:
        """The data key `name`, made when there is none yet; inside a transaction that writes."""
        # The index key's master is the log's current one: locking its row keeps a rotation out until this is written.
        current = session.rows(f"{_SELECT}{session.for_update}", INDEX)
        found = self._stored(session, name)
        if found is None:
            found = os.urandom(KEY_BYTES)
            master = current[0][0] if current else self._ring.current
            wrapped = wrap(self._ring.key(master), name, found)
            session.insert("decision_keys", ("portfolio", "day", "master", "wrapped"), [(*name, master, wrapped)])
        return found

    def _stored(self, session: Session, name: Name) -> bytes | None:
        rows = session.rows(_SELECT, name)
        return unwrap(self._ring.key(rows[0][0]), name, rows[0][1]) if rows else None


_SELECT = "SELECT master, wrapped FROM decision_keys WHERE portfolio = ? AND day = ?"


def wrap(master: bytes, name: Name, key: bytes) -> str:
    """A data key encrypted by a master key, as hexadecimal text."""
    nonce = os.urandom(NONCE_BYTES)
    return (nonce + AESGCM(master).encrypt(nonce, key, "/".join(name).encode())).hex()


def unwrap(master: bytes, name: Name, wrapped: str) -> bytes:
    """The data key that `wrap` encrypted; `SealBroken` when it was changed."""
    try:
        packed = bytes.fromhex(wrapped)
        return AESGCM(master).decrypt(packed[:NONCE_BYTES], packed[NONCE_BYTES:], "/".join(name).encode())
    except (InvalidTag, ValueError):
        raise SealBroken(f"the data key {'/'.join(name)} was changed; expected it as it was wrapped") from None


def _open(cipher: AESGCM, stored: Mapping[str, Any], name: str) -> tuple[bytes, str]:
    sealed = bytes(stored[name])
    try:
        plain = cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], f"{stored['decision_id']}/{name}".encode())
        return plain[:SALT_BYTES], plain[SALT_BYTES:].decode()
    except (InvalidTag, ValueError):
        raise SealBroken(f"{name} is not what was sealed in this record") from None
