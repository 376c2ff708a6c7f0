#!/usr/bin/env bash
# Runs the guides (config/guides) as they stand, each in an empty folder and within a limit of time:
#
#   tests/guides.sh                   all
#   tests/guides.sh foundry operate   some
#
# The services' usual ports must be free.
set -euo pipefail
cd "$(dirname "$0")/.."
export REPO=$PWD
bin=$(realpath "${WEFT_BIN:-target/release/weft}")
export WEFT_CACHE=${WEFT_CACHE:-$HOME/.cache/weft}
tests/clients/setup
cache=$WEFT_CACHE/clients
limit_s=120

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Tools come from the cache, and fetch nothing.
mkdir "$work/bin"
ln -s "$bin" "$work/bin/weft"
for tool in cast forge; do
    packaged=$cache/node_modules/@foundry-rs/$tool-linux-amd64/bin/$tool
    if [ -x "$packaged" ]; then ln -s "$packaged" "$work/bin/$tool"; fi
done
export PATH="$work/bin:$PATH" FOUNDRY_OFFLINE=true FOUNDRY_SOLC=$REPO/tests/clients/lib/solc.mjs CI=true

# Ends what a guide has started, and nothing else, however the guide ends.
cat >"$work/around" <<'END'
set -euo pipefail
end() {
    local code=$?
    trap - EXIT
    set +e
    for pid in $(jobs -p); do kill "$pid" 2>/dev/null; done
    wait
    exit "$code"
}
trap end EXIT
trap 'exit 143' TERM
END

[ $# -gt 0 ] || set -- foundry hardhat services light-client auditor namespace operate
failed=0
for name in "$@"; do
    folder=$work/$name
    mkdir -p "$folder/home"
    ln -s "$cache/node_modules" "$folder/node_modules"
    { cat "$work/around" && awk '/^```/{ code = $0 == "```sh"; next } code' "config/guides/$name.md"; } >"$folder/script"
    [ "$(wc -l <"$folder/script")" -gt $(($(wc -l <"$work/around") + 8)) ] || { echo "$name.md has no script"; exit 1; }
    start=$SECONDS
    if (cd "$folder" && HOME=$folder/home timeout --kill-after=20 "$limit_s" bash -x script >output 2>&1); then
        echo "ok guide: $name ($((SECONDS - start)) s)"
    else
        echo "not ok guide: $name ($((SECONDS - start)) s)"
        tail -40 "$folder/output" | sed 's/^/    /'
        for log in "$folder"/*.log; do
            if [ -e "$log" ]; then echo "    the end of $(basename "$log"):" && tail -15 "$log" | sed 's/^/        /'; fi
        done
        failed=1
    fi
done
exit "$failed"
