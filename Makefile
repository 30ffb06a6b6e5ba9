# `make help` lists the targets. Every target installs its dependencies once.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.tools/bin:$(PATH):$(HOME)/.cargo/bin

# Shell scripts: files in scripts/, .ci/ and os/ that begin with "#!" or name their shell for shellcheck.
SCRIPTS = $(shell grep -lE '^\#(!/.*sh$$| shellcheck shell=)' scripts/* .ci/* os/* os/*/* os/lib/tests/run 2>/dev/null)

# Programs that are installed on a host.
PROGRAMS = -p osctld -p os-helper -p osctl -p osctl-image

# Configurations of the operating system that are for tests only.
TEST_HOSTS = test test-zfs test-network

.PHONY: help setup build demo demo-down vm netboot test test-machines test-images check test-fast lint bench book clean-tools

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: ## install the dependencies of all targets
	@scripts/setup all

build: ## build osctld, osctl, osctl-image, optimized
	@scripts/setup build
	cargo build --release

demo: ## build, start osctld, a pool and a Debian container on it (as root)
	@scripts/demo up

demo-down: ## stop the demo and remove its pool
	@scripts/demo down

# RESUME=1 boots it once and saves it at its prompt; each run resumes it within a second or two.
vm: ## build the operating system, with a Debian image, and boot it on this terminal (as root); Ctrl-A X quits; RESUME=1: resume a saved boot
	@scripts/setup vm
	cargo build --release $(PROGRAMS)
	os/build netboot
	os/repository
	os/run

# CONFIGURATION=host.nix builds another host. The files for the web server are in target/os/netboot/netboot.
netboot: ## build kernel, initrd, root.squashfs and an iPXE script (as root)
	@scripts/setup os
	cargo build --release $(PROGRAMS)
	os/build -c $(or $(CONFIGURATION),os/configurations/netboot.nix) netboot
	@echo "Serve this directory over HTTP; machines load boot.ipxe from it: docs/src/network-boot.md"

# Run one test more than there are processors, because many tests wait most of the time.
test: test-images ## run every test, including those in virtual machines (as root)
	@scripts/setup test
	cargo nextest run --workspace --profile ci --test-threads $$(($$(nproc) + 1))

test-machines: test-images ## run the tests in virtual machines, including all container tests on ZFS (as root)
	@scripts/setup fast
	cargo nextest run -p osvm -p machine --profile machines

# Uses the same debug programs as the other tests.
test-images: ## build all programs and the images of the machine tests (as root)
	@scripts/setup vm
	@scripts/test-kernel
	cargo build --workspace --bins
	@scripts/machine-suites target/os/suites
	os/repository -p target/debug
	for host in $(TEST_HOSTS); do os/build -p target/debug -c "os/configurations/$$host.nix" netboot; done

# The loop while working. Everything else of `make lint` and `make test` finds less, and takes longer.
check: ## check format and lints, and run the tests that need no root
	@scripts/setup fast
	cargo fmt --all --check
	cargo run --quiet --locked -p xtask -- check
	cargo clippy --quiet --workspace --all-targets -- -D warnings
	cargo nextest run --workspace --profile fast

test-fast: ## run the tests that need no root
	@scripts/setup fast
	cargo nextest run --workspace --profile fast

# Fast checks come first. Only here warnings are errors, so that unfinished code can be compiled. cargo-deny does
# not check "advisories", because that needs to download their list; run `cargo deny check advisories` if you have
# internet access. rustdoc skips private items of osctl, because their comments are help texts, "[pool:]name".
lint: export RUSTDOCFLAGS := -D warnings
lint: ## check style, lints, docs, licences, spelling, scripts
	@scripts/setup lint
	cargo fmt --all --check
	cargo run --quiet --locked -p xtask -- check
	typos
	shellcheck -x $(SCRIPTS)
	cargo deny --workspace check --hide-inclusion-graph licenses bans sources
	mdbook build --dest-dir ../target/book docs
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --quiet --doc --workspace
	cargo doc --quiet --workspace --no-deps --document-private-items --exclude osctl
	cargo doc --quiet --no-deps -p osctl

# BENCH passes options, for example BENCH="--parts users --sizes 1000 --runs 100".
bench: ## measure users, groups, containers and the operating system, and compare with LXC and Incus (as root)
	@scripts/setup bench
	@scripts/setup vm
	cargo build --release $(PROGRAMS) -p bench
	os/build -c os/configurations/test.nix -o target/os/bench netboot
	cargo run --quiet --release -p bench -- $(BENCH)

book: ## build the book: target/book/index.html
	@scripts/setup book
	mdbook build --dest-dir ../target/book docs

clean-tools: ## remove the tools in .tools
	rm -rf .tools
