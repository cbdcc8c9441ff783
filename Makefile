# Shorthands for developers. Meson and Ninja build (meson.build); ./run and ./test need nothing but a shell.
.PHONY: all run test fuzz crash faults crash-long mutate bench bench-instructions docs format lint clean
sources = $(shell git ls-files '*.c' '*.h')

all:
	.ci/prepare test

run:
	./run

test:
	./test

# At length: FUZZ_SECONDS of each target. What is found is named in build-fuzz/finding-*.
FUZZ_SECONDS ?= 600
fuzz:
	./test build-fuzz
	tests/fuzz/run.sh build-fuzz -1 $(FUZZ_SECONDS)

bench: all
	build/ringfence bench engine

# Ten minutes of what ./test watches for one; the last line goes to docs/soak.md.
soak: all
	build/ringfence bench soak --seconds 600

# Exact, and slow: counts with valgrind where the processor's counters cannot be read.
bench-instructions: all
	bench/instructions.sh build/ringfence

docs: all
	node tests/reference.mjs --write

format:
	clang-format-14 -i $(sources)

lint: all
	clang-format-14 --dry-run -Werror $(sources)
	tests/layers.sh

# The server killed five hundred times under load, seeds new each time (SEED repeats one): a quarter of an hour.
KILLS ?= 500
crash: all
	KILLS=$(KILLS) node --test tests/server/kill.test.mjs

# Two hundred lives on a disk, a network and a clock that fail at random: half an hour.
SEEDS ?= 200
faults: all
	SEEDS=$(SEEDS) node --test tests/server/faults.test.mjs

# A hundred million crash points: half an hour and more.
crash-long: all
	build/rf_crash 100000000 2

# One change at a time of the engine's and the store's files that differ from main (of all, when none does); what
# survives, and why, goes to docs/mutation.md.
MUTANTS ?= 100
mutate:
	nice python3 tests/mutation/mutate.py --count $(MUTANTS)

clean:
	rm -rf build build-*
