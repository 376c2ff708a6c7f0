"""Recomputes the golden vectors of the specification (proto/SPEC.md) without any of Weft's own code.

    python check.py [FOLDER]      # default: proto/vectors of this repository

Prints the vectors that differ, and for each folder how many passed (`da: N vectors passed`); exit code 1 if any
differ.
"""

import json
import sys
from fractions import Fraction
from pathlib import Path

import batch
import commitment
import custody
import hashes
import log
import proofs
import sampling
import secp256k1
import state
from block import Block, Entry, Shape, coefficient_stream, cut, index_root, judge_shape, pack, shape_by_rule
from header import Header, judge_bytes, judge_next, judge_pair

raw = bytes.fromhex
several = lambda texts: [raw(text) for text in texts]
optional = lambda text: None if text is None else raw(text)
header_of = lambda vector: Header.decode(raw(vector["header"]))
rows_of = lambda vector: {row["index"]: raw(row["row"]) for row in vector["rows"]}


def block(vector):
    blobs = [(raw(blob["namespace"]), hashes.seeded(blob["seed"], blob["len"])) for blob in vector["blobs"]]
    entries, payload = pack(blobs)
    rule = shape_by_rule(len(payload))
    shape = rule if vector["by_rule"] else Shape(vector["codec"], vector["k"], vector["row_len"], len(payload))
    made = Block(shape, cut(shape, payload))
    header = Header(
        vector["network_id"], vector["height"], raw(vector["prev_hash"]), vector["time_ms"], shape,
        made.row_root, made.digest_root, index_root(entries), len(entries),
    )  # fmt: skip
    key = raw(vector["key"])
    return {
        "by_rule": shape == rule,
        "codec": shape.codec,
        "k": shape.k,
        "row_len": shape.row_len,
        "total_len": len(payload),
        "index": b"".join(entry.encode() for entry in entries),
        "row_root": made.row_root,
        "coefficients": coefficient_stream(shape, made.row_root).read(64),
        "digests": b"".join(made.digests),
        "digest_root": made.digest_root,
        "blob_index_root": header.blob_index_root,
        "data_root": header.data_root(),
        "header": header.encode(),
        "header_hash": header.hash(),
        "signer": secp256k1.address_of_key(key),
        "signature": secp256k1.sign(header.hash(), key),
        "rows": [row_of(made, row["index"]) for row in vector["rows"]],
    }


def row_of(made, index):
    return {"index": index, "row": made.rows[index].hex(), "path": [part.hex() for part in made.row_tree.path(index)]}


def shape(vector):
    if vector["check"] == "rule":
        found = shape_by_rule(vector["total_len"])
        return {"codec": found.codec, "k": found.k, "row_len": found.row_len}
    stated = Shape(vector["codec"], vector["k"], vector["row_len"], vector["total_len"])
    return {"verdict": judge_shape(stated)}


def header(vector):
    if vector["check"] == "decode":
        return {"verdict": judge_bytes(raw(vector["header"]))}
    trusted = raw(vector["trusted"])
    if vector["check"] == "pair":
        return {"verdict": judge_pair(raw(vector["ours"]), raw(vector["theirs"]), trusted)}
    return {"verdict": judge_next(optional(vector["parent"]), raw(vector["signed"]), trusted)}


def index(vector):
    return {"verdict": proofs.judge_index(header_of(vector), raw(vector["bytes"]))}


def blob_proof(vector):
    entry = Entry.decode(raw(vector["entry"]))
    return {"verdict": proofs.judge_blob_proof(header_of(vector), vector["position"], entry, several(vector["path"]))}


def namespace_proof(vector):
    entries = [Entry.decode(entry) for entry in several(vector["entries"])]
    outside = several(vector["outside"])
    verdict, listed = proofs.judge_namespace_proof(
        header_of(vector), raw(vector["namespace"]), vector["first"], entries, outside
    )
    return {"verdict": verdict, "listed": None if listed is None else [entry.encode().hex() for entry in listed]}


