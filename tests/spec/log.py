"""The settlement log: entries, their hash chain, and the inbox's accumulator."""

import commitment
import secp256k1
from hashes import keccak256

HEADER = 49
PLACE = 40
MAX_ITEM = 16 + 131_072


def entry_hash(entry):
    return keccak256(b"weft/log/v1" + entry)


def is_rejection(body):
    if len(body) < PLACE + 2 or not 1 <= body[PLACE] <= 9:
        return False
    return (body[PLACE + 1], len(body)) in ((0, PLACE + 2), (1, PLACE + 10))


def is_signed(body):
    return commitment.judge_bytes(body) == "ok"


def is_verdict(body):
    return len(body) == PLACE + 5 and body[PLACE] <= 1


def is_item(body):
    """Content that begins with 7e is a deposit, of one length."""
    return 16 <= len(body) <= MAX_ITEM and (body[16:17] != b"\x7e" or len(body) == 16 + 130)


def is_forced(body):
    return len(body) == 452 and body[:4] == bytes([0, 0, 0, 1])


def is_claim(body):
    """The amount is 32 bytes wide, but below 2^128."""
    return len(body) == 1112 and body[56:72] == bytes(16)


PROMISE = 116


def is_broken_promise(body):
    return len(body) == PROMISE + 65 + 32 + 32 and body[:4] == bytes([0, 0, 0, 1])


# Whether bytes are the body of a kind.
BODIES = {
    1: is_signed,
    2: lambda body: len(body) == PLACE + 1 and body[PLACE] <= 1,
    3: is_verdict,
    4: lambda body: len(body) == PLACE,
    5: is_rejection,
    6: is_item,
    7: lambda body: is_signed(body[: commitment.SIGNED_LENGTH]) and is_signed(body[commitment.SIGNED_LENGTH :]),
    8: is_forced,
    9: lambda body: len(body) == 8 + 32 + 20 + 8 + 65,
    10: lambda body: len(body) == PLACE + 32,
    11: is_verdict,
    12: lambda body: is_verdict(body[:-65]),
    13: lambda body: len(body) == 109,
    14: is_claim,
    15: is_broken_promise,
}


def signer(entry):
    """Who signed a key change, a verifier's verdict or a promise: a verdict, and the address if it is `ok`."""
    body, domain = entry[HEADER:], {9: b"weft/key/v1", 12: b"weft/verdict/v1", 15: b"weft/promise/v1"}[entry[0]]
    if entry[0] == 15:
        body = body[: PROMISE + 65]
    return secp256k1.recover(keccak256(domain + body[:-65]), body[-65:])


def fields(entry):
    """Kind, sequence number, hash of the entry before, time; None if the bytes are no entry."""
    if len(entry) < HEADER or entry[0] not in BODIES or not BODIES[entry[0]](entry[HEADER:]):
        return None
    seq, prev_hash = int.from_bytes(entry[1:9], "big"), entry[9:41]
    if seq == 0 or (seq == 1) != (prev_hash == bytes(32)):
        return None
    return entry[0], seq, prev_hash, int.from_bytes(entry[41:49], "big")


def judge(entries):
    """The verdict on entries from the first on."""
    seq, last_hash, time = 0, bytes(32), 0
    for entry in entries:
        found = fields(entry)
        if found is None:
            return "decode"
        _, found_seq, prev_hash, found_time = found
        if found_seq != seq + 1:
            return "gap"
        if prev_hash != last_hash:
            return "chain"
        if found_time < time:
            return "time"
        seq, last_hash, time = found_seq, entry_hash(entry), found_time
    return "ok"


def item_bytes(index, time_ms, transaction):
    return index.to_bytes(8, "big") + time_ms.to_bytes(8, "big") + transaction


def accumulate(acc, item):
    return keccak256(acc + keccak256(item))
