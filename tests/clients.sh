#!/usr/bin/env bash
# Runs the Ethereum clients' checks (tests/clients) against `weft dev`. Where the sources of ethereum/execution-apis are
# at hand (WEFT_EXECUTION_APIS, or their archive in ../shared/data), all answers are judged by their schemas on the way.
set -euo pipefail
cd "$(dirname "$0")/.."
export WEFT_CACHE=${WEFT_CACHE:-$HOME/.cache/weft}
tests/clients/setup
. tests/dev.sh
judge=
trap '[ -z "$judge" ] || kill "$judge" 2>/dev/null || true; end_dev' EXIT
start_dev

rpc=http://127.0.0.1:8545
ws=ws://127.0.0.1:8545
apis=${WEFT_EXECUTION_APIS:-}
archive=../shared/data/execution-apis.tar.zst
if [ -z "$apis" ] && [ -f "$archive" ]; then
    mkdir "$folder/apis"
    tar --zstd -xf "$archive" -C "$folder/apis"
    apis=$folder/apis/execution-apis
fi
if [ -d "$apis/src" ]; then
    node tests/clients/schemas.mjs --rpc "$rpc" --sources "$apis/src" --ready "$folder/judge" >"$folder/schemas" 2>&1 &
    judge=$!
    for _ in $(seq 100); do
        [ -f "$folder/judge" ] && break
        kill -0 "$judge" 2>/dev/null || { cat "$folder/schemas"; exit 1; }
        sleep 0.1
    done
    rpc=$(cat "$folder/judge")
    ws=${rpc/http/ws}
else
    echo "answers are not judged by schemas: no sources of ethereum/execution-apis here"
fi

failed=
tests/clients/run "$rpc" "$ws" || failed=clients
if [ -n "$judge" ]; then
    kill "$judge"
    wait "$judge" || failed="$failed schemas"
    judge=
    cat "$folder/schemas"
fi
[ -z "$failed" ] || fail_dev "failed: $failed"
