#!/bin/sh
# digest.sh BUILD BUILD ...: the same scripts give the same bytes - answers, events and state digest - in every
# build (compilers, optimisation), and with the engine saved and loaded anew in the middle of the script. The
# scripts are the scenarios and, when given in $SCRIPTS, further files.
set -u
cd "$(dirname "$0")/.." || exit 2
first=$1
shift
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
digest_call='{"as":"operator","method":"operator/get-state-digest","params":{}}'

# Prints what a build makes of a script; the digest comes last unless the script is one that must stop.
play() { # BUILD SCRIPT OPTION...
    build=$1 script=$2
    shift 2
    { cat "$script" && echo && echo "$digest_call"; } | "$build/ringfence" replay --events "$@" - 2>&1
    echo "status $?"
}

differ() { # SCRIPT WHAT
    failed=$((failed + 1))
    echo "FAIL $1: $first and $2 differ"
    diff "$scratch/want" "$scratch/got" | head -n 4 | cut -c 1-300
}

# The line number of the call in the middle of a script.
middle() {
    grep -n '^{' "$1" | cut -d: -f1 | awk '{ line[NR] = $1 } END { print line[int(NR / 2) + 1] }'
}

scripts=0 digests=0 failed=0
for script in $(find tests/scenario -name '*.jsonl' | sort) ${SCRIPTS:-}; do
    scripts=$((scripts + 1))
    play "$first" "$script" >"$scratch/want"
    ! grep -q '"digest":"' "$scratch/want" || digests=$((digests + 1))
    for other in "$@"; do
        play "$other" "$script" >"$scratch/got"
        cmp -s "$scratch/want" "$scratch/got" || differ "$script" "$other"
    done
    play "$first" "$script" --snapshot-at "$(middle "$script")" >"$scratch/got"
    cmp -s "$scratch/want" "$scratch/got" || differ "$script" "$first with a snapshot in the middle"
done
echo "$scripts scripts, $digests digests, $failed differences between $first $*"
# Nearly every script ends with a digest: a program that prints none proves nothing.
[ "$failed" = 0 ] && [ $((digests * 10)) -gt $((scripts * 9)) ]
