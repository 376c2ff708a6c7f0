"""Headers, their signatures, and the chain they form."""

import struct
from dataclasses import dataclass

import hashes
import secp256k1
from block import ENTRY_BYTES, MAX_BLOBS, Shape, judge_shape

LAYOUT = struct.Struct(">HQQ32sQBIIQ32s32s32sI")
assert LAYOUT.size == 175


@dataclass(frozen=True)
class Header:
    network_id: int
    height: int
    prev_hash: bytes
    time_ms: int
    shape: Shape
    row_root: bytes
    digest_root: bytes
    blob_index_root: bytes
    blob_count: int

    def encode(self):
        shape = self.shape
        return LAYOUT.pack(
            1, self.network_id, self.height, self.prev_hash, self.time_ms,
            shape.codec, shape.k, shape.row_len, shape.total_len,
            self.row_root, self.digest_root, self.blob_index_root, self.blob_count,
        )  # fmt: skip

    @staticmethod
    def decode(data):
        """The header, whatever is in it."""
        fields = LAYOUT.unpack(data)
        return Header(*fields[1:5], Shape(*fields[5:9]), *fields[9:])

    def hash(self):
        return hashes.derived("weft 2026-11 da header v1", self.encode())

    def data_root(self):
        content = self.encode()[58:171]
        return hashes.derived("weft 2026-11 da data root v1", content)


def judge_bytes(data):
    if len(data) != LAYOUT.size:
        return "length"
    if data[:2] != b"\x00\x01":
        return "version"
    header = Header.decode(data)
    if header.shape.codec not in (1, 2):
        return "codec"
    if judge_shape(header.shape) != "ok":
        return "shape"
    return "ok" if blob_count_fits(header) else "blob_count"


def blob_count_fits(header):
    fits = header.blob_count * (ENTRY_BYTES + 1) <= header.shape.total_len
    return 1 <= header.blob_count <= MAX_BLOBS and fits


def split(signed):
    assert len(signed) == LAYOUT.size + 65
    return Header.decode(signed[: LAYOUT.size]), signed[LAYOUT.size :]


def judge_signed(signed, trusted):
    """A signed header by itself."""
    header, signature = split(signed)
    if not blob_count_fits(header):
        return "blob_count"
    verdict, signer = secp256k1.recover(header.hash(), signature)
    if verdict != "ok":
        return verdict
    return "ok" if signer == trusted else "signer"


def judge_next(parent, signed, trusted):
    """A signed header after its parent, or as the first if that is None."""
    header, _ = split(signed)
    height, link = 1, bytes(32)
    if parent is not None:
        before, _ = split(parent)
        if header.network_id != before.network_id:
            return "network"
        if header.time_ms < before.time_ms:
            return "time"
        height, link = before.height + 1, before.hash()
    if header.height != height:
        return "height"
    if header.prev_hash != link:
        return "link"
    return judge_signed(signed, trusted)


def judge_pair(ours, theirs, trusted):
    if any(judge_signed(signed, trusted) != "ok" for signed in (ours, theirs)):
        return "none"
    one, other = split(ours)[0], split(theirs)[0]
    same_place = (one.network_id, one.height) == (other.network_id, other.height)
    return "fork" if same_place and one != other else "none"
