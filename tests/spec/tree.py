"""Hash trees, paths in them, and runs of neighbouring leaves."""

from hashes import keyed

ROWS = ("weft/da/v1 leaf of the row tree", "weft/da/v1 node of the row tree")
DIGESTS = ("weft/da/v1 leaf of digest tree", "weft/da/v1 node of digest tree")
INDEX = ("weft/da/v1 leaf of blob index", "weft/da/v1 node of blob index")


def leaf(kind, data):
    return keyed(kind[0], data)


def node(kind, left, right):
    return keyed(kind[1], left + right)


def width(count):
    """The next power of two."""
    return 1 << (count - 1).bit_length()


class Tree:
    """All levels, leaves first."""

    def __init__(self, kind, parts):
        level = [leaf(kind, part) for part in parts]
        level += [bytes(32)] * (width(len(level)) - len(level))
        self.levels = [level]
        while len(level) > 1:
            level = [node(kind, level[at], level[at + 1]) for at in range(0, len(level), 2)]
            self.levels.append(level)
        self.root = level[0]

    def path(self, index):
        return [level[(index >> height) ^ 1] for height, level in enumerate(self.levels[:-1])]


def root_of_path(kind, index, data, path):
    current = leaf(kind, data)
    for height, sibling in enumerate(path):
        current = node(kind, sibling, current) if index >> height & 1 else node(kind, current, sibling)
    return current


def root_of_run(kind, leaves, first, parts, outside):
    """Root of a tree of so many leaves from a run of them and the hashes outside; None if these do not fit."""
    hashes = list(outside)

    def walk(start, end):
        if end <= first or first + len(parts) <= start:
            return hashes.pop(0)
        if end - start == 1:
            return leaf(kind, parts[start - first])
        middle = (start + end) // 2
        left = walk(start, middle)
        return node(kind, left, walk(middle, end))

    try:
        root = walk(0, leaves)
    except IndexError:
        return None
    return None if hashes else root
