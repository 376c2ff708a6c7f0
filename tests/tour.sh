#!/usr/bin/env bash
# Runs the README's tour line by line against `weft dev`, as a newcomer would.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/dev.sh
start_dev

# The tour's code blocks, without the one that starts the rollup.
awk '/^## /{ tour = /five-minute tour/ } tour && /^```/{ code = !code; next } tour && code' README.md |
    grep -v '^make dev' >"$folder/tour"
[ "$(wc -l <"$folder/tour")" -ge 8 ] || { echo "the README has no tour"; exit 1; }

mkdir "$folder/work"
cd "$folder/work"
export PATH="$(dirname "$bin"):$PATH"
bash -euo pipefail -x "$folder/tour" || fail_dev "the tour failed"
echo "tour: $(wc -l <"$folder/tour") lines ran"
