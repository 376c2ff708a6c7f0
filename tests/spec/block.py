"""From blobs to a block: index, shape, rows, coefficients, digests."""

from dataclasses import dataclass

import hashes
import tree
from reed_solomon import CODECS

ENTRY_BYTES = 80
MAX_BLOBS = 4096
MAX_PAYLOAD = {1: 64 * 1024, 2: 128 * 1024 * 1024}
ROW_COUNTS = {1: [64], 2: [64, 128, 256, 512, 1024, 2048, 4096]}
DEFAULT_SAMPLES = 25


@dataclass(frozen=True)
class Shape:
    codec: int
    k: int
    row_len: int
    total_len: int

    @property
    def path_len(self):
        return (4 * self.k).bit_length() - 1

    def sampled_bytes(self, samples):
        return 16 * self.k + samples * (self.row_len + 32 * self.path_len)


def least_row_len(codec, k, total_len):
    granule = CODECS[codec].granule
    return -(-(-(-total_len // k)) // granule) * granule


def judge_shape(shape):
    if shape.total_len == 0:
        return "empty"
    if shape.k not in ROW_COUNTS[shape.codec]:
        return "row_count"
    if shape.total_len > MAX_PAYLOAD[shape.codec]:
        return "too_large"
    if shape.row_len != least_row_len(shape.codec, shape.k, shape.total_len):
        return "row_length"
    return "ok"


def shape_by_rule(total_len):
    codec = 1 if total_len <= MAX_PAYLOAD[1] else 2
    shapes = [Shape(codec, k, least_row_len(codec, k, total_len), total_len) for k in ROW_COUNTS[codec]]
    return min(shapes, key=lambda shape: shape.sampled_bytes(DEFAULT_SAMPLES))


@dataclass(frozen=True)
class Entry:
    namespace: bytes
    hash: bytes
    offset: int
    length: int

    @property
    def end(self):
        return self.offset + self.length

    def encode(self):
        return self.namespace + self.hash + self.offset.to_bytes(8, "big") + self.length.to_bytes(8, "big")

    @staticmethod
    def decode(data):
        assert len(data) == ENTRY_BYTES
        number = lambda at: int.from_bytes(data[at : at + 8], "big")
        return Entry(data[:32], data[32:64], number(64), number(72))


def bind_count(count, root):
    return hashes.keyed("weft/da/v1 count of blob index", count.to_bytes(4, "big") + root)


def index_root(entries):
    return bind_count(len(entries), tree.Tree(tree.INDEX, [entry.encode() for entry in entries]).root)


def pack(blobs):
    """Entries and payload of (namespace, data) pairs in the order in which they came."""
    ordered = sorted(blobs, key=lambda blob: blob[0])
    entries, offset = [], ENTRY_BYTES * len(blobs)
    for namespace, data in ordered:
        entries.append(Entry(namespace, hashes.plain(data), offset, len(data)))
        offset += len(data)
    payload = b"".join(entry.encode() for entry in entries) + b"".join(data for _, data in ordered)
    return entries, payload


def cut(shape, payload):
    """The original rows."""
    padded = payload.ljust(shape.k * shape.row_len, b"\0")
    return [padded[at : at + shape.row_len] for at in range(0, len(padded), shape.row_len)]


def coefficient_stream(shape, row_root):
    fields = bytes([shape.codec]) + shape.k.to_bytes(4, "big") + shape.row_len.to_bytes(4, "big")
    return hashes.Stream("weft 2026-11 da row digest coefficients v1", fields + row_root)


class Digester:
    """The digests of one block's rows."""

    def __init__(self, shape, row_root):
        self.codec = CODECS[shape.codec]
        stream, size = coefficient_stream(shape, row_root), self.codec.symbol_bytes
        log = self.codec.field.log
        self.groups = []
        for _ in range(shape.row_len // size):
            group = stream.read(16)
            numbers = [int.from_bytes(group[at : at + size], "little") for at in range(0, 16, size)]
            self.groups.append([log[number] for number in numbers])

    def digest(self, row):
        exp, log = self.codec.field.exp, self.codec.field.log
        sums = [0] * (16 // self.codec.symbol_bytes)
        for symbol, group in zip(self.codec.symbols(row), self.groups):
            power = log[symbol]
            sums = [total ^ exp[power + coefficient] for total, coefficient in zip(sums, group)]
        return self.codec.row(sums)


class Block:
    """All that follows from the original rows."""

    def __init__(self, shape, originals):
        self.shape = shape
        self.rows = CODECS[shape.codec].extend(originals)
        self.row_tree = tree.Tree(tree.ROWS, self.rows)
        self.row_root = self.row_tree.root
        digester = Digester(shape, self.row_root)
        self.digests = [digester.digest(row) for row in originals]
        self.digest_root = tree.Tree(tree.DIGESTS, self.digests).root
