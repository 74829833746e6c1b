# SPDX-License-Identifier: Apache-2.0
# The entry points. Each installs what is missing (scripts/deps), so that they work on a machine where nothing was
# installed before. The build itself is described in meson.build.
PREFIX ?= /usr/local

.DEFAULT_GOAL := build
.PHONY: build deps check check-versions demo bench fuzz docs install clean

build: deps ## Build ./build-release/src/undam
	@scripts/build build-release gcc -Dbuildtype=release -Doptimization=2 --prefix=$(PREFIX)
	@echo "built: build-release/src/undam"

deps: ## Install the packages that are missing
	@scripts/deps

check: ## Everything: gcc with sanitisers, release flags, clang; unit, tidy, docs, fuzz and flow tests
	@scripts/check

check-versions: ## The relay's flow tests against PostgreSQL 13, 16, 17 and 18
	@scripts/check-versions

demo: build ## The whole flow on the example, in under three minutes; FULL=1 the whole monolith, BUS=kafka on Kafka, KEEP=1 leaves it running
	@FULL=$(FULL) KEEP=$(KEEP) BUS=$(BUS) UNDAM_BUILD=$(CURDIR)/build-release scripts/demo

bench: build ## Measure, each beside the raw operation
	@UNDAM_BUILD=$(CURDIR)/build-release bench/run

fuzz: ## Fuzz every parser: SECONDS=60 each
	@scripts/fuzz --seconds $(or $(SECONDS),60)

docs: build ## Write the pages that are printed from tables: docs/man, configuration, exit codes
	@build-release/src/undam man --output docs

install: build ## Install under PREFIX (default /usr/local), DESTDIR for packagers
	@meson install -C build-release --no-rebuild

clean: ## Remove what was built
	rm -rf build-release build-check build-fuzz

help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 18
