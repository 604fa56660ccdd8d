"""The hash chain: a Merkle root for each batch of records, and a link from every batch to the one before it.

leaf = SHA-256(0x00 ‖ canonical record), node = SHA-256(0x01 ‖ left ‖ right), link = SHA-256(0x02 ‖ canonical link): the
first byte keeps one kind of hash from passing for another. The tree is that of RFC 6962. A leaf says what it is in its
body, so that records of other kinds can join the same chain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from serving.log.canonical import Json, canonical

VERSION = 1


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain ends: the last batch's number and hash, and how many records there are."""

    number: int = 0
    records: int = 0
    hash: str = "0" * 64


@dataclass(frozen=True, slots=True)
class Link:
    """One batch in the chain; `first` is the sequence number of its first record."""

    number: int
    first: int
    records: int
    root: str
    previous: str
    hash: str

    @property
    def head(self) -> Head:
        """The head of a chain that ends with this batch."""
        return Head(self.number, self.first + self.records - 1, self.hash)


def leaf_hash(body: bytes) -> str:
    """The hash of a record's canonical JSON."""
    return sha256(b"\x00" + body).hexdigest()


def merkle_root(leaves: Sequence[str]) -> str:
    """The root over at least one leaf; an odd node rises unchanged, so that no two lists share a root."""
    if not leaves:
        raise ValueError("found no leaf, expected at least one: an empty batch is never written")
    level = [bytes.fromhex(leaf) for leaf in leaves]
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        above = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
        level = above + level[len(level) - len(level) % 2 :]
    return level[0].hex()


def link_hash(number: int, first: int, records: int, root: str, previous: str) -> str:
    """The hash that names a batch and everything before it."""
    place: dict[str, Json] = {"first": first, "number": number, "previous": previous, "records": records}
    return sha256(b"\x02" + canonical({**place, "root": root, "version": VERSION})).hexdigest()


def extend(head: Head, leaves: Sequence[str]) -> Link:
    """The link of the batch of `leaves` that follows `head`."""
    number, first, root = head.number + 1, head.records + 1, merkle_root(leaves)
    name = link_hash(number, first, len(leaves), root, head.hash)
    return Link(number, first, len(leaves), root, head.hash, name)
