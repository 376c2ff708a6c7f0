# Sourced in the repository's root by scripts that need a whole rollup. `start_dev [OPTION...]` starts `weft dev` and waits
# until it is ready; its data, output (`out`) and log are in the temporary folder $folder. It ends, and the folder goes,
# with the script.
bin=$(realpath "${WEFT_BIN:-target/release/weft}")
folder=$(mktemp -d)
dev=

end_dev() {
    [ -z "$dev" ] || { kill "$dev" 2>/dev/null && wait "$dev" || true; }
    rm -rf "$folder"
}
trap end_dev EXIT

start_dev() {
    "$bin" dev --data-dir "$folder/data" "$@" >"$folder/out" 2>"$folder/log" &
    dev=$!
    for _ in $(seq 300); do
        grep -qx ready "$folder/out" && return
        kill -0 "$dev" 2>/dev/null || break
        sleep 0.1
    done
    cat "$folder/out" "$folder/log"
    echo "weft dev has ended, or is not ready after 30 s"
    exit 1
}

# Says what went wrong, with the end of the log, and ends the script.
fail_dev() {
    echo "$1; the end of the log of weft dev:"
    tail -40 "$folder/log"
    exit 1
}
