"""Commitments: their bytes, hash and signature."""

import secp256k1
from hashes import keccak256

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


def encode(fields):
    parts = (
        bytes.fromhex(fields[name]) if size == 32 else fields[name].to_bytes(size, "big") for name, size in FIELDS
    )
    return b"".join(parts)


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
