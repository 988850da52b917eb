# Thin on purpose: tools/bootstrap installs what is missing, meson builds, tests/run counts.
#
#   make            build everything into build/ (the program is build/mamori)
#   make run        build, then a practice hospital with all daemons; prints the console's address
#   make test       build, then every test that needs no special hardware
#   make bench      side by side with restic and borg; prints rows for BENCHMARKS.md
#   make attack     the attack board: what somebody with the keys, the network, a disk or the box can do
#   make fuzz       every fuzz target, FUZZ_SECONDS each (default 60)
#   make install    DESTDIR and PREFIX (default /usr/local) are respected
#   make uninstall  take away what make install put there; vaults and records stay
#   make deb        a Debian package into dist/
#   make clean      remove what was built; ./var (the practice state) is kept
#
# BOOTSTRAP=no     install nothing and do not look
# JOBS=N           how many at once (default: the number of processors)

BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
STATE ?= ./var
MESON_FLAGS ?=
# A fuzz target is a file tests/fuzz/fuzz_*.c; a new one needs a new look by meson.
FUZZ_FILES := $(sort $(wildcard tests/fuzz/fuzz_*.c))

.PHONY: all bootstrap build run test bench attack fuzz install uninstall deb clean

all: build

bootstrap:
	@[ "$(BOOTSTRAP)" = no ] || tools/bootstrap build

build: bootstrap
	@[ -f $(BUILD)/build.ninja ] || meson setup $(MESON_FLAGS) $(BUILD)
	@printf '%s\n' $(FUZZ_FILES) | cmp -s - $(BUILD)/.fuzz-files || { \
	    meson setup --reconfigure $(BUILD) >/dev/null && \
	    printf '%s\n' $(FUZZ_FILES) >$(BUILD)/.fuzz-files; }
	@ninja -C $(BUILD) -j $(JOBS)

run:
	@[ "$(BOOTSTRAP)" = no ] || tools/bootstrap build run
	@$(MAKE) --no-print-directory build BOOTSTRAP=no
	@exec $(BUILD)/mamori --state $(STATE) up --practice

test:
	@[ "$(BOOTSTRAP)" = no ] || tools/bootstrap build run test
	@$(MAKE) --no-print-directory build BOOTSTRAP=no
	@tests/run --build $(BUILD) --jobs $(JOBS)

bench:
	@[ "$(BOOTSTRAP)" = no ] || tools/bootstrap build run bench
	@meson setup --buildtype=release build-bench >/dev/null 2>&1 || true
	@ninja -C build-bench -j $(JOBS)
	@bench/run --build build-bench

attack:
	@[ "$(BOOTSTRAP)" = no ] || tools/bootstrap build run test
	@$(MAKE) --no-print-directory build BOOTSTRAP=no
	@tests/attack/run --build $(BUILD)

fuzz:
	@[ "$(BOOTSTRAP)" = no ] || tools/bootstrap build gates
	@tests/fuzz/run --seconds $(FUZZ_SECONDS) --jobs $(JOBS)

install: bootstrap
	@[ -f build-install/build.ninja ] || meson setup --buildtype=release -Dtests=false build-install >/dev/null
	@meson configure build-install -Dprefix=$(PREFIX)
	@ninja -C build-install -j $(JOBS)
	@meson install -C build-install --no-rebuild $(if $(DESTDIR),--destdir $(abspath $(DESTDIR)))

uninstall:
	@[ -f build-install/build.ninja ] || { echo "nothing was installed from here"; exit 1; }
	@ninja -C build-install uninstall

deb:
	@[ "$(BOOTSTRAP)" = no ] || tools/bootstrap build gates
	@tools/build-deb

clean:
	rm -rf $(BUILD) build-* dist
