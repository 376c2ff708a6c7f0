"""Recoverable ECDSA over secp256k1, as far as the specification needs it. Slow, and not for secrets."""

import hashlib
import hmac
from functools import lru_cache

from hashes import keccak256

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)


def add(a, b):
    """Sum of two points; None is the point at infinity."""
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def multiply(point, factor):
    total = None
    while factor:
        if factor & 1:
            total = add(total, point)
        point = add(point, point)
        factor >>= 1
    return total


def address(point):
    return keccak256(point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big"))[12:]


def address_of_key(key):
    return address(multiply(G, int.from_bytes(key, "big")))


@lru_cache(maxsize=4_096)
def recover(digest, signature):
    """A verdict, and the signer's address if it is `ok`."""
    r, s, v = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:64], signature[64:]))
    if v not in (27, 28):
        return "signature_v", None
    if s > N // 2:
        return "signature_high_s", None
    if not (0 < r < N and 0 < s < N):
        return "signature_unrecoverable", None
    square = (pow(r, 3, P) + 7) % P
    y = pow(square, (P + 1) // 4, P)
    if y * y % P != square:
        return "signature_unrecoverable", None
    if y % 2 != v - 27:
        y = P - y
    inverse = pow(r, -1, N)
    message = int.from_bytes(digest, "big")
    key = add(multiply((r, y), s * inverse % N), multiply(G, -message * inverse % N))
    return ("ok", address(key)) if key else ("signature_unrecoverable", None)


def sign(digest, key):
    """The signature with the nonce of RFC 6979 (SHA-256)."""
    message = (int.from_bytes(digest, "big") % N).to_bytes(32, "big")
    mac = lambda key, data: hmac.new(key, data, hashlib.sha256).digest()
    k, v = bytes(32), b"\x01" * 32
    for separator in (b"\x00", b"\x01"):
        k = mac(k, v + separator + key + message)
        v = mac(k, v)
    while True:
        v = mac(k, v)
        nonce = int.from_bytes(v, "big")
        if 0 < nonce < N:
            break
        k = mac(k, v + b"\x00")
        v = mac(k, v)
    point = multiply(G, nonce)
    r, odd = point[0] % N, point[1] % 2
    s = pow(nonce, -1, N) * (int.from_bytes(message, "big") + r * int.from_bytes(key, "big")) % N
    if s > N // 2:
        s, odd = N - s, 1 - odd
    return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + odd])
