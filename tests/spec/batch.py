"""From the bytes of a batch to its exact signed transactions."""

import zstandard

from rlp import Refused, demand, rlp, rlp_header, rlp_number, rlp_split

COLUMNS = 23
(BLOCK_TIME, BLOCK_TRANSACTIONS, BLOCK_INBOX, SHAPE, SIGNATURE, NONCE, GAS_REF, GAS_TABLE, PRICE_REF, PRICE_TABLE,
 FEE_REF, FEE_TABLE, CONTRACT_REF, ACCOUNT_REF, ADDRESS_TABLE, AMOUNT_FORM, AMOUNT_MANTISSA, AMOUNT_WIDE,
 CALLDATA_LEN, CALLDATA, LISTS, ESCAPE_LEN, ESCAPE) = range(COLUMNS)  # fmt: skip

MAX_BYTES = 8 << 20
MAX_COLUMN_BYTES = 16 << 20
MAX_BLOCKS = 65_536
MAX_TRANSACTIONS = 262_144
MAX_TRANSACTION_BYTES = 131_072
MAX_INBOX_ITEMS = 1_024

SELECTORS = {2: bytes.fromhex("a9059cbb"), 3: bytes.fromhex("23b872dd"), 4: bytes.fromhex("095ea7b3")}


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, count):
        demand(self.at + count <= len(self.data), "bytes end early")
        self.at += count
        return self.data[self.at - count : self.at]

    def byte(self):
        return self.take(1)[0]

    def uvarint(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                demand(byte or not shift, "a longer varint")
                demand(value < 2**64, "a varint above 64 bits")
                return value
            shift += 7
            demand(shift < 70, "a varint above 64 bits")

    def rest(self):
        return self.data[self.at :]

    def finish(self):
        demand(self.at == len(self.data), "bytes left over")


def column(reader, at, budget):
    """The column, decompressed, and what is left of the budget."""
    length = reader.uvarint()
    demand(length <= budget, "too much once decompressed")
    if not length:
        return b"", budget
    codec = reader.byte()
    if codec == 0:
        return reader.take(length), budget - length
    demand(codec == 1 and at not in (SIGNATURE, ADDRESS_TABLE), "codec")
    stored = reader.uvarint()
    demand(stored < length, "zstd saves nothing")
    frame = bytes.fromhex("28b52ffda0") + length.to_bytes(4, "little") + reader.take(stored)
    decompressor = zstandard.ZstdDecompressor().decompressobj()
    try:
        data = decompressor.decompress(frame)
    except zstandard.ZstdError as error:
        raise Refused(f"zstd: {error}") from error
    demand(decompressor.eof and not decompressor.unused_data and len(data) == length, "zstd")
    return data, budget - length


class Table:
    def __init__(self, entries, take):
        self.entries, self.take, self.known = entries, take, []

    def follow(self, references):
        reference = references.uvarint()
        if reference:
            demand(reference <= len(self.known), "a reference past its table")
            return self.known[reference - 1]
        value = self.take(self.entries)
        demand(value not in self.known, "an entry twice")
        self.known.append(value)
        return value


class Decoder:
    def __init__(self, chain_id, columns):
        self.chain_id, self.columns = chain_id, [Reader(data) for data in columns]
        number = lambda reader: reader.uvarint()
        self.gas = Table(self.columns[GAS_TABLE], number)
        self.prices = Table(self.columns[PRICE_TABLE], number)
        self.fees = Table(self.columns[FEE_TABLE], lambda reader: (reader.uvarint(), reader.uvarint()))
        self.addresses = Table(self.columns[ADDRESS_TABLE], lambda reader: reader.take(20))

    def transaction(self):
        shape = self.columns[SHAPE].byte()
        if shape == 255:
            raw = self.columns[ESCAPE].take(self.length(ESCAPE_LEN))
            demand(not fits_columns(raw, self.chain_id), "an escape without need")
            return raw
        form, has_to, has_value, calldata = shape & 7, shape >> 3 & 1, shape >> 4 & 1, shape >> 5
        demand(form <= 4 and calldata <= 4, "an unknown shape")
        signature = self.columns[SIGNATURE].take(64)
        lists = self.lists((0, 0, 1, 1, 2)[form])
        nonce = self.columns[NONCE].uvarint()
        gas = self.gas.follow(self.columns[GAS_REF])
        if form >= 3:
            fees = self.fees.follow(self.columns[FEE_REF])
        else:
            fees = (self.prices.follow(self.columns[PRICE_REF]),)
        to = b""
        if has_to:
            to = self.addresses.follow(self.columns[CONTRACT_REF if calldata else ACCOUNT_REF])
        value = self.amount() if has_value else 0
        demand(value or not has_value, "a value of zero")
        data = self.calldata(calldata)
        raw = join(self.chain_id, form, nonce, fees, gas, to, value, data, lists, signature)
        demand(len(raw) <= MAX_TRANSACTION_BYTES, "a transaction too long")
        return raw

    def length(self, at):
        length = self.columns[at].uvarint()
        demand(length <= MAX_TRANSACTION_BYTES, "a transaction too long")
        return length

    def lists(self, count):
        rest = whole = self.columns[LISTS].rest()
        for _ in range(count):
            _, rest = rlp_split(rest, True)
        return self.columns[LISTS].take(len(whole) - len(rest))

    def amount(self):
        form = self.columns[AMOUNT_FORM].byte()
        if form == 0:
            return 0
        if form <= 78:
            mantissa = self.columns[AMOUNT_MANTISSA].uvarint()
            demand(mantissa % 10, "a multiple of ten")
            amount = mantissa * 10 ** (form - 1)
            demand(amount < 2**256, "an amount above 256 bits")
            return amount
        demand(137 <= form <= 160, "an unknown form")
        data = self.columns[AMOUNT_WIDE].take(form - 128)
        amount = mantissa = int.from_bytes(data, "big")
        demand(data[0], "a leading zero")
        while mantissa % 10 == 0:
            mantissa //= 10
        demand(mantissa >= 2**64, "a small mantissa")
        return amount

    def calldata(self, kind):
        if kind == 0:
            return b""
        if kind == 1:
            data = self.columns[CALLDATA].take(self.length(CALLDATA_LEN))
            demand(data and not is_template(data), "calldata that has a shape")
            return data
        addresses = [self.addresses.follow(self.columns[ACCOUNT_REF]) for _ in range(2 if kind == 3 else 1)]
        words = [bytes(12) + address for address in addresses]
        return SELECTORS[kind] + b"".join(words) + self.amount().to_bytes(32, "big")


def is_template(data):
    for kind, selector in SELECTORS.items():
        addresses = 2 if kind == 3 else 1
        if data[:4] == selector and len(data) == 4 + 32 * (addresses + 1):
            return all(data[4 + 32 * at : 16 + 32 * at] == bytes(12) for at in range(addresses))
    return False


def join(chain_id, form, nonce, fees, gas, to, value, data, lists, signature):
    s = int.from_bytes(signature[32:], "big")
    parity, s = s >> 255, s & (2**255 - 1)
    v = parity + (27 if form == 0 else 35 + 2 * chain_id if form == 1 else 0)
    fields = [rlp_number(chain_id)] if form >= 2 else []
    fields += [rlp_number(nonce)] + [rlp_number(fee) for fee in fees] + [rlp_number(gas), rlp(to), rlp_number(value)]
    fields += [rlp(data), lists, rlp_number(v), rlp_number(int.from_bytes(signature[:32], "big")), rlp_number(s)]
    payload = b"".join(fields)
    return (b"", b"", b"\1", b"\2", b"\4")[form] + rlp_header(len(payload), 0xC0, 0xF7) + payload


def fits_columns(raw, chain_id):
    """Whether these are signed bytes that the columns other than the escape give back."""
    try:
        return split_and_join(raw, chain_id) == raw
    except Refused:
        return False


def split_and_join(raw, chain_id):
    kind = raw[0] if raw and raw[0] in (1, 2, 4) else 0
    rest, _ = rlp_split(raw[1:] if kind else raw, True)
    lists = {0: 0, 1: 1, 2: 1, 4: 2}[kind]

    def string():
        nonlocal rest
        content, rest = rlp_split(rest, False)
        return content

    def number(bits=64):
        content = string()
        demand(not content or content[0], "a leading zero")
        value = int.from_bytes(content, "big")
        demand(value < 2**bits, "a number too large")
        return value

    demand(not kind or number() == chain_id, "another chain")
    nonce = number()
    fees = (number(), number()) if kind in (2, 4) else (number(),)
    gas, to, value, data = number(), string(), number(256), string()
    demand(len(to) in (0, 20), "a recipient")
    before = rest
    for _ in range(lists):
        _, rest = rlp_split(rest, True)
    lists = before[: len(before) - len(rest)]
    v = number(128)
    form = {1: 2, 2: 3, 4: 4}.get(kind, 0 if v in (27, 28) else 1)
    parity = v - (27 if form == 0 else 35 + 2 * chain_id if form == 1 else 0)
    r, s = number(256), number(256)
    demand(parity in (0, 1) and s < 2**255, "a signature")
    signature = r.to_bytes(32, "big") + (s | parity << 255).to_bytes(32, "big")
    return join(chain_id, form, nonce, fees, gas, to, value, data, lists, signature)


def decode(data):
    """Chain id, first block, inbox_from, and for each block its time, inbox count and transactions."""
    demand(len(data) <= MAX_BYTES, "too many bytes")
    reader = Reader(data)
    demand(reader.byte() == 1, "version")
    chain_id, first_block, inbox, count, time = (reader.uvarint() for _ in range(5))
    inbox_from = inbox
    demand(1 <= count <= MAX_BLOCKS and first_block + count - 1 < 2**64, "blocks")
    columns, budget = [], MAX_COLUMN_BYTES
    for at in range(COLUMNS):
        data, budget = column(reader, at, budget)
        columns.append(data)
    reader.finish()
    decoder = Decoder(chain_id, columns)
    entries, total = [], 0
    for at in range(count):
        time += decoder.columns[BLOCK_TIME].uvarint() if at else 0
        items = decoder.columns[BLOCK_INBOX].uvarint()
        transactions = decoder.columns[BLOCK_TRANSACTIONS].uvarint()
        inbox, total = inbox + items, total + transactions
        demand(time < 2**64 and inbox < 2**64, "counters")
        demand(items <= MAX_INBOX_ITEMS and total <= MAX_TRANSACTIONS, "limits")
        entries.append((time, items, transactions))
    demand(len(columns[SHAPE]) == total, "not a shape for each transaction")
    blocks = [
        {
            "timestamp": time,
            "inbox_count": items,
            "transactions": [decoder.transaction().hex() for _ in range(transactions)],
        }
        for time, items, transactions in entries
    ]
    for part in decoder.columns:
        part.finish()
    return {"chain_id": chain_id, "first_block": first_block, "inbox_from": inbox_from, "blocks": blocks}
