"""RLP, as far as transactions and headers need it, and Merkle Patricia roots of lists."""

from hashes import keccak256


class Refused(Exception):
    pass


def demand(condition, why):
    if not condition:
        raise Refused(why)


def rlp_number(value):
    return rlp(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def rlp_header(length, short, long):
    if length < 56:
        return bytes([short + length])
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([long + len(size)]) + size


def rlp(data):
    return data if len(data) == 1 and data[0] < 0x80 else rlp_header(len(data), 0x80, 0xB7) + data


def rlp_split(data, is_list):
    """Content of the string or list at the start of `data`, and what follows it."""
    demand(data, "RLP ends early")
    first, base = data[0], 0xC0 if is_list else 0x80
    if not is_list and first < 0x80:
        return data[:1], data[1:]
    demand(base <= first < base + 0x40, "another kind of RLP")
    start, length = 1, first - base
    if length > 55:
        start = 1 + length - 55
        demand(len(data) >= start and data[1], "RLP length")
        length = int.from_bytes(data[1:start], "big")
        demand(length > 55, "a longer RLP length")
    demand(len(data) >= start + length, "RLP ends early")
    content = data[start : start + length]
    demand(is_list or length != 1 or content[0] >= 0x80, "a longer RLP string")
    return content, data[start + length :]


def rlp_list(parts):
    """A list of parts that are RLP already."""
    payload = b"".join(parts)
    return rlp_header(len(payload), 0xC0, 0xF7) + payload


def list_root(values):
    """Root of the trie in which the RLP of its index leads to each value."""
    pairs = {}
    for index, value in enumerate(values):
        key = rlp_number(index)
        pairs[tuple(nibble for byte in key for nibble in (byte >> 4, byte & 15))] = value
    return keccak256(trie(pairs, 0) if pairs else rlp(b""))


def trie(pairs, depth):
    """RLP of the node below which these pairs lie; the keys agree in the first `depth` nibbles."""
    keys = sorted(pairs)
    first, last = keys[0], keys[-1]
    if len(keys) == 1:
        return rlp_list([rlp(compact(first[depth:], True)), rlp(pairs[first])])
    shared = depth
    while shared < min(len(first), len(last)) and first[shared] == last[shared]:
        shared += 1
    if shared > depth:
        return rlp_list([rlp(compact(first[depth:shared], False)), reference(trie(pairs, shared))])
    children = []
    for nibble in range(16):
        below = {key: value for key, value in pairs.items() if len(key) > depth and key[depth] == nibble}
        children.append(reference(trie(below, depth + 1)) if below else rlp(b""))
    ends = [value for key, value in pairs.items() if len(key) == depth]
    return rlp_list([*children, rlp(ends[0] if ends else b"")])


def reference(node):
    return node if len(node) < 32 else rlp(keccak256(node))


def compact(nibbles, is_leaf):
    flag = (2 if is_leaf else 0) + len(nibbles) % 2
    nibbles = ([flag] if len(nibbles) % 2 else [flag, 0]) + list(nibbles)
    return bytes(high << 4 | low for high, low in zip(nibbles[::2], nibbles[1::2]))
