# Two commands do everything:
#   make dev    builds Weft and runs a whole rollup on this machine
#   make test   runs everything that CI runs
# Both install missing system packages first (see setup.sh).

SHELL := /bin/bash
# ccache, where it is installed, keeps RocksDB's C++ objects between builds.
export PATH := /usr/lib/ccache:$(PATH)
# One profile for running and for testing, so that RocksDB is built once.
CARGO := cargo
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
WEFT := $(TARGET_DIR)/release/weft

.PHONY: dev build test lint unit spec clients page tour guides help

help: ## show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

dev: build ## build, then run a whole rollup: sequencer, DA, settlement, light client
	$(WEFT) dev $(ARGS)

build: ## build the one binary, target/release/weft
	@./setup.sh build
	@ls $(TARGET_DIR)/release/build/librocksdb-sys-*/output >/dev/null 2>&1 || \
	  echo "First build: RocksDB and the EVM are compiled from source, about 20 minutes on 2 cores. Later builds compile only what changed."
	$(CARGO) build --release --locked -p weft

test: ## everything CI runs
	@./setup.sh test
	@$(MAKE) --no-print-directory lint spec unit tour clients guides page

lint: ## formatting and lints
	$(CARGO) fmt --all -- --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings

unit: build ## unit, property, store and end-to-end tests
	WEFT_BIN=$(abspath $(WEFT)) $(CARGO) test --release --locked --workspace

spec: ## the golden vectors by a second implementation, in Python
	tests/spec.sh

tour: build ## the README's tour, line by line
	WEFT_BIN=$(abspath $(WEFT)) tests/tour.sh

clients: build ## cast, forge, Hardhat, ethers, viem, web3.py, snarkjs and gRPC examples against `weft dev`
	$(CARGO) build --release --locked --workspace --examples
	WEFT_BIN=$(abspath $(WEFT)) WEFT_EXAMPLES=$(abspath $(TARGET_DIR)/release/examples) tests/clients.sh

guides: build ## the guides, block by block
	WEFT_BIN=$(abspath $(WEFT)) tests/guides.sh

page: build ## the page of `weft dev` in Chromium, with screenshots (WEFT_PAGE_SHOTS=FOLDER)
	WEFT_BIN=$(abspath $(WEFT)) tests/page.sh