def digests(vector):
    verdict, extended = proofs.judge_digests(header_of(vector), raw(vector["digests"]))
    return {"verdict": verdict, "extended_hash": extended and hashes.plain(b"".join(extended))}


def row(vector):
    verdict, extended = proofs.judge_digests(header_of(vector), raw(vector["digests"]))
    assert verdict == "ok", "digests of the vector"
    path = several(vector["path"])
    return {"verdict": proofs.judge_row(header_of(vector), extended, vector["index"], raw(vector["row"]), path)}


def rebuild(vector):
    if vector["check"] == "block":
        verdict, originals = proofs.rebuild(header_of(vector), rows_of(vector))
        return {"verdict": verdict, "originals_hash": originals and hashes.plain(originals)}
    entry = Entry.decode(raw(vector["entry"]))
    verdict, data = proofs.blob_from_rows(header_of(vector), entry, rows_of(vector))
    return {"verdict": verdict, "data": data}


def sample(vector):
    check = vector["check"]
    if check == "draw":
        drawn = sampling.draw(raw(vector["seed"]), raw(vector["header_hash"]), vector["rows"], vector["count"])
        return {"drawn": drawn}
    if check == "confidence":
        chances = {"available": sampling.WITHHELD, "encoded": sampling.WRONG}
        found = {name: sampling.confidence(vector["good"], vector["missing"], p) for name, p in chances.items()}
        return {name: f"{float(value):.12f}" for name, value in found.items()}
    judged = header_of(vector)
    if check == "plan":
        wanted = Fraction(vector["confidence"])
        kind, size = sampling.plan(judged.shape, wanted)
        return {"samples": sampling.samples_for(wanted), "plan": kind, "bytes": size}
    assert check == "session", check
    drawn = sampling.draw(raw(vector["seed"]), judged.hash(), 4 * judged.shape.k, 25)
    answered = [answer["row"] for answer in vector["answers"]]
    assert sorted(drawn) == sorted(answered), "other rows are drawn"
    return {"verdict": sampling.verdict([answer["answer"] for answer in vector["answers"]])}


def shared(vector):
    check = vector["check"]
    if check == "certificate":
        return {"verdict": custody.judge_certificate(header_of(vector), raw(vector["certificate"]))}
    addresses, copies = several(vector["addresses"]), vector["copies"]
    if check == "assignment":
        return {"holders": custody.holders(addresses, copies, raw(vector["row_root"]), vector["rows"])}
    assert check == "members", check
    verdict = custody.judge_members(addresses, copies)
    return {"verdict": verdict, "hash": custody.members_hash(addresses, copies) if verdict == "ok" else None}


def batches(vector):
    try:
        return {"verdict": "ok", **batch.decode(raw(vector["batch"]))}
    except batch.Refused:
        return {"verdict": "refused"}


def refused_batches(vector):
    return {"verdict": batches(vector)["verdict"]}


def commitments(vector):
    signed = raw(vector["signed"])
    verdict, signer = commitment.judge(signed)
    if "fields" not in vector:
        return {"verdict": verdict}
    encoded, key = commitment.encode(vector["fields"]), raw(vector["key"])
    signature = secp256k1.sign(commitment.commitment_hash(encoded), key)
    return {
        "verdict": verdict,
        "commitment": encoded,
        "hash": commitment.commitment_hash(encoded),
        "signed": encoded + signature,
        "signer": signer,
    }


def entries(vector):
    given = several(vector["entries"])
    found = {"verdict": log.judge(given)}
    if "hashes" in vector:
        found["hashes"] = [log.entry_hash(entry).hex() for entry in given]
        found["kinds"] = [log.fields(entry)[0] for entry in given]
        signed = [entry for entry in given if entry[0] in (9, 12, 15)]
        found["signers"] = [address.hex() for _, address in map(log.signer, signed)]
    return found


