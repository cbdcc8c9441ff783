#!/bin/sh
# run.sh DIR RUNS SECONDS [TARGET...]: runs the fuzz targets built in DIR, each over its seeds in corpus/ and then
# RUNS inputs of libFuzzer's own making, or until SECONDS have passed. What it finds interesting is kept in
# DIR/corpus/, so that the next run begins there; what fails is left in DIR/finding-*, and ends the script with 1.
set -u
cd "$(dirname "$0")/../.." || exit 2
dir=$1 runs=$2 seconds=$3
shift 3
targets=${*:-command decimal http json script snapshot websocket}
export ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
status=0
for target in $targets; do
    kept=$dir/corpus/$target
    log=$dir/fuzz_$target.log
    mkdir -p "$kept"
    # setarch -R: clang-14's sanitizers need addresses that are not spread too wide.
    setarch "$(uname -m)" -R "$dir/fuzz_$target" -runs="$runs" -max_total_time="$seconds" -seed=1 -max_len=8192 -timeout=10 \
        -rss_limit_mb=1024 -verbosity=1 -artifact_prefix="$dir/finding-$target-" "$kept" "tests/fuzz/corpus/$target" \
        >"$log" 2>&1
    result=$?
    printf '%-10s %s\n' "$target" "$(grep -E '^Done' "$log" || tail -n 1 "$log")"
    if [ $result != 0 ]; then
        status=1
        tail -n 60 "$log"
    fi
done
exit $status
