#!/usr/bin/env bash
# Installs the system packages that Weft needs, or says exactly which are missing.
#
#   ./setup.sh build   what `make dev` needs: a C++ compiler and libclang (for RocksDB)
#   ./setup.sh test    also what `make test` needs: PostgreSQL, Node.js, Python, Chromium, zstd, faketime
set -euo pipefail

missing=()
need() { # PACKAGE CHECK...: the package is missing when the check fails
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}
any_file() { compgen -G "$1"; }
# libclang-cpp, which other packages bring along, is another library.
any_libclang() { compgen -G '/usr/lib/llvm-*/lib/libclang[.]so*' || compgen -G '/usr/lib/llvm-*/lib/libclang-[0-9]*.so*'; }

need build-essential command -v g++
need ccache command -v ccache
need libclang-dev any_libclang
if [ "${1:-build}" = test ]; then
    need postgresql any_file '/usr/lib/postgresql/*/bin/initdb'
    need nodejs command -v node
    need npm command -v npm
    need python3 command -v python3
    need python3-venv python3 -c 'import venv, ensurepip'
    need chromium command -v chromium
    need curl command -v curl
    need zstd command -v zstd
    need procps command -v pgrep
    need faketime any_file '/usr/lib/*/faketime/libfaketimeMT.so.1'
fi
[ ${#missing[@]} -eq 0 ] && exit 0

line="apt-get install -y ${missing[*]}"
if ! command -v apt-get >/dev/null; then
    echo "Weft needs these packages (Debian's names): ${missing[*]}" >&2
    exit 1
fi
if [ "$(id -u)" = 0 ]; then
    sudo=()
elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    sudo=(sudo)
else
    echo "Weft needs packages that only root can install. Run this, then try again:" >&2
    echo "    sudo $line" >&2
    exit 1
fi
echo "Installing: ${missing[*]}"
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive $line
