# Everything that is done with Weir's sources. CI runs the same.

SHELL := /bin/sh
# What scripts/install.sh installs for this project alone.
export PATH := $(CURDIR)/.tools/bin:$(PATH)
export CARGO_TERM_COLOR ?= auto
# More than there are cores, as most tests wait more than they work.
export NEXTEST_TEST_THREADS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 4)

WEB_SOURCES := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*')
WEB_PACKAGES := web/node_modules/.package-lock.json
WEB_PAGES := web/node_modules/.built

.PHONY: help
help:
	@echo 'make run     install what is missing, build, and start Weir'
	@echo 'make test    install what the tests need as well, and run them all'
	@echo 'make check   formatting, lints, documentation, types of the web pages'
	@echo 'make bench   micro-benchmarks, glass to glass, viewers and RTMP sessions beside nginx'
	@echo 'make schemathesis   the API against its description, for minutes (the tests do it for seconds)'
	@echo 'make crash   kill a live server again and again (CRASH_ROUNDS=200, CRASH_SEED=1)'
	@echo 'make crash-recording   the same while it records, and completes the file (CRASH_ROUNDS=30)'
	@echo 'make soak    four streams through random trouble (SOAK_MINUTES=30, SOAK_SEED printed)'
	@echo 'make ten-hours   a broadcast of ten hours through the recorder, as fast as it goes (HOURS=10)'
	@echo 'make watch   a browser watches through reconnects, a restart and uneven pictures'
	@echo 'make heavy   a source of 4K60 on half a core'
	@echo 'make fuzz    each parser for a minute (FUZZ_SECONDS=60)'
	@echo 'make clean   remove what was built'

.PHONY: run
run: install-build $(WEB_PAGES)
	cargo build --release --locked -p server
	exec $${CARGO_TARGET_DIR:-target}/release/weir

# The server's binary is built along with the tests, so that all share one build of what they use.
.PHONY: test
test: install-test $(WEB_PAGES)
	cd web && npm test
	cargo build --locked --workspace --bins --tests
	if command -v cargo-nextest >/dev/null; \
	then cargo nextest run --locked --workspace --no-fail-fast; \
	else cargo test --locked --workspace --bins --tests --no-fail-fast; fi

.PHONY: check
check: install-build $(WEB_PAGES)
	cargo fmt --all --check
	cd web && npx --no-install tsc --noEmit
	cargo clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps

.PHONY: bench
bench: install-bench $(WEB_PAGES)
	cargo build --release --locked -p server
	cargo bench --locked -p benches
	cargo run --release --locked -p benches
	cargo run --release --locked -p benches --bin origin
	cargo run --release --locked -p benches --bin sessions
	cargo run --release --locked -p benches --bin silent
	cargo run --release --locked -p benches --bin recording

# The scenario `openapi` as the tests run it, but with more of everything.
.PHONY: schemathesis
schemathesis: install-test $(WEB_PAGES)
	cargo build --locked -p server
	SCHEMATHESIS_EXAMPLES=300 cargo test --locked -p scenarios openapi

# Scenarios that take too long for the others' company.
.PHONY: crash crash-recording soak watch heavy
crash: SCENARIO = crash_rounds::
crash-recording: SCENARIO = recording_crashes::
soak: SCENARIO = soak::
watch: SCENARIO = watch_through::
heavy: SCENARIO = overload::
crash crash-recording soak watch heavy: install-test $(WEB_PAGES)
	cargo build --locked -p server
	cargo test --locked -p scenarios --test scenarios -- --ignored --nocapture $(SCENARIO)

# What follows the encoder is real; the encoder is left out, which would take ten hours.
.PHONY: ten-hours
ten-hours: install-test $(WEB_PAGES)
	cargo test --locked -p server --lib -- --ignored --nocapture ten_hours

FUZZ_SECONDS ?= 60
# Sanitizers need the nightly features of the compiler that is there.
.PHONY: fuzz
fuzz: install-build
	command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
	for target in $$(cargo fuzz list); do \
		RUSTC_BOOTSTRAP=1 cargo fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

.PHONY: clean
clean:
	cargo clean
	rm -rf web/dist web/node_modules fuzz/target

.PHONY: install-build install-test install-bench
install-build:
	@scripts/install.sh build
install-test:
	@scripts/install.sh test
install-bench:
	@scripts/install.sh bench

$(WEB_PACKAGES): web/package.json web/package-lock.json | install-build
	cd web && npm ci --no-audit --no-fund
	touch $@

$(WEB_PAGES): $(WEB_PACKAGES) $(WEB_SOURCES)
	cd web && npm run build
	touch $@
