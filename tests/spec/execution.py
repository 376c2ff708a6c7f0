"""From a configuration, an inbox and batches to blocks, for chains on which only accounts without code are called."""

import hashlib
import json
from pathlib import Path

import batch
import commitment
import log
import rlp
import secp256k1
import state
from hashes import keccak256, plain

CONTRACTS = Path(__file__).resolve().parents[2] / "settlement" / "contracts"
WITHDRAWALS = bytes.fromhex("5745465400000000000000000000000000000001")
HISTORY = bytes.fromhex("0000f90827f1c53a10cb7a02335b175320002935")
HISTORY_CODE = bytes.fromhex(
    "3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff814303"
    "11604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500"
)
HISTORY_WINDOW = 8_191
EMPTY_LIST = rlp.list_root([])
NO_OMMERS = keccak256(rlp.rlp_list([]))
NO_REQUESTS = hashlib.sha256(b"").digest()
MOST_GAS_OF_A_TRANSACTION = 1 << 24
DRIFT_S = 60

HEADER = (
    "parent_hash", "ommers", "coinbase", "state_root", "transactions_root", "receipts_root", "bloom", "difficulty",
    "number", "gas_limit", "gas_used", "timestamp", "extra", "mix", "nonce", "base_fee", "withdrawals_root",
    "blob_gas_used", "excess_blob_gas", "beacon_root", "requests_hash",
)  # fmt: skip


class Invalid(Exception):
    """A verdict."""


class Skipped(Exception):
    """A transaction that can be executed in no block where it stands."""


class Full(Exception):
    """It asks for more gas than the block has left."""


def encode_header(header):
    parts = (header[name] for name in HEADER)
    return rlp.rlp_list([rlp.rlp_number(part) if isinstance(part, int) else rlp.rlp(part) for part in parts])


def decode_header(data):
    rest, after = rlp.rlp_split(data, True)
    rlp.demand(not after, "bytes after a header")
    header = {}
    for name in HEADER:
        header[name], rest = rlp.rlp_split(rest, False)
    rlp.demand(not rest, "another field")
    numbers = ("difficulty", "number", "gas_limit", "gas_used", "timestamp", "base_fee", "blob_gas_used")
    for name in (*numbers, "excess_blob_gas"):
        header[name] = int.from_bytes(header[name], "big")
    return header


def quantity(text):
    return int(text, 16) if isinstance(text, str) else text


