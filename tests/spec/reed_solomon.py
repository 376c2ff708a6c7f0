"""The Reed-Solomon codes of the specification, by interpolation: O(n^2) a column, nothing clever.

Symbols are held as logarithms, so that a product is a sum; ZERO is the
logarithm of 0, so great that every sum with it is looked up as 0.
"""

from functools import lru_cache

BASIS = [
    0x0001, 0xACCA, 0x3C0E, 0x163E, 0xC582, 0xED2E, 0x914C, 0x4012,
    0x6C98, 0x10D8, 0x6A72, 0xB900, 0xFDB8, 0xFB34, 0xFF38, 0x991E,
]  # fmt: skip


class Field:
    """GF(2^bits) modulo a polynomial of which x is a generator, written in a basis."""

    def __init__(self, bits, polynomial, basis):
        size = 1 << bits
        self.order = size - 1
        self.zero = 2 * self.order
        written = [0] * size  # the element's polynomial
        for bit, element in enumerate(basis):
            for low in range(1 << bit):
                written[low + (1 << bit)] = written[low] ^ element
        number = [0] * size  # the polynomial's element
        for element, value in enumerate(written):
            number[value] = element
        self.exp = []
        value = 1
        for _ in range(self.order):
            self.exp.append(number[value])
            value <<= 1
            if value >> bits:
                value ^= polynomial
        assert value == 1 and len(set(self.exp)) == self.order, "x is not a generator"
        self.log = [self.zero] * size
        for power, element in enumerate(self.exp):
            self.log[element] = power
        self.exp = self.exp * 2 + [0] * (3 * self.order)

    def mul(self, a, b):
        return self.exp[self.log[a] + self.log[b]]


class Codec:
    def __init__(self, field, granule, symbol_bytes):
        self.field, self.granule, self.symbol_bytes = field, granule, symbol_bytes

    def symbols(self, row):
        """The symbols of a row or digest."""
        if self.symbol_bytes == 1:
            return list(row)
        half = min(64, len(row)) // 2
        found = []
        for start in range(0, len(row), 2 * half):
            chunk = row[start : start + 2 * half]
            found += [low | high << 8 for low, high in zip(chunk[:half], chunk[half:])]
        return found

    def row(self, symbols):
        """Inverse of `symbols`."""
        if self.symbol_bytes == 1:
            return bytes(symbols)
        step = min(32, len(symbols))
        row = bytearray()
        for start in range(0, len(symbols), step):
            chunk = symbols[start : start + step]
            row += bytes(symbol & 255 for symbol in chunk) + bytes(symbol >> 8 for symbol in chunk)
        return bytes(row)

    def at(self, points, rows, targets):
        """Rows at `targets` of the polynomials through `rows` at `points`."""
        exp, log = self.field.exp, self.field.log
        known = [[log[symbol] for symbol in self.symbols(row)] for row in rows]
        made = []
        for factors in factors_of(self.field, tuple(points), tuple(targets)):
            total = [0] * len(known[0])
            for factor, symbols in zip(factors, known):
                total = [sum_ ^ exp[factor + symbol] for sum_, symbol in zip(total, symbols)]
            made.append(self.row(total))
        return made

    def extend(self, originals):
        """All 4k rows."""
        k = len(originals)
        return originals + self.at(range(k), originals, range(k, 4 * k))

    def restore(self, rows):
        """The original rows from k rows by index."""
        k = len(rows)
        points = sorted(rows)
        return self.at(points, [rows[point] for point in points], range(k))


@lru_cache(maxsize=64)
def factors_of(field, points, targets):
    """Lagrange's factors, as logarithms: for each target what each point contributes."""
    log, order = field.log, field.order
    # Logarithm of 1 over the product of all differences to the other points.
    weights = [-sum(log[at ^ other] for other in points if other != at) % order for at in points]
    found = []
    for target in targets:
        if target in points:
            found.append([0 if at == target else field.zero for at in points])
            continue
        product = sum(log[target ^ at] for at in points)
        found.append([(product + weight - log[target ^ at]) % order for at, weight in zip(points, weights)])
    return found


CODECS = {
    1: Codec(Field(8, 0x11D, [1 << bit for bit in range(8)]), 16, 1),
    2: Codec(Field(16, 0x1002D, BASIS), 64, 2),
}
