#!/usr/bin/env python3
"""Puts a document on the DA layer, gets it back, and proves that it is there and what else is in its namespace.

    pip install grpcio grpcio-tools blake3 eth-keys 'eth-hash[pycryptodome]'
    python3 blobs.py [--da 127.0.0.1:9200]

The proofs are checked by proto/SPEC.md ("Proofs about the index"), with no code of Weft's.
"""

import argparse
import os
import struct

import grpc
from blake3 import blake3
from eth_keys import keys

from stubs import da_pb2 as pb
from stubs import da_pb2_grpc

TIMEOUT_S = 20
CHUNK_BYTES = 1 << 20
LEAF, NODE, COUNT = (f"weft/da/v1 {of} of blob index" for of in ("leaf", "node", "count"))


def keyed(key, data):
    return blake3(data, key=key.encode().ljust(32)).digest()


def put(da, namespace, data):
    """Returns once the block that holds the bytes is on the disk."""

    def parts():
        start = pb.PutStart(namespace=namespace, length=len(data), content_hash=blake3(data).digest())
        yield pb.PutBlobRequest(start=start)
        for at in range(0, len(data), CHUNK_BYTES):
            yield pb.PutBlobRequest(chunk=data[at : at + CHUNK_BYTES])

    return da.PutBlob(parts(), timeout=TIMEOUT_S)


def get(da, namespace, content_hash):
    """The bytes, if they are those that the hash names."""
    parts = da.GetBlob(pb.GetBlobRequest(namespace=namespace, content_hash=content_hash), timeout=TIMEOUT_S)
    data = b"".join(part.chunk for part in parts if part.WhichOneof("part") == "chunk")
    if blake3(data).digest() != content_hash:
        raise ValueError("other bytes than the hash names")
    return data


def header_hash(header):
    """What the producer signs."""
    encoded = struct.pack(
        ">HQQ32sQBIIQ32s32s32sI",
        *(header.version, header.network_id, header.height, header.prev_hash, header.time_ms),
        *(header.codec, header.k, header.row_len, header.total_len),
        *(header.row_root, header.digest_root, header.blob_index_root, header.blob_count),
    )
    return blake3(encoded, derive_key_context="weft 2026-11 da header v1").digest()


def check_signature(signed, trusted):
    """The header is signed by the address that is trusted."""
    r, s, v = signed.signature[:32], signed.signature[32:64], signed.signature[64]
    signature = keys.Signature(vrs=(v - 27, int.from_bytes(r), int.from_bytes(s)))
    signer = signature.recover_public_key_from_msg_hash(header_hash(signed.header)).to_canonical_address()
    if signer != trusted:
        raise ValueError("signed by somebody else")


def entry_bytes(entry):
    return struct.pack(">32s32sQQ", entry.namespace, entry.content_hash, entry.offset, entry.length)


def check_root(header, root):
    if keyed(COUNT, header.blob_count.to_bytes(4) + root) != header.blob_index_root:
        raise ValueError("the proof does not lead to the header")


def check_blob(header, blob, proof):
    """The blob's entry is in the index that the header commits to."""
    entry = pb.BlobEntry(
        namespace=blob.namespace, content_hash=blob.content_hash, offset=blob.offset, length=blob.length
    )
    if proof.index >= header.blob_count or 1 << len(proof.path) != 1 << (header.blob_count - 1).bit_length():
        raise ValueError("no such position")
    if blob.length == 0 or blob.offset + blob.length > header.total_len:
        raise ValueError("not a place in the payload")
    current = keyed(LEAF, entry_bytes(entry))
    for level, sibling in enumerate(proof.path):
        pair = sibling + current if proof.index >> level & 1 else current + sibling
        current = keyed(NODE, pair)
    check_root(header, current)


def check_listing(header, namespace, proof):
    """The namespace's entries in a block: all of them, in an index that is in order."""
    first, run = proof.first_index, list(proof.run)
    end, outside = first + len(run), list(proof.outside)
    if not run or end > header.blob_count:
        raise ValueError("no such run")

    def walk(start, stop):
        if stop <= first or end <= start:
            if not outside:
                raise ValueError("a hash is missing")
            return outside.pop(0)
        if stop - start == 1:
            return keyed(LEAF, entry_bytes(run[start - first]))
        middle = (start + stop) // 2
        left = walk(start, middle)
        return keyed(NODE, left + walk(middle, stop))

    root = walk(0, 1 << (header.blob_count - 1).bit_length())
    if outside:
        raise ValueError("a hash too many")
    check_root(header, root)
    below = sum(entry.namespace < namespace for entry in run)
    above = sum(entry.namespace > namespace for entry in run)
    inside = run[below : len(run) - above]
    closed = (below == 1 or below == first == 0) and (above == 1 or (above == 0 and end == header.blob_count))
    if not closed or any(entry.namespace != namespace for entry in inside):
        raise ValueError("entries may be left out")
    return inside


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--da", default="127.0.0.1:9200")
    args = parser.parse_args()
    namespace = b"python example".ljust(32, b"\0")
    document = b"the first line of the ledger, " + os.urandom(16)

    with grpc.insecure_channel(args.da) as channel:
        da = da_pb2_grpc.DataAvailabilityStub(channel)
        # Better known from elsewhere than asked: here the node is trusted for who it is.
        trusted = da.GetInfo(pb.GetInfoRequest(), timeout=TIMEOUT_S).signer_address

        stored = put(da, namespace, document)
        print(f"stored as 0x{stored.blob.content_hash.hex()} in DA block {stored.blob.height}")
        assert put(da, namespace, document).duplicate, "a second put changes nothing"
        assert get(da, namespace, stored.blob.content_hash) == document

        proven = da.GetBlobProof(
            pb.GetBlobProofRequest(namespace=namespace, content_hash=stored.blob.content_hash), timeout=TIMEOUT_S
        )
        check_signature(proven.header, trusted)
        check_blob(proven.header.header, proven.blob, proven.proof)
        print(f"proved with {len(proven.proof.path)} hashes and a signature")
        other = b"somebody wrote another line"
        proven.blob.content_hash = blake3(other).digest()
        try:
            check_blob(proven.header.header, proven.blob, proven.proof)
            raise SystemExit("a document was proved that is not there")
        except ValueError as error:
            print(f"another document is not: {error}")

        newest = da.GetHeader(pb.GetHeaderRequest(), timeout=TIMEOUT_S).header.header.height
        heights, found = 0, []
        listing = pb.ListBlobsRequest(namespace=namespace, to_height=newest)
        for message in da.ListBlobs(listing, timeout=TIMEOUT_S):
            for height in message.heights:
                heights += 1
                assert height.header.header.height == heights, "a height is missing"
                check_signature(height.header, trusted)
                found += check_listing(height.header.header, namespace, height.proof)
        assert heights == newest and any(entry.content_hash == stored.blob.content_hash for entry in found)
        print(f"{len(found)} documents in {heights} blocks, none left out")


if __name__ == "__main__":
    main()
