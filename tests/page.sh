#!/usr/bin/env bash
# Looks at the page of `weft dev` with Chromium (tests/page). Screenshots of all views go to $WEFT_PAGE_SHOTS (a temporary
# folder if not given; its path is printed).
set -euo pipefail
cd "$(dirname "$0")/.."
export WEFT_CACHE=${WEFT_CACHE:-$HOME/.cache/weft}
# The contracts are compiled, and the transactions made, with what the clients' checks have.
tests/clients/setup
tests/page/setup
shots=${WEFT_PAGE_SHOTS:-$(mktemp -d)}
. tests/dev.sh
ports=()
for port in rpc sequencer-grpc sequencer-http da-grpc da-http settlement-grpc settlement-http light-grpc light-http; do
    ports+=("--$port-port" 0)
done
start_dev "${ports[@]}" --json
head -1 "$folder/out" >"$folder/endpoints.json"
if ! timeout 600 node tests/page/check.mjs "$folder/endpoints.json" "$shots"; then
    echo "screenshots: $shots"
    fail_dev "the page is not as it should be"
fi
echo "screenshots: $shots"
