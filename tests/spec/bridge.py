"""Withdrawals: the tree, and claims against it."""

import log
from hashes import keccak256

DEPTH = 32


def leaf(withdrawal):
    return keccak256(b"\0" + log.withdrawal_bytes(withdrawal))


def node(left, right):
    return keccak256(b"\1" + left + right)


def empty_roots():
    """Of empty subtrees, by height."""
    roots = [bytes(32)]
    for _ in range(DEPTH):
        roots.append(node(roots[-1], roots[-1]))
    return roots


EMPTY = empty_roots()


def levels(leaves):
    """All nodes that have a leaf below them, by height."""
    rows = [list(leaves)]
    for height in range(DEPTH):
        row = rows[-1] + ([EMPTY[height]] if len(rows[-1]) % 2 else [])
        rows.append([node(row[at], row[at + 1]) for at in range(0, len(row), 2)])
    return rows


def root(leaves):
    """What the contract and a commitment have; zeros while there are no withdrawals."""
    return levels(leaves)[DEPTH][0] if leaves else bytes(32)


def frontier(leaves):
    """The complete subtrees of which the leaves consist, with their heights."""
    rows, count = levels(leaves), len(leaves)
    return [(height, rows[height][(count >> height) - 1]) for height in range(DEPTH) if count >> height & 1]


def holds(claim, count, tree_root):
    """Whether the tree with this many withdrawals and this root has what is claimed."""
    index, current = claim["withdrawal"]["index"], leaf(claim["withdrawal"])
    for height, sibling in enumerate(claim["siblings"]):
        sibling = bytes.fromhex(sibling)
        current = node(sibling, current) if index >> height & 1 else node(current, sibling)
    return index < count and current == tree_root
