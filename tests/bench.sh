#!/bin/sh
# The benchmarks run to their end at small sizes, every row has its name and a value, and the digest that W2-S
# prints is the one that replay of the same commands reaches. No speed is judged here.
#   bench.sh PROGRAM
set -u
program=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
passed=0 failed=0

check() { # name, then a command that must succeed
    name=$1; shift
    if "$@" >"$folder/said" 2>&1; then passed=$((passed + 1)); else
        failed=$((failed + 1)); echo "FAIL $name"; head -5 "$folder/said"; fi
}

has_row() { # work metric: a row with a positive value
    grep "\"work\":\"$1\",\"metric\":\"$2\"" "$folder/rows" | grep -q '"value":[1-9]'
}

"$program" bench engine --quick --runs 1 --json >"$folder/rows" 2>"$folder/notes"
check "bench engine --quick ends well" test $? -eq 0
"$program" bench recovery --quick --runs 1 --json >>"$folder/rows" 2>"$folder/notes"
check "bench recovery --quick ends well" test $? -eq 0
for path in normal static swing25 swing40 flash; do
    check "W1-$path" has_row "W1-$path" commands_per_second
done
for variant in S M; do check "W2-$variant" has_row "W2-$variant" commands_per_second; done
check "W4 tick" has_row W4 ns_per_tick
check "W4 tick by index" grep -q '"method":"index"' "$folder/rows"
check "W4 tick by scan" grep -q '"method":"scan"' "$folder/rows"
check "W4 tick over cross accounts" grep -q '"method":"index","positions":"cross"' "$folder/rows"
check "W4 liquidations of scattered positions" grep -q '"method":"fund","positions":"scattered"' "$folder/rows"
check "W4 liquidations by the book" grep -q '"method":"book"' "$folder/rows"
check "W4 liquidations by the fund" grep -q '"method":"fund"' "$folder/rows"
for metric in bytes_per_order bytes_per_isolation bytes_per_account; do
    check "W5 $metric" has_row W5 $metric
done
for metric in seconds_per_million snapshot_seconds_per_million_objects; do
    check "W7 $metric" grep -q "\"work\":\"W7\",\"metric\":\"$metric\",\"value\":[0-9.]*[1-9]" "$folder/rows"
done
check "rows are JSON" python3 -c 'import json,sys
for line in open(sys.argv[1]): json.loads(line)' "$folder/rows"

"$program" bench server --quick --runs 1 --json >"$folder/rows" 2>"$folder/notes"
check "bench server --quick ends well" test $? -eq 0
check "W6 orders" has_row W6 acked_per_second
check "W6 p99" grep -q '"metric":"p99_us".*"clients":64' "$folder/rows"
check "W6 refuses nothing" sh -c '! grep "\"refused\":[1-9]" '"$folder/rows"
for metric in p50_ns p99_ns p999_ns; do check "W3 $metric" has_row W3 "$metric"; done
for clients in 1 8 64; do
    check "W6 of $clients clients" grep -q "\"acked_per_second\".*\"clients\":$clients," "$folder/rows"
    check "W8 over $clients WebSockets" grep -q "\"server_cpu_us_per_request\".*\"websocket\",\"clients\":$clients," "$folder/rows"
done
for clients in 16 64; do
    check "W8 REST, $clients connections" grep -q "\"requests_per_second\".*\"rest\",\"clients\":$clients," "$folder/rows"
done
for metric in server loop client; do
    for kind in websocket rest fan_out; do
        check "$metric CPU, $kind" grep -q "\"${metric}_cpu_us_per_request\",\"value\":[0-9.]*[1-9].*\"kind\":\"$kind\"" "$folder/rows"
    done
done
check "every row has flush and load" sh -c '! grep -v "\"flush_us\":[0-9]*,\"load\":[0-9.]*" '"$folder/rows"
check "W8 fan-out" has_row W8 messages_per_second

"$program" bench server --quick --runs 1 --json --only fan-out >"$folder/rows" 2>"$folder/notes"
check "bench server --only fan-out" test "$(grep -c fan_out "$folder/rows"),$(grep -vc fan_out "$folder/rows")" = 6,0
"$program" bench server --quick --runs 1 --json --only rest --commands 64 --under "env RF=1" >"$folder/rows" 2>"$folder/notes"
check "bench server --under" has_row W8 requests_per_second

"$program" bench --script "$folder/script" --commands 20000 >"$folder/direct"
"$program" replay "$folder/script" --digest 2>/dev/null | tail -n 1 >"$folder/replayed"
check "a digest was printed" grep -q '"digest":"[0-9a-f]\{32\}"' "$folder/direct"
check "replay of the same commands reaches the same digest" cmp "$folder/direct" "$folder/replayed"

"$program" bench nothing >/dev/null 2>&1
check "an unknown benchmark is refused with status 2" test $? -eq 2
"$program" bench margin --runs 0 >/dev/null 2>&1
check "a number of runs out of range is refused with status 2" test $? -eq 2
"$program" bench server --only nothing >/dev/null 2>&1
check "an unknown part is refused with status 2" test $? -eq 2
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
