#!/usr/bin/env bash
# Recomputes the golden vectors (proto/vectors) with the second implementation in tests/spec; without an argument also
# looks whether it finds changed ones out.
# Its packages lie in $WEFT_CACHE/spec (default ~/.cache/weft/spec), installed anew when requirements.txt changes.
set -euo pipefail
cd "$(dirname "$0")/spec"
cache=${WEFT_CACHE:-$HOME/.cache/weft}/spec
python=$cache/python/bin/python
if ! cmp -s requirements.txt "$cache/installed" || ! "$python" -c 'import blake3, zstandard' 2>/dev/null; then
    rm -rf "$cache"
    mkdir -p "$cache"
    python3 -m venv "$cache/python"
    "$python" -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
    cp requirements.txt "$cache/installed"
fi
"$python" check.py "$@"
# And that these checks can fail.
[ $# -gt 0 ] || "$python" damage.py
