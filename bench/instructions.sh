#!/bin/sh
# instructions.sh [PROGRAM]: instructions per command where the machine's own counters cannot be read. Valgrind counts
# every instruction from the first command of a stream to its last, the event sink included; no load on the
# machine moves the figure by a single one.
set -eu
program=${1:-build/ringfence}
command -v valgrind >/dev/null || { echo "this needs valgrind (apt-get install valgrind)" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

count() { # WHAT: runs it, and prints each work with instructions and commands
    rm -f "$folder"/out*
    valgrind -q --tool=callgrind --toggle-collect='play_batch*' --dump-after=rf_bench_play \
        --callgrind-out-file="$folder/out" "$program" bench "$1" --quick --runs 1 --commands 200000 >"$folder/said" 2>&1 ||
        { cat "$folder/said" >&2; exit 1; }
    # One dump for each stream, in the order in which they were played.
    sed -nE 's/^# (W[0-9][^:]*): ([0-9]+) commands.*/\1 \2/p' "$folder/said" | awk -v folder="$folder" '{
        file = folder "/out." NR
        while ((getline line < file) > 0) if (line ~ /^totals: /) { split(line, part, " "); total = part[2] }
        printf "%-12s instructions_per_command %10.1f\n", $1, total / $2
    }'
}

count book
count margin
