#!/usr/bin/env bash
# Runs the Ethereum clients' checks (tests/clients) against `weft dev`.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${WEFT_BIN:-target/release/weft}
export WEFT_CACHE=${WEFT_CACHE:-$HOME/.cache/weft}
tests/clients/setup
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
if ! tests/clients/run http://127.0.0.1:8545 ws://127.0.0.1:8545; then
    echo "the end of the log of weft dev:"
    tail -40 "$folder/log"
    exit 1
fi
