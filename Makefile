# What there is to do here; `make help` lists it. Every target sets up what it needs, once.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.tools/bin:$(PATH):$(HOME)/.cargo/bin

# The scripts of this repository: what in scripts/, .ci/ and os/ begins with "#!", or says which shell reads it.
SCRIPTS = $(shell grep -lE '^\#(!/.*sh$$| shellcheck shell=)' scripts/* .ci/* os/* os/*/* os/lib/tests/run 2>/dev/null)

# What runs on a host.
PROGRAMS = -p osctld -p os-helper -p osctl -p osctl-image

# Configurations of the operating system that are for tests only.
TEST_HOSTS = test test-zfs test-network

.PHONY: help setup build demo demo-down vm netboot test test-machines test-images test-fast lint bench book clean-tools

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

setup: ## install everything that any target needs
	@scripts/setup all

build: ## build osctld, osctl, osctl-image, optimized
	@scripts/setup build
	cargo build --release

demo: ## build, start osctld, a pool and a Debian container on it (as root)
	@scripts/demo up

demo-down: ## stop the demo and remove what it made
	@scripts/demo down

vm: ## build the operating system, with an image of Debian, and boot it on this terminal (as root); Ctrl-A X ends it
	@scripts/setup vm
	cargo build --release $(PROGRAMS)
	os/build netboot
	os/repository
	os/run

# CONFIGURATION=host.nix is another host. What a web server hands out is in target/os/netboot/netboot.
netboot: ## build kernel, initrd, root.squashfs and an iPXE script (as root)
	@scripts/setup os
	cargo build --release $(PROGRAMS)
	os/build -c $(or $(CONFIGURATION),os/configurations/netboot.nix) netboot
	@echo "Hand out this folder over HTTP; machines load boot.ipxe from it: docs/src/network-boot.md"

# One more test at a time than there are processors: many wait for what they watch.
test: test-images ## run every test, those in machines too (as root)
	@scripts/setup test
	cargo nextest run --workspace --profile ci --test-threads $$(($$(nproc) + 1))

test-machines: test-images ## run what is tested in machines, and all tests of containers on ZFS there (as root)
	@scripts/setup fast
	cargo nextest run -p osvm -p machine --profile machines

# With the programs that the other tests have.
test-images: ## build all programs, and what the machine tests boot (as root)
	@scripts/setup vm
	@scripts/test-kernel
	cargo build --workspace --bins
	@scripts/machine-suites target/os/suites
	os/repository -p target/debug
	for host in $(TEST_HOSTS); do os/build -p target/debug -c "os/configurations/$$host.nix" netboot; done

test-fast: ## run the tests that need no root
	@scripts/setup fast
	cargo nextest run --workspace --profile fast

# Cheap checks first. Warnings are errors here, and only here: a half-written change may warn.
# cargo-deny leaves out "advisories": their list is a download of its own, which a machine
# without the open internet cannot make. Run `cargo deny check advisories` where it works.
# Private items of osctl are left out of rustdoc: their comments are help texts, "[pool:]name".
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

# BENCH="--parts users --sizes 1000 --runs 100" measures something else.
bench: ## measure users, groups and containers, beside LXC and Incus, and the system (as root)
	@scripts/setup bench
	@scripts/setup vm
	cargo build --release $(PROGRAMS) -p bench
	os/build -c os/configurations/test.nix -o target/os/bench netboot
	cargo run --quiet --release -p bench -- $(BENCH)

book: ## make the book: target/book/index.html
	@scripts/setup book
	mdbook build --dest-dir ../target/book docs

clean-tools: ## remove the tools that setup made here
	rm -rf .tools