class Chain:
    """A chain configuration."""

    def __init__(self, config):
        self.genesis, self.parameters = config["genesis"], config["parameters"]
        text = lambda value: json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        self.hash = keccak256(b"weft/config/v1" + text(self.genesis) + text(self.parameters))
        self.chain_id = self.genesis["config"]["chainId"]
        self.gas_limit = quantity(self.genesis["gasLimit"])
        self.least_base_fee = self.parameters["minBaseFeePerGas"]
        self.coinbase = bytes.fromhex(self.parameters["feeRecipient"][2:])
        self.deadline_ms = self.parameters.get("inboxDeadlineMs", 600_000)
        self.grace_ms = self.parameters.get("inboxGraceMs", 600_000)
        self.osaka_time = self.genesis["config"].get("osakaTime")
        self.has_withdrawals = self.parameters.get("withdrawals", False)

    def most_gas(self, timestamp):
        """That a transaction may ask for (EIP-7825 from Osaka on)."""
        is_osaka = self.osaka_time is not None and self.osaka_time <= timestamp
        return min(self.gas_limit, MOST_GAS_OF_A_TRANSACTION) if is_osaka else self.gas_limit

    def supply(self):
        return sum(quantity(account["balance"]) for account in self.genesis["alloc"].values())

    def genesis_state(self):
        tree = state.Tree()
        accounts = {bytes.fromhex(name[2:]): account for name, account in self.genesis["alloc"].items()}
        accounts.setdefault(HISTORY, {"nonce": 1, "code": "0x" + HISTORY_CODE.hex()})
        if self.has_withdrawals:
            code = (CONTRACTS / "Withdrawals.hex").read_text(encoding="ascii").strip()
            accounts[WITHDRAWALS] = {"nonce": 1, "code": "0x" + code.removeprefix("0x")}
        for address, account in accounts.items():
            code = bytes.fromhex(account.get("code", "0x")[2:])
            delegation = code[3:] if len(code) == 23 and code[:3] == bytes.fromhex("ef0100") else None
            slots = [(int(slot, 16), int(value, 16)) for slot, value in account.get("storage", {}).items()]
            nonce, balance = quantity(account.get("nonce", 0)), quantity(account.get("balance", 0))
            code_hash = keccak256(code) if code else None
            for leaf in state.account_leaves(address, nonce, balance, len(code), code_hash, delegation, slots):
                tree.put(*leaf)
        return tree

    def header(self, **fields):
        return {
            "ommers": NO_OMMERS, "coinbase": self.coinbase, "bloom": bytes(256), "difficulty": 0,
            "gas_limit": self.gas_limit, "extra": b"", "nonce": bytes(8), "withdrawals_root": EMPTY_LIST,
            "blob_gas_used": 0, "excess_blob_gas": 0, "beacon_root": bytes(32), "requests_hash": NO_REQUESTS, **fields,
        }  # fmt: skip

    def genesis_header(self, tree):
        return self.header(
            parent_hash=self.hash, state_root=tree.root(), transactions_root=EMPTY_LIST, receipts_root=EMPTY_LIST,
            number=0, gas_used=0, timestamp=quantity(self.genesis["timestamp"]),
            extra=bytes.fromhex(self.genesis["extraData"][2:]), mix=bytes.fromhex(self.genesis["mixHash"][2:]),
            base_fee=max(quantity(self.genesis.get("baseFeePerGas") or 0), self.least_base_fee),
        )  # fmt: skip

    def next_base_fee(self, parent):
        """EIP-1559's, but not below the configuration's."""
        target, used, fee = parent["gas_limit"] // 2, parent["gas_used"], parent["base_fee"]
        if used > target:
            fee += max(1, fee * (used - target) // target // 8)
        elif used < target:
            fee -= fee * (target - used) // target // 8
        return max(fee, self.least_base_fee)


class Transaction:
    """Signed bytes of type 0, 1 or 2; Refused if they are no transaction of the chain."""

    def __init__(self, raw, chain_id):
        rlp.demand(len(raw) <= batch.MAX_TRANSACTION_BYTES and raw, "length")
        self.raw, self.type = raw, raw[0] if raw[0] in (1, 2) else 0
        rlp.demand(self.type or raw[0] >= 0xC0, "a type that is not executed here")
        payload, after = rlp.rlp_split(raw[1:] if self.type else raw, True)
        rlp.demand(not after, "bytes after a transaction")
        parts = []
        while payload:
            is_list = payload[0] >= 0xC0
            content, rest = rlp.rlp_split(payload, is_list)
            parts.append((content, payload[: len(payload) - len(rest)]))
            payload = rest
        names = {
            0: "nonce price gas to value data v r s",
            1: "chain nonce price gas to value data list v r s",
            2: "chain nonce priority price gas to value data list v r s",
        }[self.type].split()
        rlp.demand(len(parts) == len(names), "number of fields")
        fields = dict(zip(names, (content for content, _ in parts)))
        number = lambda name: int.from_bytes(fields[name], "big")
        bits = {"nonce": 64, "gas": 64, "price": 128, "priority": 128, "chain": 64, "v": 64}
        for name in set(names) - {"to", "data", "list"}:
            rlp.demand(not fields[name] or fields[name][0], "a leading zero")
            rlp.demand(number(name) < 1 << bits.get(name, 256), "a number too large")
        rlp.demand(len(fields["to"]) in (0, 20), "a recipient")
        self.nonce, self.price, self.gas, self.value = map(number, ("nonce", "price", "gas", "value"))
        self.priority = number("priority") if self.type == 2 else self.price
        self.to, self.data = fields["to"], fields["data"]
        self.addresses, self.keys = access(fields.get("list", b""))
        unsigned = [encoded for _, encoded in parts[:-3]]
        v = number("v")
        if self.type:
            rlp.demand(number("chain") == chain_id, "another chain")
        elif v not in (27, 28):
            rlp.demand(v in (35 + 2 * chain_id, 36 + 2 * chain_id), "another chain")
            unsigned += [rlp.rlp_number(chain_id), rlp.rlp_number(0), rlp.rlp_number(0)]
            v -= 35 + 2 * chain_id
        else:
            v -= 27
        digest = keccak256((bytes([self.type]) if self.type else b"") + rlp.rlp_list(unsigned))
        signature = number("r").to_bytes(32, "big") + number("s").to_bytes(32, "big") + bytes([27 + v])
        verdict, self.sender = secp256k1.recover(digest, signature)
        rlp.demand(v in (0, 1) and verdict == "ok", "signature")

    def least_gas(self):
        """Gas that it uses, to an account without code: what EIP-2028 and EIP-2930 ask, at least what EIP-7623 does."""
        tokens = sum(4 if byte else 1 for byte in self.data)
        return 21_000 + max(4 * tokens + 2_400 * self.addresses + 1_900 * self.keys, 10 * tokens)


def access(content):
    """Addresses and storage keys in an access list."""
    addresses = keys = 0
    while content:
        entry, content = rlp.rlp_split(content, True)
        address, rest = rlp.rlp_split(entry, False)
        slots, rest = rlp.rlp_split(rest, True)
        rlp.demand(len(address) == 20 and not rest, "access list")
        addresses += 1
        while slots:
            slot, slots = rlp.rlp_split(slots, False)
            rlp.demand(len(slot) == 32, "access list")
            keys += 1
    return addresses, keys


class Block:
    """A block in the making. State is written through to the tree."""

    def __init__(self, chain, tree, parent, timestamp):
        self.chain, self.tree, self.parent, self.timestamp = chain, tree, parent, timestamp
        self.parent_hash = keccak256(encode_header(parent))
        self.base_fee = chain.next_base_fee(parent)
        self.gas_used, self.transactions, self.receipts = 0, [], []
        tree.put(state.slot_key(HISTORY, parent["number"] % HISTORY_WINDOW), self.parent_hash)

    def account(self, address):
        """Code size, nonce, balance."""
        data = self.tree.get(state.header_key(address, 0)) or bytes(32)
        return int.from_bytes(data[4:8], "big"), int.from_bytes(data[8:16], "big"), int.from_bytes(data[16:], "big")

    def change(self, address, balance, nonce=0):
        """Adds to both; an account that stays empty has no leaf."""
        size, nonce_before, balance_before = self.account(address)
        self.tree.put(state.header_key(address, 0), state.basic_data(size, nonce_before + nonce, balance_before + balance))

    def items(self, items):
        """Consumes inbox items; how many."""
        for consumed, item in enumerate(items):
            if consumed == batch.MAX_INBOX_ITEMS:
                return consumed
            if "deposit" in item:
                deposit = item["deposit"]
                self.change(bytes.fromhex(deposit["to"]), int(deposit["amount"]))
                continue
            try:
                self.execute(Transaction(bytes.fromhex(item["transaction"]), self.chain.chain_id))
            except (Skipped, rlp.Refused):
                pass
            except Full:
                return consumed
        return len(items)

    def execute(self, transaction):
        if transaction.gas > self.chain.most_gas(self.timestamp):
            raise Skipped("gas above all limits")
        if transaction.gas > self.chain.gas_limit - self.gas_used:
            raise Full
        size, nonce, balance = self.account(transaction.sender)
        good = (
            transaction.price >= self.base_fee and transaction.priority <= transaction.price
            and transaction.gas >= transaction.least_gas() and size == 0
            and transaction.nonce == nonce < 2**64 - 1
            and balance >= transaction.gas * transaction.price + transaction.value
        )  # fmt: skip
        if not good:
            raise Skipped
        assert len(transaction.to) == 20 and self.account(transaction.to)[0] == 0, "this needs an EVM"
        tip = min(transaction.price - self.base_fee, transaction.priority)
        gas = transaction.least_gas()
        self.change(transaction.sender, -gas * (self.base_fee + tip) - transaction.value, 1)
        self.change(transaction.to, transaction.value)
        self.change(self.chain.coinbase, gas * tip)
        self.gas_used += gas
        receipt = [rlp.rlp_number(1), rlp.rlp_number(self.gas_used), rlp.rlp(bytes(256)), rlp.rlp_list([])]
        kind = bytes([transaction.type]) if transaction.type else b""
        self.transactions.append(transaction.raw)
        self.receipts.append(kind + rlp.rlp_list(receipt))

    def header(self):
        number = self.parent["number"] + 1
        return self.chain.header(
            parent_hash=self.parent_hash, state_root=self.tree.root(),
            transactions_root=rlp.list_root(self.transactions), receipts_root=rlp.list_root(self.receipts),
            number=number, gas_used=self.gas_used, timestamp=self.timestamp, base_fee=self.base_fee,
            mix=keccak256(b"weft/prevrandao/v1" + self.parent_hash + number.to_bytes(8, "big")),
        )  # fmt: skip


class Checkpoint:
    """Where the next batch starts."""

    def __init__(self, header, next_batch=0, parent_commitment=bytes(32), cursor=0, acc=bytes(32)):
        self.header, self.next_batch, self.commitment = header, next_batch, parent_commitment
        self.cursor, self.acc = cursor, acc

    def after(self, header, claim, encoded):
        following = commitment.commitment_hash(encoded)
        return Checkpoint(header, claim["batch_index"] + 1, following, claim["inbox_to"], claim["inbox_acc"])


def demand_equal(pairs, why="INVALID_STF"):
    for found, wanted in pairs:
        if found != wanted:
            raise Invalid(why)


def judge(chain, tree, checkpoint, claimed, data, inbox, posted_ms):
    """The verdict on a batch; if it is `valid`, its headers, the state after it, and where the next one starts."""
    try:
        headers, tree, checkpoint = verify(chain, tree, checkpoint, claimed, data, inbox, posted_ms)
    except Invalid as verdict:
        return str(verdict), [], None, None
    except state.Missing:
        return "undecided", [], None, None
    return "valid", headers, tree, checkpoint


def verify(chain, tree, checkpoint, claimed, data, inbox, posted_ms):
    claim = commitment.decode(claimed)
    parent = checkpoint.header
    demand_equal((
        (claim["version"], 1), (claim["chain_id"], chain.chain_id), (claim["config_hash"], chain.hash),
        (claim["batch_index"], checkpoint.next_batch), (claim["parent_commitment"], checkpoint.commitment),
        (claim["first_block"], parent["number"] + 1), (claim["pre_state_root"], parent["state_root"]),
        (claim["inbox_from"], checkpoint.cursor),
    ))  # fmt: skip
    demand_equal([(plain(data), claim["payload_hash"])], "undecided")
    demand_equal([(len(data), claim["payload_len"])])
    try:
        decoded = batch.decode(data)
    except rlp.Refused as error:
        raise Invalid("UNDECODABLE") from error
    blocks = decoded["blocks"]
    demand_equal((
        (decoded["chain_id"], chain.chain_id), (decoded["first_block"], claim["first_block"]),
        (claim["first_block"] + len(blocks) - 1, claim["last_block"]), (decoded["inbox_from"], claim["inbox_from"]),
        (blocks[0]["timestamp"], claim["first_timestamp"]), (blocks[-1]["timestamp"], claim["last_timestamp"]),
    ))  # fmt: skip
    times = [parent["timestamp"], *(block["timestamp"] for block in blocks)]
    if sorted(times) != times or max(times[1:]) > posted_ms // 1_000 + DRIFT_S:
        raise Invalid("BAD_TIMESTAMP")
    demand_equal([(claim["inbox_from"] + sum(block["inbox_count"] for block in blocks), claim["inbox_to"])])
    items = inbox[claim["inbox_from"] : claim["inbox_to"]]
    if len(items) < claim["inbox_to"] - claim["inbox_from"]:
        raise Invalid("undecided")
    acc = checkpoint.acc
    for item in items:
        acc = log.accumulate(acc, log.encode_item(item))
    demand_equal([(acc, claim["inbox_acc"])])
    left = inbox[claim["inbox_to"] :]
    if left and left[0]["time_ms"] + chain.deadline_ms <= posted_ms:
        raise Invalid("FORCED_INCLUSION")
    tree = state.Tree(tree.top)
    headers, transactions, gas = [], 0, 0
    for block in blocks:
        made = Block(chain, tree, parent, block["timestamp"])
        if made.items(items[: block["inbox_count"]]) != block["inbox_count"]:
            raise Invalid("LIMITS")
        items = items[block["inbox_count"] :]
        for raw in block["transactions"]:
            try:
                made.execute(Transaction(bytes.fromhex(raw), chain.chain_id))
            except (Skipped, Full, rlp.Refused) as error:
                raise Invalid("INVALID_TRANSACTION") from error
        parent = made.header()
        headers.append(parent)
        transactions, gas = transactions + len(made.transactions), gas + made.gas_used
    demand_equal((
        (claim["last_block_hash"], keccak256(encode_header(parent))), (claim["post_state_root"], parent["state_root"]),
        (claim["tx_count"], transactions), (claim["gas_used"], gas),
        (claim["withdrawals_root"], bytes(32)), (claim["withdrawals_count"], 0),
    ))  # fmt: skip
    return headers, tree, checkpoint.after(parent, claim, claimed)


def read_witness(data):
    """Codes, and the part of the state tree; ValueError, EOFError or Refused if the bytes are no witness."""
    reader = batch.Reader(data)
    codes = []
    for _ in range(reader.uvarint()):
        length = reader.uvarint()
        rlp.demand(length, "an empty code")
        codes.append(reader.take(length))
    return codes, state.Tree.decode(reader.rest())


def judge_on_witness(chain, checkpoint, claimed, data, inbox, posted_ms, witness):
    try:
        _, tree = read_witness(witness)
    except (ValueError, EOFError, rlp.Refused):
        return "undecided"
    if tree.root() != checkpoint.header["state_root"]:
        return "undecided"
    return judge(chain, tree, checkpoint, claimed, data, inbox, posted_ms)[0]


def forced(chain, tree, checkpoint, waiting, anchor, epoch):
    """The commitment of a forced batch, its block's header, the state after it, and where the next one starts."""
    seq, anchor_hash, anchor_ms = anchor
    parent = checkpoint.header
    time = max(parent["timestamp"], anchor_ms // 1_000)
    tree = state.Tree(tree.top)
    block = Block(chain, tree, parent, time)
    consumed = waiting[: block.items(waiting)]
    header = block.header()
    acc = checkpoint.acc
    for item in consumed:
        acc = log.accumulate(acc, log.encode_item(item))
    claim = {
        "version": 1, "chain_id": chain.chain_id, "config_hash": chain.hash, "batch_index": checkpoint.next_batch,
        "parent_commitment": checkpoint.commitment, "first_block": header["number"], "last_block": header["number"],
        "last_block_hash": keccak256(encode_header(header)), "first_timestamp": time, "last_timestamp": time,
        "pre_state_root": parent["state_root"], "post_state_root": header["state_root"], "da_data_root": bytes(32),
        "payload_hash": bytes(32), "payload_len": 0, "da_height": 0, "inbox_from": checkpoint.cursor,
        "inbox_to": checkpoint.cursor + len(consumed), "inbox_acc": acc, "withdrawals_root": bytes(32),
        "withdrawals_count": 0, "anchor_seq": seq, "anchor_hash": anchor_hash, "leader_epoch": epoch,
        "tx_count": len(block.transactions), "gas_used": block.gas_used,
    }  # fmt: skip
    encoded = commitment.encode_raw(claim)
    return encoded, header, tree, checkpoint.after(header, claim, encoded)
