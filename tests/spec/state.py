"""The state tree: roots from leaves, leaves of accounts, proofs and witnesses."""

from hashes import plain

MAX_BITS = 528


def bit(key, at):
    return key[at // 8] >> (7 - at % 8) & 1


def common(one, other):
    """Leading bits that two keys share."""
    limit = 8 * min(len(one), len(other))
    return next((at for at in range(limit) if bit(one, at) != bit(other, at)), limit)


def pack(bits):
    out = bytearray((len(bits) + 7) // 8)
    for at, value in enumerate(bits):
        out[at // 8] |= value << (7 - at % 8)
    return bytes(out)


def leaf_hash(key, value):
    return plain(b"\0" + key + value)


def branch_hash(prefix, left, right):
    """`prefix` is a list of bits."""
    return plain(b"\1" + len(prefix).to_bytes(2, "big") + pack(prefix) + left + right)


def root(leaves):
    """Of (key, value) pairs."""

    def top(leaves, start):
        if len(leaves) == 1:
            return leaf_hash(*leaves[0])
        first = leaves[0][0]
        at = common(first, leaves[-1][0])
        sides = [[leaf for leaf in leaves if bit(leaf[0], at) == side] for side in (0, 1)]
        left, right = (top(side, at + 1) for side in sides)
        return branch_hash([bit(first, index) for index in range(start, at)], left, right)

    return top(sorted(leaves), 0) if leaves else bytes(32)


def header_key(address, sub):
    return b"\0" + plain(bytes(12) + address) + bytes([sub])


def slot_key(address, slot):
    if slot < 64:
        return header_key(address, 64 + slot)
    padded = bytes(12) + address
    group = plain(padded + (slot // 256).to_bytes(32, "big"))
    return b"\xff" + plain(padded) + group + bytes([slot % 256])


def basic_data(code_size, nonce, balance):
    return bytes(4) + code_size.to_bytes(4, "big") + nonce.to_bytes(8, "big") + balance.to_bytes(16, "big")


def account_leaves(address, nonce, balance, code_size, code_hash, delegation, storage):
    """The leaves of an account, in order of their keys."""
    leaves = {slot_key(address, slot): value.to_bytes(32, "big") for slot, value in storage}
    if nonce or balance or code_hash:
        leaves[header_key(address, 0)] = basic_data(code_size, nonce, balance)
        if delegation:
            leaves[header_key(address, 2)] = bytes.fromhex("ef0100") + delegation + bytes(9)
        elif code_hash:
            leaves[header_key(address, 1)] = code_hash
    return sorted((key, value) for key, value in leaves.items() if value != bytes(32))


class Bytes:
    """Reads from the front; raises EOFError past the end."""

    def __init__(self, data):
        self.data = data

    def take(self, count):
        if count > len(self.data):
            raise EOFError
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def number(self, count):
        return int.from_bytes(self.take(count), "big")


def decode_proof(data):
    """Steps (bit, sibling), and the end as a tuple that begins with its kind; None if the bytes are no proof."""
    reader = Bytes(data)
    try:
        count = reader.number(2)
        steps = [(reader.number(2), reader.take(32)) for _ in range(count)]
        kind = reader.number(1)
        if kind == 1:
            length = reader.number(1)
            end = (1, reader.take(length), reader.take(32))
            good = 1 <= length <= 66
        elif kind == 2:
            at = reader.number(2)
            path = reader.take((at + 7) // 8)
            end = (2, at, path, reader.take(32), reader.take(32))
            good = 0 < at < MAX_BITS and not any(bit(path, index) for index in range(at, 8 * len(path)))
        else:
            end, good = (0,), kind == 0
    except EOFError:
        return None
    good = good and not reader.data and all(at < MAX_BITS for at, _ in steps)
    return (steps, end) if good else None


def judge_proof(data, root_hash, key):
    """The verdict, and the proven value (None: absent) if it is `ok`."""
    proof = decode_proof(data)
    if proof is None:
        return "decode", None
    steps, end = proof
    start = steps[-1][0] + 1 if steps else 0
    if any(one[0] >= other[0] for one, other in zip(steps, steps[1:])) or start > 8 * len(key):
        return "way", None
    value = None
    if end[0] == 0:
        if steps:
            return "way", None
        current = bytes(32)
    elif end[0] == 1:
        if common(end[1], key) < start:
            return "way", None
        value = end[2] if end[1] == key else None
        current = leaf_hash(end[1], end[2])
    else:
        _, at, path, left, right = end
        shared = min(common(path, key), at)
        absent = shared < at or 8 * len(key) <= at
        if shared < start or start > at or not absent:
            return "way", None
        current = branch_hash([bit(path, index) for index in range(start, at)], left, right)
    for place in range(len(steps) - 1, -1, -1):
        at, sibling = steps[place]
        start = steps[place - 1][0] + 1 if place else 0
        sides = (sibling, current) if bit(key, at) else (current, sibling)
        current = branch_hash([bit(key, index) for index in range(start, at)], *sides)
    return ("ok", value) if current == root_hash else ("root", None)


class Missing(Exception):
    """What lies at a key is hidden behind a hash."""


class Tree:
    """A state tree, or a part of one. Nodes are tuples and never change: (0, hash), (1, way, left, right) or (2, key,
    value), `way` being the bits that lead to the branch; None is the empty tree."""

    def __init__(self, top=None):
        self.top = top

    @classmethod
    def decode(cls, data):
        """A witness's nodes; ValueError or EOFError if the bytes are none."""
        reader = Bytes(data)
        tree = cls(read_node(reader, []) if data else None)
        if reader.data:
            raise ValueError("bytes left over")
        return tree

    def root(self):
        return node_hash(self.top, 0) if self.top else bytes(32)

    def get(self, key):
        """The value, or None for absent."""
        node = self.top
        while node is not None and node[0] == 1:
            way = node[1]
            if shared_bits(way, key) < len(way) or 8 * len(key) <= len(way):
                return None
            node = node[3] if bit(key, len(way)) else node[2]
        if node is None:
            return None
        if node[0] == 0:
            raise Missing(key.hex())
        return node[2] if node[1] == key else None

    def put(self, key, value):
        """Writes a value; zero deletes."""
        if value != bytes(32):
            self.top = with_leaf(self.top, key, value)
        elif self.get(key) is not None:
            self.top = without_leaf(self.top, key)


def shared_bits(way, key):
    """Leading bits of a way that a key has too."""
    limit = min(len(way), 8 * len(key))
    return next((at for at in range(limit) if bit(key, at) != way[at]), limit)


def bits_of(key, count):
    return tuple(bit(key, at) for at in range(count))


def node_hash(node, start):
    """`start` is the number of bits that lead to where the node hangs."""
    if node[0] == 0:
        return node[1]
    if node[0] == 2:
        return leaf_hash(node[1], node[2])
    way = node[1]
    return branch_hash(way[start:], node_hash(node[2], len(way) + 1), node_hash(node[3], len(way) + 1))


def fork(key, leaf, other, at):
    """A branch at bit `at` of the key, with its leaf on the one side."""
    left, right = (other, leaf) if bit(key, at) else (leaf, other)
    return (1, bits_of(key, at), left, right)


def with_leaf(node, key, value):
    leaf = (2, key, value)
    if node is None:
        return leaf
    if node[0] == 0:
        raise Missing(key.hex())
    if node[0] == 2:
        return leaf if node[1] == key else fork(key, leaf, node, common(node[1], key))
    way = node[1]
    shared = shared_bits(way, key)
    if shared < len(way):
        return fork(key, leaf, node, shared)
    left, right = node[2:]
    if bit(key, len(way)):
        return (1, way, left, with_leaf(right, key, value))
    return (1, way, with_leaf(left, key, value), right)


def without_leaf(node, key):
    """The key is there."""
    if node[0] == 2:
        return None
    way, left, right = node[1:]
    if bit(key, len(way)):
        right = without_leaf(right, key)
    else:
        left = without_leaf(left, key)
    if left is not None and right is not None:
        return (1, way, left, right)
    alone = left if right is None else right
    if alone[0] == 0:
        # Its hash was made for another place.
        raise Missing(key.hex())
    return alone


def read_node(reader, way):
    kind = reader.number(1)
    if kind == 0:
        return (0, reader.take(32))
    if kind == 1:
        count = reader.number(2)
        if len(way) + count >= MAX_BITS:
            raise ValueError("a branch beyond all keys")
        packed = reader.take((count + 7) // 8)
        if any(bit(packed, index) for index in range(count, 8 * len(packed))):
            raise ValueError("bits after the prefix")
        way = way + [bit(packed, index) for index in range(count)]
        left = read_node(reader, way + [0])
        return (1, tuple(way), left, read_node(reader, way + [1]))
    if kind != 2:
        raise ValueError("node kind")
    length, given = reader.number(1), len(way) // 8
    if not 1 <= length <= MAX_BITS // 8 or 8 * length < len(way):
        raise ValueError("key length")
    key = pack(way)[:given] + reader.take(length - given)
    value = reader.take(32)
    if any(bit(key, index) != way[index] for index in range(len(way))):
        raise ValueError("a leaf off its way")
    if value == bytes(32):
        raise ValueError("a value of zero")
    return (2, key, value)
