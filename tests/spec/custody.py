"""Several nodes that share the rows: members, where rows lie, certificates."""

import hashes
import secp256k1

MAX_MEMBERS = 128


def judge_members(addresses, copies):
    if not 1 <= len(addresses) <= MAX_MEMBERS:
        return "count"
    if not 1 <= copies <= len(addresses):
        return "copies"
    return "ok" if len(set(addresses)) == len(addresses) else "twice"


def members_hash(addresses, copies):
    data = len(addresses).to_bytes(2, "big") + b"".join(sorted(addresses)) + bytes([copies])
    return hashes.derived("weft 2026-11 da custody members v1", data)


def holders(addresses, copies, row_root, rows):
    """For each row the places of those who have it, the first choice first."""
    key = "weft/da/v1 draw of row custody"
    streams = [hashes.keyed(key, row_root + address, 8 * rows) for address in addresses]
    number = lambda member, row: int.from_bytes(streams[member][8 * row : 8 * row + 8], "little")
    ranked = lambda row: sorted(range(len(addresses)), key=lambda member: (-number(member, row), member))
    return [ranked(row)[:copies] for row in range(rows)]


def attested(header, addresses, copies):
    data = header.network_id.to_bytes(8, "big") + header.height.to_bytes(8, "big")
    data += header.hash() + members_hash(addresses, copies)
    return hashes.derived("weft 2026-11 da custody attestation v1", data)


def judge_certificate(header, data):
    at = 0

    def take(length):
        nonlocal at
        if at + length > len(data):
            raise EOFError
        at += length
        return data[at - length : at]

    try:
        addresses = [take(20) for _ in range(take(1)[0])]
        copies = take(1)[0]
        verdict = judge_members(addresses, copies)
        if verdict != "ok":
            return verdict
        if addresses != sorted(addresses):
            return "order"
        attestations = [(take(20), take(65)) for _ in range(take(1)[0])]
    except EOFError:
        return "decode"
    if at != len(data):
        return "decode"
    if len(attestations) < len(addresses) - len(addresses) // 3:
        return "too_few"
    last = -1
    for member, signature in attestations:
        if member not in addresses:
            return "stranger"
        verdict, signer = secp256k1.recover(attested(header, addresses, copies), signature)
        if verdict != "ok":
            return verdict
        if signer != member:
            return "signer"
        if addresses.index(member) <= last:
            return "order"
        last = addresses.index(member)
    return "ok"
