# SPDX-License-Identifier: Apache-2.0
# GNU make. `make help` lists the targets; the work itself is in scripts/.

MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all
# SwiftPM locks its build directory: two builds at once would only wait for each other.
.NOTPARALLEL:

# The Swift toolchain need not be in PATH.
export PATH := $(PATH):$(shell scripts/toolchain 2>/dev/null)

PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
DESTDIR ?=
INSTALL ?= install

BUILD := .build
BINARY := $(BUILD)/release/martlet
SHIM := $(BUILD)/release/martlet-shim
# lld's link map of each, for scripts/check-binary.
MAP := $(BUILD)/martlet.map
SHIM_MAP := $(BUILD)/martlet-shim.map
RUNTIME ?= $(CURDIR)/$(BINARY)
VERSION := $(shell sed -n 's/.*let version = "\(.*\)"/\1/p' Sources/martlet/BuildInformation.swift)
MANUALS := $(wildcard man/*.8)

# What each of these buys is measured in docs/performance.md. They stand here and not in
# Package.swift because a static executable cannot be tested by `swift test`.
LINK_FLAGS := --static-swift-stdlib --disable-local-rpath \
	-Xswiftc -static-executable -Xswiftc -use-ld=lld \
	-Xlinker -s -Xlinker --gc-sections
# What a container's life needs of the program lies together, so that less of it is read. A function that
# is there no more is passed over; `make order` writes the file anew.
ORDER := scripts/functions.order
LINK_FLAGS += -Xlinker --symbol-ordering-file=$(CURDIR)/$(ORDER) -Xlinker --no-warn-symbol-ordering
# Types of generic parts are reached by a call, not by parsing their names at the first use; each function
# is a section of its own.
COMPILE_FLAGS := -Xswiftc -Xfrontend -Xswiftc -disable-concrete-type-metadata-mangled-name-accessors \
	-Xswiftc -Xfrontend -Xswiftc -function-sections
RELEASE_FLAGS := $(LINK_FLAGS) $(COMPILE_FLAGS) --explicit-target-dependency-import-check error

.PHONY: all build release order debug demo test test-root test-vm test-vm-full check lint fmt \
	conformance stress bench startup fuzz install uninstall man docs dist hooks clean help \
	setup setup-test setup-check setup-vm

all: release ## build the release binaries, .build/release/martlet and martlet-shim

setup:
	@scripts/setup build

setup-test:
	@scripts/setup build demo test

setup-check:
	@scripts/setup build check

build: release

release: setup
	swift build -c release $(RELEASE_FLAGS) -Xlinker --Map=$(CURDIR)/$(MAP) --product martlet
	swift build -c release $(RELEASE_FLAGS) -Xlinker --Map=$(CURDIR)/$(SHIM_MAP) --product martlet-shim

order: setup-test ## write scripts/functions.order anew: which functions are needed, in which order
	swift build -c release $(subst -Xlinker -s ,,$(RELEASE_FLAGS)) --product martlet
	scripts/order $(BINARY) $(ORDER)

debug: setup ## build everything for debugging, tests included
	swift build --build-tests --explicit-target-dependency-import-check error

demo: ## set up, build, and run a container through its whole life
	@scripts/demo

test: ## set up, build, and run every test there is
	@scripts/test

test-root: ## the same, and refuse to leave out what needs root
	@REQUIRE_ALL=1 scripts/test

fuzz: debug ## feed 100,000 broken configurations to all that reads and plans them: FUZZ="--seed N"
	$(BUILD)/debug/martlet-fuzz $(FUZZ)

check: setup-check lint release ## what the commit hook and CI check: layout, licences, direction, binary
	@scripts/check-binary --self-test
	@scripts/check-binary $(BINARY) $(MAP)
	@scripts/check-binary $(SHIM) $(SHIM_MAP)
	@scripts/startup-cost --rounds 100 $(BINARY)

lint: setup-check ## the part of `check` that builds nothing
	@scripts/lint

fmt: ## lay out the Swift sources
	@scripts/format

conformance: setup-test $(if $(filter $(CURDIR)/$(BINARY),$(RUNTIME)),release) ## run the black-box suites, and write docs/spec-conformance.md: RUNTIME=runc, CONFORMANCE=spec for a part
ifeq ($(CONFORMANCE)$(filter-out $(CURDIR)/$(BINARY),$(RUNTIME)),)
	@scripts/conformance
else
	RUNTIME="$(RUNTIME)" conformance/run $(CONFORMANCE)
endif

setup-vm:
	@scripts/setup build demo test vm

test-vm: setup-vm debug release ## run what this machine cannot in virtual machines: cgroup2, systemd, rootless
	RUNTIME="$(CURDIR)/$(BINARY)" conformance/vm/test

test-vm-full: setup-vm debug release ## the same with every suite, and more under QEMU: takes long
	RUNTIME="$(CURDIR)/$(BINARY)" conformance/vm/test --full

stress: setup-test release ## load and faults, the whole round: takes an hour or more; `make test` has a short one
	STRESS=whole RUNTIME="$(RUNTIME)" conformance/run conformance/stress/*.bats conformance/stress/whole/*.bats

bench: setup-test release ## measure martlet, crun and runc side by side, and martlet-shim and conmon
	python3 conformance/bench/bench.py $(BENCH)
	python3 conformance/bench/shim.py --check
	python3 conformance/bench/limits.py --at-most 1024
	python3 conformance/bench/containerd.py --at-most 0.1

startup: release ## compare `martlet --version` with an empty static Swift program
	scripts/startup-cost $(BINARY)

install: $(if $(and $(wildcard $(BINARY)),$(wildcard $(SHIM))),,release) ## install the binaries, the man pages and what completes words in shells: PREFIX= DESTDIR=
	$(INSTALL) -D -m 0755 $(BINARY) "$(DESTDIR)$(BINDIR)/martlet"
	$(INSTALL) -D -m 0755 $(SHIM) "$(DESTDIR)$(BINDIR)/martlet-shim"
	ln -sf martlet-shim "$(DESTDIR)$(BINDIR)/containerd-shim-martlet-v1"
	for page in $(MANUALS); do \
		$(INSTALL) -D -m 0644 "$$page" "$(DESTDIR)$(MANDIR)/man8/$${page##*/}" || exit 1; done
	for shell in bash zsh fish; do \
		$(BINARY) completion $$shell >$(BUILD)/completion.$$shell || exit 1; done
	$(INSTALL) -D -m 0644 $(BUILD)/completion.bash "$(DESTDIR)$(BASHDIR)/martlet"
	$(INSTALL) -D -m 0644 $(BUILD)/completion.zsh "$(DESTDIR)$(ZSHDIR)/_martlet"
	$(INSTALL) -D -m 0644 $(BUILD)/completion.fish "$(DESTDIR)$(FISHDIR)/martlet.fish"

uninstall: ## remove what install has installed
	rm -f "$(DESTDIR)$(BINDIR)/martlet" "$(DESTDIR)$(BINDIR)/martlet-shim" "$(DESTDIR)$(BINDIR)/containerd-shim-martlet-v1" $(foreach page,$(MANUALS),"$(DESTDIR)$(MANDIR)/man8/$(notdir $(page))")
	rm -f "$(DESTDIR)$(BASHDIR)/martlet" "$(DESTDIR)$(ZSHDIR)/_martlet" "$(DESTDIR)$(FISHDIR)/martlet.fish"

man: setup-check ## check the man pages, and write them as text into .build/man
	@scripts/man

docs: release ## write the API documentation of every library into .build/docs
	@scripts/docs

dist: ## pack the sources of HEAD into .build/martlet-VERSION.tar.gz
	@scripts/dist "$(VERSION)" $(BUILD)

hooks: ## let git run `make check` before each commit
	git config core.hooksPath scripts/hooks

clean: ## remove everything that was built
	rm -rf $(BUILD)

help: ## print this
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14
