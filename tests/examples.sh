#!/bin/sh
# examples.sh [BUILD]: every example runs with its books checked after each call, and each line that README.md shows of
# the story stands in what ./run --story prints, in that order.
set -u
cd "$(dirname "$0")/.." || exit 2
program=${1:-build}/ringfence
failed=0
for script in examples/*.jsonl; do
    "$program" replay --check "$script" >/dev/null || { echo "FAIL $script"; failed=1; }
done
story=$(mktemp)
"$program" replay --story examples/isolated-margin.jsonl >"$story" || failed=1
awk -v story="$story" '
    /^## / { inside = ($0 == "## A story without a server") }
    inside && /^```/ { quoted = !quoted; next }
    inside && quoted && NF {
        wanted++
        while ((getline line < story) > 0) if (line == $0) { found++; next }
        print "FAIL README.md: not in the output, or not in this order: " $0
        exit 1
    }
    END { print found + 0 " lines of README.md are real output"; exit !(wanted > 0 && found == wanted) }
' README.md || failed=1
rm -f "$story"
exit "$failed"
