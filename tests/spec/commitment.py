"""Commitments: their bytes, hash and signature."""

import secp256k1
from hashes import keccak256
from rlp import rlp_split

# Name and bytes of each field, in order.
FIELDS = (
    ("version", 4), ("chain_id", 8), ("config_hash", 32), ("batch_index", 8), ("parent_commitment", 32),
    ("first_block", 8), ("last_block", 8), ("last_block_hash", 32), ("first_timestamp", 8), ("last_timestamp", 8),
    ("pre_state_root", 32), ("post_state_root", 32), ("da_data_root", 32), ("payload_hash", 32), ("payload_len", 8),
    ("da_height", 8), ("inbox_from", 8), ("inbox_to", 8), ("inbox_acc", 32), ("withdrawals_root", 32),
    ("withdrawals_count", 8), ("anchor_seq", 8), ("anchor_hash", 32), ("leader_epoch", 8), ("tx_count", 8),
    ("gas_used", 8),
)  # fmt: skip
LENGTH = sum(size for _, size in FIELDS)
SIGNED_LENGTH = LENGTH + 65
MAX_HEADER_BYTES = 2_048
MAX_HEADERS = 65_535


def encode(fields):
    return encode_raw({name: bytes.fromhex(fields[name]) if size == 32 else fields[name] for name, size in FIELDS})


def encode_raw(fields):
    """As `encode`, hashes being bytes."""
    return b"".join(fields[name] if size == 32 else fields[name].to_bytes(size, "big") for name, size in FIELDS)


def decode(commitment):
    """The fields; hashes are bytes."""
    fields, at = {}, 0
    for name, size in FIELDS:
        part = commitment[at : at + size]
        fields[name] = part if size == 32 else int.from_bytes(part, "big")
        at += size
    return fields


def commitment_hash(commitment):
    return keccak256(b"weft/batch/v1" + commitment)


def judge_bytes(signed):
    """`length`, `version` or `ok`; says nothing about the signature."""
    if len(signed) != SIGNED_LENGTH:
        return "length"
    return "ok" if int.from_bytes(signed[:4], "big") == 1 else "version"


def judge(signed):
    """The verdict, and who signed if it is `ok`."""
    verdict = judge_bytes(signed)
    if verdict != "ok":
        return verdict, None
    return secp256k1.recover(commitment_hash(signed[:LENGTH]), signed[LENGTH:])


def judge_evidence(evidence, first, last, last_hash):
    """What a batch of blocks `first` to `last` has in the place of the block that was promised: its hash, or a verdict."""
    rest, headers = evidence[181 + 32 :], []
    if len(evidence) < 181 + 32 or evidence[:4] != bytes([0, 0, 0, 1]):
        return "decode"
    while rest:
        length = int.from_bytes(rest[:4], "big")
        if len(rest) < 4 + length or length > MAX_HEADER_BYTES or len(headers) == MAX_HEADERS:
            return "decode"
        headers.append(rest[4 : 4 + length])
        rest = rest[4 + length :]
    number = int.from_bytes(evidence[76:84], "big")
    if not first <= number <= last:
        return "OUTSIDE_BATCH"
    at, found = last, last_hash
    for header in headers:
        if at == number or keccak256(header) != found:
            return "UNLINKED"
        fields, _ = rlp_split(header, True)
        found, _ = rlp_split(fields, False)
        at -= 1
    return found.hex() if at == number else "UNLINKED"
