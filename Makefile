# Everything a person does with a checkout. `make` alone lists it.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Tools that scripts/provision unpacked here come before those of the machine.
export PATH := $(CURDIR)/.tools/bin:$(PATH):$(HOME)/.cargo/bin
ifneq ($(wildcard .tools/bin/protoc),)
export PROTOC := $(CURDIR)/.tools/bin/protoc
endif

SYSMAINT := target/release/sysmaint

.PHONY: help
help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: up
up: build ## build and start everything on this machine; Ctrl-C stops it (flags in ARGS)
	@exec $(SYSMAINT) up $(ARGS)

.PHONY: build
build: ui ## build target/release/sysmaint
	cargo build --release --locked -p sysmaint

.PHONY: dist
dist: ui ## build target/dist/sysmaint, which is small: for packages and machines that are watched
	cargo build --profile dist --locked -p sysmaint

.PHONY: deb
deb: dist ## pack target/dist/sysmaint with its systemd units into a .deb in target/deb
	@scripts/package-deb

.PHONY: install
install: ## install what was built, and systemd units, as root (PREFIX; ARGS=--uninstall reverses it)
	@scripts/install --prefix $(or $(PREFIX),/usr/local) $(ARGS)

.PHONY: ui
ui: provision ## build the pages that the web server embeds, where they have changed
	@scripts/build-ui

.PHONY: test
test: ## formatting, lints and all quick tests
	@scripts/run-tests

.PHONY: test-heavy
test-heavy: provision-test ## the tests that take too long for every run
	@scripts/build-ui
	@scripts/provision-llama
	cargo test --release --locked --workspace -- --ignored

.PHONY: bench
bench: build ## measure against bounds in the same run; ends with the ratios
	cargo bench --locked -p sysmaint-testkit --bench ratios --bench relay --bench history -- $(ARGS)
	cargo bench --locked -p sysmaint-tests --bench pages

.PHONY: bench-probe
bench-probe: dist ## measure a probe beside prometheus-node-exporter, in a minute and a half
	SYSMAINT_BIN=$(CURDIR)/target/dist/sysmaint cargo bench --locked -p sysmaint-tests --bench probe

.PHONY: anomaly-report
anomaly-report: ui ## judge anomalies anew and write docs/anomalies.md
	UPDATE_ANOMALIES=1 cargo test --release --locked -p sysmaint-agent --test anomalies

.PHONY: fuzz
fuzz: ## run the fuzz targets under libFuzzer (TARGETS, SECONDS_EACH)
	@scripts/fuzz $(or $(SECONDS_EACH),60) $(TARGETS)

.PHONY: lint
lint: ui ## formatting and lints alone
	cargo fmt --all --check
	cargo clippy --release --locked --workspace --all-targets -- -D warnings

.PHONY: provision
provision: ## install what building and running need, if it is missing
	@scripts/provision

.PHONY: provision-test
provision-test: ## the same, and what the tests need
	@scripts/provision --tests
