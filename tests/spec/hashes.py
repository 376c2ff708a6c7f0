"""The hashes of the specification: BLAKE3 in its modes, and Keccak-256 for addresses."""

from functools import lru_cache

from blake3 import blake3


def plain(data):
    return blake3(data).digest()


def keyed(key, data, length=32):
    """K(key, data), or the start of K*(key, data); the key is filled with spaces."""
    return blake3(data, key=key.encode("ascii").ljust(32)).digest(length=length)


def derived(context, data):
    """D(context, data)."""
    return blake3(data, derive_key_context=context).digest()


class Stream:
    """D*(context, data), read from its start."""

    def __init__(self, context, data):
        self.hasher = blake3(data, derive_key_context=context)
        self.at = 0

    def read(self, length):
        taken = self.hasher.digest(length=length, seek=self.at)
        self.at += length
        return taken


def seeded(seed, length):
    """The bytes that vectors state as a seed and a length."""
    return blake3(seed.to_bytes(8, "big")).digest(length=length)


@lru_cache(maxsize=65_536)
def keccak256(data):
    """Keccak-256 with the padding from before SHA-3, as Ethereum has it."""
    mask = (1 << 64) - 1

    def left(value, by):
        by %= 64
        return (value << by | value >> (64 - by)) & mask

    rate = 136
    padded = bytearray(data) + b"\x01"
    padded += bytes(-len(padded) % rate)
    padded[-1] |= 0x80
    lanes = [[0] * 5 for _ in range(5)]
    for start in range(0, len(padded), rate):
        for at in range(rate // 8):
            word = int.from_bytes(padded[start + 8 * at : start + 8 * at + 8], "little")
            lanes[at % 5][at // 5] ^= word
        register = 1
        for _ in range(24):
            columns = [lanes[x][0] ^ lanes[x][1] ^ lanes[x][2] ^ lanes[x][3] ^ lanes[x][4] for x in range(5)]
            for x in range(5):
                mixed = columns[(x + 4) % 5] ^ left(columns[(x + 1) % 5], 1)
                lanes[x] = [lane ^ mixed for lane in lanes[x]]
            x, y, current = 1, 0, lanes[1][0]
            for step in range(24):
                x, y = y, (2 * x + 3 * y) % 5
                current, lanes[x][y] = lanes[x][y], left(current, (step + 1) * (step + 2) // 2)
            for y in range(5):
                row = [lanes[x][y] for x in range(5)]
                for x in range(5):
                    lanes[x][y] = row[x] ^ (~row[(x + 1) % 5] & mask & row[(x + 2) % 5])
            for bit in range(7):
                if register & 1:
                    lanes[0][0] ^= 1 << ((1 << bit) - 1)
                register = register << 1 ^ (0x171 if register & 0x80 else 0)
    return b"".join(lanes[at % 5][at // 5].to_bytes(8, "little") for at in range(4))
