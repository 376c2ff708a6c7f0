#!/usr/bin/env bash
# Runs the README's tour line by line against `weft dev`, as a newcomer would.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${WEFT_BIN:-target/release/weft}
folder=$(mktemp -d)
"$bin" dev --data-dir "$folder/data" >"$folder/log" 2>&1 &
dev=$!
finish() {
    kill "$dev" 2>/dev/null && wait "$dev" || true
    rm -rf "$folder"
}
trap finish EXIT

for _ in $(seq 300); do
    grep -qx ready "$folder/log" && break
    kill -0 "$dev" 2>/dev/null || { cat "$folder/log"; exit 1; }
    sleep 0.1
done
grep -qx ready "$folder/log" || { cat "$folder/log"; echo "weft dev is not ready after 30 s"; exit 1; }

# The tour's code blocks, without the one that starts the rollup.
awk '/^## /{ tour = /five-minute tour/ } tour && /^```/{ code = !code; next } tour && code' README.md |
    grep -v '^make dev' >"$folder/tour"
[ "$(wc -l <"$folder/tour")" -ge 8 ] || { echo "the README has no tour"; exit 1; }

mkdir "$folder/work"
bin=$(realpath "$bin")
cd "$folder/work"
export PATH="$(dirname "$bin"):$PATH"
if ! bash -euo pipefail -x "$folder/tour"; then
    echo "the tour failed; the end of the log of weft dev:"
    tail -40 "$folder/log"
    exit 1
fi
echo "tour: $(wc -l <"$folder/tour") lines ran"
