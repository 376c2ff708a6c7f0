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

REASONS = (
    "UNAVAILABLE", "NOT_IN_DA_BLOCK", "UNDECODABLE", "LIMITS", "BAD_TIMESTAMP", "FORCED_INCLUSION",
    "INVALID_TRANSACTION", "INVALID_STF", "WRONG_ENCODING",
)  # fmt: skip

# Bytes of fields in order: `#` numbers, `$` numbers as decimal text, `?` flags; else bytes as hexadecimal digits.
AT = "batch_index#8 commitment32"
VERDICT = AT + " valid?1 rules_version#4"
DEPOSIT = "account20 nonce#8 to20 amount$16 signature65"
PROMISE_FIELDS = "chain_id#8 config_hash32 base32 number#8 block_hash32 signature65"
WITHDRAWAL = "index#8 sender20 recipient20 amount$32"
LAYOUTS = {
    1: "signed509",
    2: AT + " available?1",
    3: VERDICT,
    4: AT,
    7: "stands509 other509",
    8: "commitment444 items#8",
    9: "chain_id#8 config_hash32 new_key20 epoch#8 signature65",
    10: AT + " witness_hash32",
    11: VERDICT,
    12: VERDICT + " signature65",
    13: "number#8 account20 amount$16 signature65",
}


def layout(text):
    for field in text.split():
        name = field.rstrip("0123456789")
        kind = name[-1] if name[-1] in "#$?" else ""
        yield name.rstrip("#$?"), kind, int(field[len(name) :])


def split(text, data):
    """The fields of a layout, and the bytes after them."""
    found, at = {}, 0
    for name, kind, size in layout(text):
        part = data[at : at + size]
        number = int.from_bytes(part, "big")
        found[name] = {"": part.hex(), "#": number, "$": str(number), "?": bool(number)}[kind]
        at += size
    return found, data[at:]


def join(text, fields):
    """The bytes of a layout."""
    parts = (
        int(fields[name]).to_bytes(size, "big") if kind else bytes.fromhex(fields[name])
        for name, kind, size in layout(text)
    )
    return b"".join(parts)


def decode_item(data):
    item, content = split("index#8 time_ms#8", data)
    if content[:1] == b"\x7e":
        return {**item, "deposit": split(DEPOSIT, content[1:])[0]}
    return {**item, "transaction": content.hex()}


def encode_item(item):
    content = bytes.fromhex(item["transaction"]) if "transaction" in item else b"\x7e" + join(DEPOSIT, item["deposit"])
    return join("index#8 time_ms#8", item) + content


def withdrawal_bytes(withdrawal):
    return join(WITHDRAWAL, withdrawal)


def decode_body(kind, body):
    """What an entry says, as named fields."""
    if kind in LAYOUTS:
        return split(LAYOUTS[kind], body)[0]
    if kind == 5:
        found, rest = split(AT, body)
        return {**found, "reason": REASONS[rest[0] - 1], "block": int.from_bytes(rest[2:], "big") if rest[1] else None}
    if kind == 6:
        return decode_item(body)
    if kind == 14:
        siblings = [body[at : at + 32].hex() for at in range(88, len(body), 32)]
        return {
            "batch_index": int.from_bytes(body[:8], "big"),
            "withdrawal": split(WITHDRAWAL, body[8:88])[0],
            "siblings": siblings,
        }
    found, rest = split(PROMISE_FIELDS, body[4:])
    return {"promise": found, **split("commitment32 stands32", rest)[0]}


def encode_body(kind, fields):
    """Inverse of decode_body."""
    if kind in LAYOUTS:
        return join(LAYOUTS[kind], fields)
    if kind == 5:
        block = fields["block"]
        end = b"\0" if block is None else b"\1" + block.to_bytes(8, "big")
        return join(AT, fields) + bytes([REASONS.index(fields["reason"]) + 1]) + end
    if kind == 6:
        return encode_item(fields)
    if kind == 14:
        siblings = b"".join(map(bytes.fromhex, fields["siblings"]))
        return fields["batch_index"].to_bytes(8, "big") + withdrawal_bytes(fields["withdrawal"]) + siblings
    promise = bytes([0, 0, 0, 1]) + join(PROMISE_FIELDS, fields["promise"])
    return promise + join("commitment32 stands32", fields)


# By kind: the domain of what is signed, whether the configuration's hash comes before it, where it ends.
SIGNED = {
    9: (b"weft/key/v1", False, -65),
    12: (b"weft/verdict/v1", False, -65),
    13: (b"weft/funding/v1", True, -65),
    15: (b"weft/promise/v1", False, PROMISE),
}


def signed_hash(kind, body, config_hash):
    """What the signature in an entry of these kinds, or of a deposit, is over."""
    if kind == 6:
        return keccak256(b"weft/deposit/v1" + config_hash + body[17:-65])
    domain, bound, end = SIGNED[kind]
    return keccak256(domain + (config_hash if bound else b"") + body[:end])


def signer(entry, config_hash):
    """Whose signature an entry has (the first one), or None if nobody's or nobody can be told."""
    kind, body = entry[0], entry[HEADER:]
    if kind in (1, 7):
        return commitment.judge(body[: commitment.SIGNED_LENGTH])[1]
    if kind not in SIGNED and not (kind == 6 and body[16:17] == b"\x7e"):
        return None
    signature = body[PROMISE : PROMISE + 65] if kind == 15 else body[-65:]
    return secp256k1.recover(signed_hash(kind, body, config_hash), signature)[1]


def head_signer(chain_id, config_hash, seq, entry_hash, signature):
    """Who signed the head of a log: a verdict, and the address if it is `ok`."""
    head = chain_id.to_bytes(8, "big") + config_hash + seq.to_bytes(8, "big") + entry_hash
    return secp256k1.recover(keccak256(b"weft/log-head/v1" + head), signature)


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


def accumulate(acc, item):
    return keccak256(acc + keccak256(item))
