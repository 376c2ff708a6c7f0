"""Settlement's rules: a log, entry by entry, to its tables."""

from copy import copy

import bridge
import commitment
import log
from execution import Transaction
from rlp import Refused as Malformed

MAX_EPOCH_STEP = 1 << 32
MAX_SUPPLY = (1 << 128) - 1
DRIFT_S = 60
LIMITS = {"blocks": 65_536, "bytes": 8 << 20, "transactions": 262_144, "items": 1_024}
ZERO = bytes(32)
AVAILABILITY_REASONS = ("UNAVAILABLE", "NOT_IN_DA_BLOCK", "WRONG_ENCODING")


class Refused(Exception):
    pass


def demand(condition, why):
    if not condition:
        raise Refused(why)


class Record:
    """A commitment and what became of it."""

    def __init__(self, encoded, signed, status, seq, time_ms):
        self.claim, self.hash, self.signed = commitment.decode(encoded), commitment.commitment_hash(encoded), signed
        self.status, self.seq, self.posted_ms = status, seq, time_ms
        self.available_ms, self.votes = None, []


class Settlement:
    """A chain's settlement after some entries of its log."""

    def __init__(self, rules):
        self.rules = rules
        self.config_hash = bytes.fromhex(rules["config_hash"])
        self.admin = rules["admin"] and bytes.fromhex(rules["admin"])
        self.verifiers = [bytes.fromhex(verifier) for verifier in rules["verifiers"]]
        self.verified = rules["window_ms"] == 0
        self.posting_key = bytes.fromhex(rules["posting_key"])
        self.epoch, self.frozen = 0, False
        self.seq, self.last_hash, self.time_ms, self.hashes = 0, ZERO, 0, []
        self.records, self.canonical = [], []
        self.finals = 0
        self.items, self.accs = [], [ZERO]
        # Entries of key changes and of forced batches.
        self.key_changes, self.forced = [], []
        self.promises = set()
        self.accounts, self.claimed = {}, set()
        self.fundings = self.funded = self.deposited = self.escrow = 0

    def copy(self):
        """Another one in the same state; entries, items and claims never change."""
        other = copy(self)
        for name, value in vars(self).items():
            if isinstance(value, (list, dict, set)):
                setattr(other, name, copy(value))
        twins = {id(record): copy(record) for record in self.records}
        for record in twins.values():
            record.votes = list(record.votes)
        other.records = [twins[id(record)] for record in self.records]
        other.canonical = [twins[id(record)] for record in self.canonical]
        return other

    # Reading.

    def parent(self):
        """What the next commitment builds on."""
        if not self.canonical:
            return {
                "batch_index": -1, "hash": ZERO, "last_block": 0, "inbox_to": 0, "anchor_seq": 0,
                "last_timestamp": self.rules["genesis_timestamp"], "withdrawals_count": 0, "withdrawals_root": ZERO,
                "post_state_root": bytes.fromhex(self.rules["genesis_state_root"]),
            }  # fmt: skip
        tip = self.canonical[-1]
        return {**tip.claim, "hash": tip.hash}

    def pending(self, fields, status=None):
        """The canonical commitment that a verdict is about, if it is not final."""
        for record in self.canonical[self.finals :]:
            if record.hash.hex() == fields["commitment"] and record.claim["batch_index"] == fields["batch_index"]:
                demand(status is None or record.status == status, "another state")
                return record
        raise Refused("no commitment that waits")

    def find(self, commitment_hash):
        """A canonical commitment by its hash."""
        return next((record for record in self.canonical if record.hash == commitment_hash), None)

    def heads(self):
        return {
            "tip": len(self.canonical) - 1 if self.canonical else None,
            "finalized": self.finals - 1 if self.finals else None,
            "cursor": self.parent()["inbox_to"],
            "inbox": len(self.items),
            "posting_key": self.posting_key.hex(),
            "epoch": self.epoch,
            "frozen": self.frozen,
        }

    def tables(self):
        record = lambda record: {
            "commitment": record.hash.hex(),
            "batch_index": record.claim["batch_index"],
            "status": record.status,
            "log_seq": record.seq,
            "votes": [[verifier.hex(), valid] for verifier, valid in record.votes],
        }
        return {
            "commitments": [record(each) for each in self.records],
            "accounts": [[name.hex(), str(balance), nonce] for name, (balance, nonce) in sorted(self.accounts.items())],
            "claimed": sorted(self.claimed),
            "funded": str(self.funded),
            "deposited": str(self.deposited),
            "escrow": str(self.escrow),
            "inbox_acc": self.accs[-1].hex(),
        }

    def conserves(self):
        held = sum(balance for balance, _ in self.accounts.values())
        return self.funded == held + self.escrow and 0 <= self.escrow <= self.deposited

    # Taking entries.

    def take(self, entries):
        """Takes entries that belong together: one that says what came from outside, and all that follow from it."""
        self.before = (self.seq, self.last_hash, self.time_ms)
        (kind, fields), *rest = [self.link(entry, at) for at, entry in enumerate(entries)]
        self.own_seq, self.body = self.before[0] + 1, entries[0][log.HEADER :]
        handlers = {
            1: self.post, 2: self.availability, 3: self.verdict, 4: self.finality, 6: self.item, 7: self.equivocation,
            8: self.force, 9: self.change_key, 10: self.challenge, 12: self.vote, 13: self.fund, 14: self.claim,
            15: self.break_promise,
        }  # fmt: skip
        demand(kind in handlers, "it follows from another")
        demand(handlers[kind](fields, rest) == len(rest), "an entry that does not follow")

    def link(self, entry, at):
        """Kind and fields of the next entry, the one at this place of those that belong together."""
        found = log.fields(entry)
        demand(found is not None, "decode")
        kind, seq, prev_hash, time_ms = found
        demand(seq == self.seq + 1 and prev_hash == self.last_hash and time_ms >= self.time_ms, "chain")
        demand(at == 0 or time_ms == self.time_ms, "what follows at once has the same time")
        self.seq, self.last_hash, self.time_ms = seq, log.entry_hash(entry), time_ms
        self.hashes.append(self.last_hash)
        return kind, log.decode_body(kind, entry[log.HEADER :])

    # What each kind of entry does. Each returns how many entries follow from it at once.

    def own_chain(self, claim):
        demand(claim["chain_id"] == self.rules["chain_id"] and claim["config_hash"] == self.config_hash, "chain")

    def post(self, fields, _):
        signed = bytes.fromhex(fields["signed"])
        claim = commitment.decode(signed)
        self.own_chain(claim)
        _, signer = commitment.judge(signed)
        demand(signer == self.posting_key and not self.frozen, "signer")
        demand(self.epoch <= claim["leader_epoch"] <= self.epoch + MAX_EPOCH_STEP, "epoch")
        blocks = claim["last_block"] - claim["first_block"] + 1
        demand(1 <= blocks <= LIMITS["blocks"] and 1 <= claim["payload_len"] <= LIMITS["bytes"], "limits")
        demand(claim["tx_count"] <= LIMITS["transactions"] and claim["da_height"], "limits")
        demand((claim["withdrawals_count"] == 0) == (claim["withdrawals_root"] == ZERO), "withdrawals")
        demand(claim["first_timestamp"] <= claim["last_timestamp"], "times")
        self.follows(claim)
        demand(claim["first_timestamp"] >= self.parent()["last_timestamp"], "times")
        demand(claim["last_timestamp"] <= self.time_ms // 1_000 + DRIFT_S, "times")
        seq = claim["anchor_seq"]
        anchor = self.hashes[seq - 1] if 0 < seq < self.own_seq else ZERO if seq == 0 else None
        demand(claim["anchor_hash"] == anchor and seq >= self.parent()["anchor_seq"], "anchor")
        deadline, grace = self.rules["inbox_deadline_ms"], self.rules["inbox_grace_ms"]
        first, left = self.items[claim["inbox_from"] :][:1], self.items[claim["inbox_to"] :][:1]
        demand(not (self.verified and first and first[0]["time_ms"] + deadline + grace <= self.time_ms), "forced first")
        demand(not (left and left[0]["time_ms"] + deadline <= self.time_ms), "overdue")
        self.epoch = claim["leader_epoch"]
        self.append(Record(signed[: commitment.LENGTH], signed, "POSTED", self.own_seq, self.time_ms))
        return 0

    def follows(self, claim):
        """What any new tip must fit."""
        parent = self.parent()
        demand(claim["batch_index"] == parent["batch_index"] + 1, "index")
        demand(claim["parent_commitment"] == parent["hash"], "parent")
        demand(claim["pre_state_root"] == parent["post_state_root"], "state")
        demand(claim["first_block"] == parent["last_block"] + 1, "block")
        demand(parent["inbox_to"] == claim["inbox_from"] <= claim["inbox_to"] <= len(self.items), "inbox")
        demand(claim["inbox_acc"] == self.accs[claim["inbox_to"]], "accumulator")
        count, root = claim["withdrawals_count"], claim["withdrawals_root"]
        same = (count, root) == (parent["withdrawals_count"], parent["withdrawals_root"])
        demand(count > parent["withdrawals_count"] or same, "withdrawals")

    def append(self, record):
        self.records.append(record)
        self.canonical.append(record)

    def force(self, fields, _):
        encoded = bytes.fromhex(fields["commitment"])
        claim, parent = commitment.decode(encoded), self.parent()
        demand(self.finals == len(self.canonical), "tip")
        waiting = self.items[parent["inbox_to"] :]
        wait_ms = self.rules["inbox_deadline_ms"] + self.rules["inbox_grace_ms"]
        demand(waiting and waiting[0]["time_ms"] + wait_ms <= self.time_ms, "not due")
        self.own_chain(claim)
        self.follows(claim)
        before_seq, before_hash, before_ms = self.before
        time = max(parent["last_timestamp"], before_ms // 1_000)
        taken = claim["inbox_to"] - claim["inbox_from"]
        demand(claim["last_block"] == claim["first_block"], "one block")
        demand(claim["first_timestamp"] == claim["last_timestamp"] == time, "time")
        demand((claim["anchor_seq"], claim["anchor_hash"]) == (before_seq, before_hash), "anchor")
        nothing = (claim["da_data_root"], claim["payload_hash"], claim["payload_len"], claim["da_height"])
        demand(nothing == (ZERO, ZERO, 0, 0), "data")
        demand(1 <= taken <= LIMITS["items"] and claim["tx_count"] <= taken, "items")
        demand(claim["leader_epoch"] == self.epoch and fields["items"] == len(self.items), "epoch or items")
        record = Record(encoded, None, "AVAILABLE", self.own_seq, self.time_ms)
        record.available_ms = self.time_ms
        self.append(record)
        self.forced.append(self.own_seq)
        return 0

    def availability(self, fields, rest):
        record = self.pending(fields, "POSTED")
        if fields["available"]:
            record.status, record.available_ms = "AVAILABLE", self.time_ms
            return 0
        reason = self.reject(record, rest)
        demand(reason["reason"] in AVAILABILITY_REASONS and reason["block"] is None, "reason")
        old = record.posted_ms + self.rules["availability_deadline_ms"] <= self.time_ms
        demand(reason["reason"] != "UNAVAILABLE" or old, "too early")
        return 1

    def verdict(self, fields, rest):
        demand(self.verified and fields["rules_version"] == self.rules["rules_version"], "mode or version")
        record = self.pending(fields, "AVAILABLE")
        if not fields["valid"]:
            self.reject(record, rest)
            return 1
        record.status = "VERIFIED"
        return self.finalize_judged(rest)

    def reject(self, record, rest):
        """The next entry must reject it."""
        demand(rest and rest[0][0] == 5, "a rejection must follow")
        fields = rest[0][1]
        place = (fields["batch_index"], fields["commitment"])
        demand(place == (record.claim["batch_index"], record.hash.hex()), "the rejection of another")
        at = self.canonical.index(record)
        for fallen in self.canonical[at:]:
            fallen.status = "ORPHANED"
        record.status = "REJECTED"
        del self.canonical[at:]
        return fields

    def finality(self, fields, _):
        demand(not self.verified, "it follows from another")
        record = self.pending(fields)
        demand(record is self.canonical[self.finals] and self.may_be_final(record), "not final")
        record.status = "FINALIZED"
        self.finals += 1
        return 0

    def may_be_final(self, record):
        if self.verified:
            judged = record.status == "VERIFIED"
        else:
            opened = record.available_ms
            judged = opened is not None and opened + self.rules["window_ms"] <= self.time_ms
        return judged and sum(valid for _, valid in record.votes) >= self.rules["verifiers_needed"]

    def finalize_judged(self, rest):
        """In mode verified: how many entries must follow that make final, and that they do."""
        count = 0
        while self.verified and self.finals < len(self.canonical) and self.may_be_final(self.canonical[self.finals]):
            record = self.canonical[self.finals]
            wanted = {"batch_index": record.claim["batch_index"], "commitment": record.hash.hex()}
            demand(rest[count : count + 1] == [(4, wanted)], "it is final, and the log does not say so")
            record.status = "FINALIZED"
            self.finals, count = self.finals + 1, count + 1
        return count

    def challenge(self, fields, rest):
        demand(not self.verified, "mode")
        record = self.pending(fields, "AVAILABLE")
        demand(rest and rest[0][0] == 11, "an outcome must follow")
        outcome = rest[0][1]
        place = (outcome["batch_index"], outcome["commitment"])
        demand(place == (fields["batch_index"], fields["commitment"]), "the outcome of another")
        demand(outcome["rules_version"] == self.rules["rules_version"], "version")
        if outcome["valid"]:
            record.status = "VERIFIED"
            return 1
        self.reject(record, rest[1:])
        return 2

    def vote(self, fields, rest):
        signer = self.signed_by(12)
        demand(signer in self.verifiers and fields["rules_version"] == self.rules["rules_version"], "verifier")
        demand(fields["valid"] or self.verified, "a challenge instead")
        record = self.pending(fields)
        demand(signer not in [verifier for verifier, _ in record.votes], "twice")
        record.votes.append((signer, fields["valid"]))
        return self.finalize_judged(rest)

    def signed_by(self, kind):
        return log.signer(bytes([kind]) + bytes(log.HEADER - 1) + self.body, self.config_hash)

    def equivocation(self, fields, _):
        stands, other = bytes.fromhex(fields["stands"]), bytes.fromhex(fields["other"])
        first, second = commitment.decode(stands), commitment.decode(other)
        record = self.find(commitment.commitment_hash(stands[: commitment.LENGTH]))
        demand(record is not None and not self.frozen, "it does not stand, or posting is frozen")
        self.own_chain(second)
        place = lambda claim: (claim["batch_index"], claim["parent_commitment"], claim["leader_epoch"])
        demand(place(first) == place(second) and first != second, "another place, or the same")
        known = {record.hash for record in self.records}
        demand(commitment.commitment_hash(other[: commitment.LENGTH]) not in known, "it was posted before")
        signers = {commitment.judge(stands)[1], commitment.judge(other)[1]}
        demand(signers == {self.posting_key} and stands == record.signed, "signers")
        self.frozen = True
        return 0

    def change_key(self, fields, _):
        self.own_chain({"chain_id": fields["chain_id"], "config_hash": bytes.fromhex(fields["config_hash"])})
        signer = self.signed_by(9)
        demand(int(fields["new_key"], 16), "the zero address")
        may = signer is not None and (signer == self.admin or (signer == self.posting_key and not self.frozen))
        demand(may, "signer")
        demand(self.epoch < fields["epoch"] <= self.epoch + MAX_EPOCH_STEP, "epoch")
        self.posting_key, self.epoch, self.frozen = bytes.fromhex(fields["new_key"]), fields["epoch"], False
        self.key_changes.append(self.own_seq)
        return 0

    def break_promise(self, fields, _):
        promise, body = fields["promise"], self.body
        self.own_chain({"chain_id": promise["chain_id"], "config_hash": bytes.fromhex(promise["config_hash"])})
        demand(self.signed_by(15) == self.posting_key and not self.frozen, "signer")
        promise_hash = log.signed_hash(15, body, self.config_hash)
        demand(promise_hash not in self.promises, "recorded before")
        base = self.find(bytes.fromhex(promise["base"]))
        demand(base is not None or not int(promise["base"], 16), "base")
        record = self.find(bytes.fromhex(fields["commitment"]))
        demand(record is not None, "commitment")
        demand(base is None or base.claim["batch_index"] < record.claim["batch_index"], "not after its base")
        since = base.seq if base else 0
        forced = any(since < seq <= record.seq for seq in self.forced)
        demand(not forced and not any(seq > since for seq in self.key_changes), "void")
        number, claim = promise["number"], record.claim
        demand(claim["first_block"] <= number <= claim["last_block"], "outside the batch")
        demand(number != claim["last_block"] or fields["stands"] == claim["last_block_hash"].hex(), "another hash")
        demand(fields["stands"] != promise["block_hash"], "kept")
        self.promises.add(promise_hash)
        self.frozen = True
        return 0

    def item(self, fields, _):
        demand(fields["index"] == len(self.items) and fields["time_ms"] == self.time_ms, "place or time")
        if "deposit" in fields:
            self.deposit(fields["deposit"])
        else:
            try:
                Transaction(bytes.fromhex(fields["transaction"]), self.rules["chain_id"])
            except Malformed as error:
                raise Refused("no transaction of the chain") from error
        self.items.append(fields)
        self.accs.append(log.accumulate(self.accs[-1], self.body))
        return 0

    def deposit(self, deposit):
        account, amount = bytes.fromhex(deposit["account"]), int(deposit["amount"])
        demand(self.signed_by(6) == account, "signer")
        balance, nonce = self.accounts.get(account, (0, 0))
        demand(deposit["nonce"] == nonce and 0 < amount <= balance, "nonce or amount")
        supply = self.deposited + amount + int(self.rules["genesis_supply"])
        demand(supply < MAX_SUPPLY, "supply")
        self.accounts[account] = (balance - amount, nonce + 1)
        self.deposited, self.escrow = self.deposited + amount, self.escrow + amount

    def credit(self, account, amount):
        balance, nonce = self.accounts.get(account, (0, 0))
        self.accounts[account] = (balance + amount, nonce)

    def fund(self, fields, _):
        amount = int(fields["amount"])
        demand(self.admin is not None and self.signed_by(13) == self.admin, "signer")
        demand(fields["number"] == self.fundings and amount > 0, "number or amount")
        demand(self.funded + amount < 1 << 128, "supply")
        self.fundings, self.funded = self.fundings + 1, self.funded + amount
        self.credit(bytes.fromhex(fields["account"]), amount)
        return 0

    def claim(self, fields, _):
        demand(fields["batch_index"] < self.finals, "not final")
        claim = self.canonical[fields["batch_index"]].claim
        demand(bridge.holds(fields, claim["withdrawals_count"], claim["withdrawals_root"]), "proof")
        withdrawal = fields["withdrawal"]
        amount = int(withdrawal["amount"])
        demand(withdrawal["index"] not in self.claimed and amount <= self.escrow, "claimed before, or no escrow")
        self.claimed.add(withdrawal["index"])
        self.escrow -= amount
        self.credit(bytes.fromhex(withdrawal["recipient"]), amount)
        return 0