def inbox(vector):
    acc, items = bytes(32), []
    for given in vector["items"]:
        item = log.item_bytes(given["index"], given["time_ms"], raw(given["transaction"]))
        acc = log.accumulate(acc, item)
        items.append({**given, "item": item.hex(), "acc": acc.hex()})
    return {"items": items}


def roots(vector):
    return {"root": state.root([tuple(several(leaf)) for leaf in vector["leaves"]])}


def accounts(vector):
    number = lambda text: int(text, 16)
    leaves = state.account_leaves(
        raw(vector["address"]), vector["nonce"], number(vector["balance"]), vector["code_size"],
        optional(vector["code_hash"]), optional(vector["delegation"]),
        [(number(slot), number(value)) for slot, value in vector["storage"]],
    )  # fmt: skip
    return {"leaves": [[key.hex(), value.hex()] for key, value in leaves], "root": state.root(leaves)}


def state_proofs(vector):
    verdict, value = state.judge_proof(raw(vector["proof"]), raw(vector["root"]), raw(vector["key"]))
    return {"verdict": verdict, "value": value}


def witnesses(vector):
    tree = state.Tree.decode(raw(vector["witness"]))

    def find(key):
        try:
            value = tree.get(raw(key))
        except state.Missing:
            return "missing"
        return value and value.hex()

    found = [[key, find(key)] for key, _ in vector["found"]]
    missing = [key for key in vector["missing"] if find(key) == "missing"]
    return {"root": tree.root(), "found": found, "missing": missing}


# By folder and file.
CHECKS = {
    "da": {
        "blocks": block,
        "shapes": shape,
        "headers": header,
        "index": index,
        "blob_proofs": blob_proof,
        "namespace_proofs": namespace_proof,
        "digests": digests,
        "rows": row,
        "rebuild": rebuild,
        "sampling": sample,
        "custody": shared,
    },
    "batch": {"plain": batches, "compressed": batches, "refused": refused_batches},
    "commitment": {"commitments": commitments},
    "log": {"entries": entries, "inbox": inbox},
    "state": {"roots": roots, "accounts": accounts, "proofs": state_proofs, "witnesses": witnesses},
}


def differences(check, vector):
    """What is found to be otherwise than the vector says."""
    try:
        found = check(vector)
    except Exception as error:  # a vector that cannot be read differs
        return [f"{type(error).__name__}: {error}"]
    plain = {name: value.hex() if isinstance(value, bytes) else value for name, value in found.items()}
    return [f"{name} is {value}" for name, value in plain.items() if name not in vector or vector[name] != value]


def check_folder(folder, checks):
    """How many vectors passed, and what differs."""
    files = {path.stem for path in folder.glob("*.json")}
    failed = [f"no check for {name}" for name in sorted(files - set(checks))]
    passed = 0
    for name, check in checks.items():
        path = folder / f"{name}.json"
        vectors = json.loads(path.read_text(encoding="utf-8"))["vectors"] if path.exists() else []
        if not vectors:
            failed.append(f"{name}: no vectors")
        for vector in vectors:
            wrong = differences(check, vector)
            passed += not wrong
            failed += [f"{name}: {vector.get('name')}: {text}" for text in wrong]
    return passed, failed


def main():
    root = Path(__file__).resolve().parents[2]
    vectors = Path(sys.argv[1]) if len(sys.argv) > 1 else root / "proto" / "vectors"
    different = [f"no check for {path.name}" for path in sorted(vectors.iterdir()) if path.name not in CHECKS]
    for line in different:
        print(line)
    for name, checks in CHECKS.items():
        passed, failed = check_folder(vectors / name, checks)
        for line in failed:
            print(f"{name}: {line}")
        print(f"{name}: {passed} vectors passed" + (f", {len(failed)} differences" if failed else ""))
        different += failed
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
