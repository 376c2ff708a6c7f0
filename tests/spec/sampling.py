"""Which rows a light client draws, and what it concludes."""

from fractions import Fraction
from math import comb

import hashes

WITHHELD, WRONG = Fraction(1, 4), Fraction(5, 8)
MAX_SAMPLES = 256


def draw(seed, header_hash, rows, count):
    stream = hashes.Stream("weft 2026-11 da sample draw v1", seed + header_hash)
    order = list(range(rows))
    for at in range(min(count, rows)):
        below = rows - at
        limit = 2**32 - 1 - (2**32 - 1) % below
        value = limit
        while value >= limit:
            value = int.from_bytes(stream.read(4), "big")
        other = at + value % below
        order[at], order[other] = order[other], order[at]
    return order[:count]


def confidence(good, missing, chance):
    trials = good + missing
    tail = sum(comb(trials, i) * chance**i * (1 - chance) ** (trials - i) for i in range(good, trials + 1))
    return 1 - tail


def samples_for(wanted):
    for good in range(1, MAX_SAMPLES):
        if min(confidence(good, 0, WITHHELD), confidence(good, 0, WRONG)) >= wanted:
            return good
    return MAX_SAMPLES


def plan(shape, wanted):
    """Whether to sample or to download all, and the bytes of that."""
    cost, whole = shape.sampled_bytes(min(samples_for(wanted), 4 * shape.k)), shape.k * shape.row_len
    return ("sample", cost) if cost < whole else ("download_all", whole)


def verdict(answers):
    """The verdict on a block from the answers for all rows drawn."""
    assert set(answers) <= {"good", "missing", "forged", "wrong"}, answers
    for answer, conclusion in (("wrong", "wrong_encoding"), ("forged", "tampered"), ("missing", "unavailable")):
        if answer in answers:
            return conclusion
    return "available"
