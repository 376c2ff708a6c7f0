#!/usr/bin/env bash
# Looks at the page of `weft dev` with Chromium (tests/page). Screenshots of all views go to $WEFT_PAGE_SHOTS (a temporary
# folder if not given; its path is printed).
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${WEFT_BIN:-target/release/weft}
export WEFT_CACHE=${WEFT_CACHE:-$HOME/.cache/weft}
# The contracts are compiled, and the transactions made, with what the clients' checks have.
tests/clients/setup
tests/page/setup
shots=${WEFT_PAGE_SHOTS:-$(mktemp -d)}
folder=$(mktemp -d)
ports=()
for port in rpc sequencer-grpc sequencer-http da-grpc da-http settlement-grpc settlement-http light-grpc light-http; do
    ports+=("--$port-port" 0)
done
"$bin" dev --data-dir "$folder/data" "${ports[@]}" --json >"$folder/out" 2>"$folder/log" &
dev=$!
finish() {
    kill "$dev" 2>/dev/null && wait "$dev" || true
    rm -rf "$folder"
}
trap finish EXIT
for _ in $(seq 300); do
    grep -qx ready "$folder/out" && break
    kill -0 "$dev" 2>/dev/null || { cat "$folder/log"; exit 1; }
    sleep 0.1
done
head -1 "$folder/out" >"$folder/endpoints.json"
if ! timeout 600 node tests/page/check.mjs "$folder/endpoints.json" "$shots"; then
    echo "the end of the log of weft dev:"
    tail -20 "$folder/log"
    echo "screenshots: $shots"
    exit 1
fi
echo "screenshots: $shots"
