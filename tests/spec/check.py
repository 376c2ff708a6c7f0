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
import bridge
import commitment
import custody
import execution
import hashes
import log
import proofs
import rlp
import sampling
import secp256k1
import state
from settlement import Refused, Settlement
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
    except rlp.Refused:
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


def evidence(vector):
    data = raw(vector["evidence"])
    found = commitment.judge_evidence(data, vector["first_block"], vector["last_block"], raw(vector["last_block_hash"]))
    if found == "decode":
        return {"verdict": found}
    body = data[: log.PROMISE + 65]
    return {
        "verdict": found,
        "promise": log.split(log.PROMISE_FIELDS, body[4:])[0],
        "promise_hash": log.signed_hash(15, body, bytes(32)),
        "signer": log.signer(bytes([15]) + bytes(log.HEADER - 1) + body, bytes(32)),
    }


def entries(vector):
    given = several(vector["entries"])
    found = {"verdict": log.judge(given)}
    if "hashes" in vector:
        bodies = [(entry[0], entry[log.HEADER :]) for entry in given]
        found["hashes"] = [log.entry_hash(entry).hex() for entry in given]
        found["kinds"] = [log.fields(entry)[0] for entry in given]
        found["fields"] = [log.decode_body(kind, body) for kind, body in bodies]
        signers = [log.signer(entry, raw(vector["config_hash"])) for entry in given]
        found["signers"] = [signer.hex() for signer in signers if signer]
        again = [log.encode_body(kind, fields) for (kind, _), fields in zip(bodies, vector["fields"])]
        assert again == [body for _, body in bodies], "encoded anew the entries are others"
        assert {kind for kind, _ in bodies} == set(log.BODIES), "not an entry of each kind"
    return found


def replays(vector):
    given, after = several(vector["entries"]), vector["after"]
    chain = Settlement(vector["rules"])
    heads, at, changes = [], 0, {}
    for change in vector["changes"]:
        changes.setdefault(change[0], []).append(change)
    said = []
    while at < len(given):
        end = next(end for end in range(at, len(given)) if after[end] is not None) + 1
        group = given[at:end]
        for place, entry in enumerate(group):
            for seq, offset, flip, _ in changes[at + place + 1]:
                said.append([seq, offset, flip, verdict_on_change(chain.copy(), group, place, offset, flip)])
        chain.take(group)
        assert chain.conserves(), "wei were made or lost"
        heads += [None] * (len(group) - 1) + [chain.heads()]
        at = end
    return {"after": heads, "tables": chain.tables(), "changes": said}


def verdict_on_change(chain, group, place, offset, flip):
    """Of entries that belong together, one with a byte changed; what follows it is chained anew."""
    changed = bytearray(group[place])
    changed[offset] ^= flip
    made = group[:place] + [bytes(changed)]
    if log.fields(made[-1]) is None:
        return "decode"
    for entry in group[place + 1 :]:
        made.append(entry[:9] + log.entry_hash(made[-1]) + entry[41:])
    try:
        chain.take(made)
    except Refused:
        return "refused"
    return "ok"


def heads(vector):
    config_hash, entry_hash, signature = several([vector["config_hash"], vector["hash"], vector["signature"]])
    verdict, signer = log.head_signer(vector["chain_id"], config_hash, vector["seq"], entry_hash, signature)
    return {"signer": signer if verdict == "ok" else None}


def inbox(vector):
    acc, items = bytes(32), []
    for given in vector["items"]:
        item = log.encode_item({key: given[key] for key in ("index", "time_ms", "transaction")})
        acc = log.accumulate(acc, item)
        items.append({**given, "item": item.hex(), "acc": acc.hex()})
    return {"items": items}


def withdrawals(vector):
    check = vector["check"]
    if check == "empty":
        return {"root": bridge.EMPTY[bridge.DEPTH]}
    if check == "claim":
        claim = log.decode_body(14, raw(vector["claim"]))
        return {"holds": bridge.holds(claim, vector["withdrawals_count"], raw(vector["withdrawals_root"]))}
    assert check == "tree", check
    leaves = [bridge.leaf(withdrawal) for withdrawal in vector["withdrawals"]]
    frontier = [[height, node.hex()] for height, node in bridge.frontier(leaves)]
    return {"leaves": [leaf.hex() for leaf in leaves], "root": bridge.root(leaves), "frontier": frontier}


def derivation(vector):
    chain = execution.Chain(vector["config"])
    tree = chain.genesis_state()
    genesis = chain.genesis_header(tree)
    checkpoint = execution.Checkpoint(genesis)
    items, judged = [log.decode_item(item) for item in several(vector["inbox"])], []
    for given in vector["batches"]:
        claimed, data = raw(given["commitment"]), raw(given["batch"])
        verdict, headers, after, following = execution.judge(
            chain, tree, checkpoint, claimed, data, items, given["posted_ms"]
        )
        if verdict == "valid":
            tree, checkpoint = after, following
        headers = [execution.encode_header(header).hex() for header in headers]
        judged.append({**given, "verdict": verdict, "headers": headers})
    block = execution.Block(chain, state.Tree(tree.top), checkpoint.header, 0)
    accounts = [[name, *block.account(raw(name))[1:]] for name, _, _ in vector["accounts"]]
    return {
        "config_hash": chain.hash,
        "supply": str(chain.supply()),
        "genesis_header": execution.encode_header(genesis),
        "batches": judged,
        "accounts": [[name, nonce, str(balance)] for name, nonce, balance in accounts],
    }


def forced(vector):
    """What the log asks for must be what it has."""
    chain = execution.Chain(vector["config"])
    tree = chain.genesis_state()
    checkpoint = execution.Checkpoint(chain.genesis_header(tree))
    items, headers, made, before = [], [], [], None
    for entry in several(vector["entries"]):
        body = entry[log.HEADER :]
        if entry[0] == 6:
            items.append(log.decode_item(body))
        elif entry[0] == 8:
            anchor = (int.from_bytes(before[1:9], "big"), log.entry_hash(before), int.from_bytes(before[41:49], "big"))
            encoded, header, tree, checkpoint = execution.forced(
                chain, tree, checkpoint, items[checkpoint.cursor :], anchor, 0
            )
            headers.append(execution.encode_header(header).hex())
            entry = entry[: log.HEADER] + encoded + len(items).to_bytes(8, "big")
        made.append(entry.hex())
        before = entry
    return {"entries": made, "headers": headers}


def challenges(vector):
    checkpoint = execution.Checkpoint(
        execution.decode_header(raw(vector["parent_header"])), vector["batch_index"], raw(vector["parent_commitment"]),
        vector["inbox_from"], raw(vector["inbox_acc"]),
    )  # fmt: skip
    verdict = execution.judge_on_witness(
        execution.Chain(vector["config"]), checkpoint, raw(vector["commitment"]), raw(vector["batch"]),
        [log.decode_item(item) for item in several(vector["inbox"])], vector["posted_ms"], raw(vector["witness"]),
    )  # fmt: skip
    return {"verdict": verdict, "witness_hash": hashes.plain(raw(vector["witness"]))}


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
    "commitment": {"commitments": commitments, "evidence": evidence},
    "log": {"entries": entries, "heads": heads, "inbox": inbox, "replays": replays},
    "bridge": {"withdrawals": withdrawals},
    "chain": {"derivation": derivation, "forced": forced, "challenges": challenges},
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
