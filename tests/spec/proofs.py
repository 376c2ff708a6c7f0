"""What is judged against a header: index, proofs about it, digests, rows, blobs."""

import hashes
import tree
from block import ENTRY_BYTES, MAX_BLOBS, CODECS, Block, Digester, Entry, bind_count, index_root


def judge_index(header, data):
    data = data[: ENTRY_BYTES * header.blob_count]
    count, rest = divmod(len(data), ENTRY_BYTES)
    if not 1 <= count <= MAX_BLOBS:
        return "count"
    if rest:
        return "decode"
    entries = [Entry.decode(data[at : at + ENTRY_BYTES]) for at in range(0, len(data), ENTRY_BYTES)]
    namespace, end = b"", len(data)
    for entry in entries:
        if entry.namespace < namespace:
            return "order"
        if entry.offset != end or entry.length == 0 or entry.end >= 1 << 64:
            return "place"
        namespace, end = entry.namespace, entry.end
    if index_root(entries) != header.blob_index_root:
        return "root"
    return "ok" if end == header.shape.total_len else "end"


def in_payload(header, entry):
    return entry.length > 0 and entry.end <= header.shape.total_len


def judge_blob_proof(header, position, entry, path):
    if position >= header.blob_count:
        return "position"
    if 1 << len(path) != tree.width(header.blob_count):
        return "root"
    root = tree.root_of_path(tree.INDEX, position, entry.encode(), path)
    if bind_count(header.blob_count, root) != header.blob_index_root:
        return "root"
    return "ok" if in_payload(header, entry) else "place"


def judge_namespace_proof(header, namespace, first, entries, outside):
    """The verdict, and the entries of the namespace if it is `ok`."""
    end = first + len(entries)
    if not entries or end > header.blob_count:
        return "position", None
    parts = [entry.encode() for entry in entries]
    root = tree.root_of_run(tree.INDEX, tree.width(header.blob_count), first, parts, outside)
    if root is None or bind_count(header.blob_count, root) != header.blob_index_root:
        return "root", None
    below = above = 0
    while below < len(entries) and entries[below].namespace < namespace:
        below += 1
    while above < len(entries) and entries[-1 - above].namespace > namespace:
        above += 1
    inside = entries[below : len(entries) - above]
    closed_left = below == 1 or (below == 0 and first == 0)
    closed_right = above == 1 or (above == 0 and end == header.blob_count)
    apart = below + above <= len(entries) and all(entry.namespace == namespace for entry in inside)
    if not (closed_left and closed_right and apart):
        return "incomplete", None
    if not all(in_payload(header, entry) for entry in inside):
        return "place", None
    return "ok", inside


def judge_digests(header, data):
    """The verdict, and the digests of all 4k rows if it is `ok`."""
    shape = header.shape
    if len(data) != 16 * shape.k:
        return "length", None
    digests = [data[at : at + 16] for at in range(0, len(data), 16)]
    if tree.Tree(tree.DIGESTS, digests).root != header.digest_root:
        return "root", None
    return "ok", CODECS[shape.codec].extend(digests)


def judge_row(header, extended, index, row, path):
    shape = header.shape
    if index >= 4 * shape.k:
        return "index"
    if len(row) != shape.row_len:
        return "row_length"
    if len(path) != shape.path_len:
        return "path_length"
    if tree.root_of_path(tree.ROWS, index, row, path) != header.row_root:
        return "bad_path"
    digest = Digester(shape, header.row_root).digest(row)
    return "ok" if digest == extended[index] else "digest_mismatch"


def rebuild(header, rows):
    """The verdict, and the original rows in one piece, from verified rows by index."""
    shape = header.shape
    if len(rows) < shape.k:
        return "too_few_rows", None
    chosen = {index: rows[index] for index in sorted(rows)[-shape.k :]}
    block = Block(shape, CODECS[shape.codec].restore(chosen))
    verdict = "ok" if block.row_root == header.row_root else "wrong_encoding"
    return verdict, b"".join(block.rows[: shape.k])


def blob_from_rows(header, entry, rows):
    """The verdict, and the blob's data."""
    row_len = header.shape.row_len
    start, end = entry.offset // row_len, -(-entry.end // row_len)
    if any(index not in rows for index in range(start, end)):
        return "missing_row", None
    data = b"".join(rows[index] for index in range(start, end))[entry.offset - start * row_len :][: entry.length]
    return ("ok", data) if hashes.plain(data) == entry.hash else ("void", None)
