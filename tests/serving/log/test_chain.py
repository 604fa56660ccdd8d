"""The Merkle tree and the links of the chain."""

from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.log.chain import Head, extend, leaf_hash, link_hash, merkle_root

# Certificate Transparency's test tree (RFC 6962): the roots over its first 1, 2, 3 and 8 entries.
ENTRIES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}

leaves = st.lists(st.integers(0, 50).map(lambda number: leaf_hash(str(number).encode())), min_size=1, max_size=20)


@pytest.mark.parametrize("count", ROOTS)
def test_the_tree_is_that_of_rfc_6962(count):
    assert merkle_root([leaf_hash(bytes.fromhex(entry)) for entry in ENTRIES[:count]]) == ROOTS[count]


@given(leaves, leaves)
def test_two_lists_of_leaves_have_two_roots(one, other):
    assert (merkle_root(one) == merkle_root(other)) == (one == other)


@given(leaves)
def test_a_repeated_last_leaf_changes_the_root(found):
    assert merkle_root(found) != merkle_root([*found, found[-1]])


def test_a_node_cannot_pass_for_a_leaf():
    pair = [leaf_hash(b"a"), leaf_hash(b"b")]
    content = b"".join(bytes.fromhex(leaf) for leaf in pair)
    assert merkle_root(pair) not in (leaf_hash(content), sha256(content).hexdigest())


def test_an_empty_batch_has_no_root():
    with pytest.raises(ValueError, match="at least one"):
        merkle_root([])


def test_a_link_continues_the_head():
    first = extend(Head(), [leaf_hash(b"a"), leaf_hash(b"b")])
    second = extend(first.head, [leaf_hash(b"c")])
    assert (first.number, first.first, first.records, first.previous) == (1, 1, 2, "0" * 64)
    assert (second.number, second.first, second.records, second.previous) == (2, 3, 1, first.hash)
    assert second.head == Head(2, 3, second.hash)


@pytest.mark.parametrize("name", ["number", "first", "records", "root", "previous"])
def test_every_field_of_a_link_is_in_its_hash(name):
    link = extend(Head(4, 10, leaf_hash(b"x")), [leaf_hash(b"a")])
    changed = replace(link, **{name: link.number + 9 if name in ("number", "first", "records") else leaf_hash(b"y")})
    assert link_hash(changed.number, changed.first, changed.records, changed.root, changed.previous) != link.hash
