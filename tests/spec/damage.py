"""Shows that the checks can fail: in every file of vectors, each field is changed, and the change must be found out.

    python damage.py

Fields say what goes in or what must come out; both have to matter. A field need not matter in every vector (bytes that
are refused are refused for the first thing that is wrong), but must in one of those tried.
"""

import copy
import json
import sys
from pathlib import Path

from check import CHECKS, differences

# Say what a vector is, and are not part of it.
LABELS = {"name", "about", "check"}
TRIES = 4


def leaves(value, path=()):
    """Where the plain values in a field are."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from leaves(part, (*path, name))
    elif isinstance(value, list):
        for at, part in enumerate(value):
            yield from leaves(part, (*path, at))
    else:
        yield path


def others(value):
    """Other values of the same kind."""
    if value is None:
        return ["00"]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value + (1 << 40), 0 if value else 1]
    places = {len(value) - 1, *(part * len(value) // 8 for part in range(8))} if value else set()
    digits = [value[:at] + ("2" if value[at] == "1" else "1") + value[at + 1 :] for at in places]
    return digits or ["00"]


def damaged(vector, field):
    """The vector with something changed in a field: its first, middle or last value."""
    paths = list(leaves(vector[field], (field,)))
    for *way, last in {paths[0], paths[len(paths) // 2], paths[-1]} if paths else ():
        place = vector
        for step in way:
            place = place[step]
        for other in others(place[last]):
            made = copy.deepcopy(vector)
            inner = made
            for step in way:
                inner = inner[step]
            inner[last] = other
            yield made


def unnoticed(check, vectors):
    """The fields that could be anything."""
    for field in sorted({name for vector in vectors for name in vector} - LABELS):
        tried = [vector for vector in vectors if field in vector][:TRIES]
        if not any(differences(check, made) for vector in tried for made in damaged(vector, field)):
            yield field


def main():
    vectors = Path(__file__).resolve().parents[2] / "proto" / "vectors"
    failed = 0
    for folder, checks in CHECKS.items():
        for name, check in checks.items():
            kept = json.loads((vectors / folder / f"{name}.json").read_text(encoding="utf-8"))["vectors"]
            for field in unnoticed(check, kept):
                print(f"{folder}/{name}: nobody notices another {field}")
                failed += 1
    print("every field of every file matters" if not failed else f"{failed} fields do not matter")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
