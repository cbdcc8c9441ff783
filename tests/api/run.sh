#!/bin/sh
# run.sh BUILD [TEST...]: clients against a running server: ccxt as it is, the class shipped in clients/, the examples,
# raw HTTP and raw WebSocket. Needs Node, npm and its registry; what is missing is said with SKIP.
set -u
build=$(cd "$1" && pwd) || exit 2
shift
cd "$(dirname "$0")" || exit 2
skip() { echo "SKIP the clients' tests: $*"; exit 0; }
command -v node >/dev/null 2>&1 || skip "Node.js is not installed"
command -v npm >/dev/null 2>&1 || skip "npm is not installed"
if ! cmp -s package-lock.json node_modules/.installed; then
    npm ci --no-audit --no-fund --loglevel=error >"$build/api-npm.log" 2>&1 ||
        skip "npm ci failed, is npm's registry out of reach? $(tail -n 1 "$build/api-npm.log" | cut -c 1-200)"
    cp package-lock.json node_modules/.installed
fi
node_modules/.bin/tsc --noEmit || exit 1
# Bundled where the packages are found, with the client and the examples beside it as they are shipped.
out=$build/api-tests
rm -rf "$out"
mkdir -p "$out/tests/api"
ln -s "$(pwd)/node_modules" "$out/node_modules"
cp -r ../../clients ../../examples "$out/"
tests=${*:-$(ls *.test.ts)}
# shellcheck disable=SC2086 # a list of names
node_modules/.bin/esbuild $tests --bundle --platform=node --format=esm --target=node18 --packages=external \
    --external:../../clients/* --outdir="$out/tests/api" --out-extension:.js=.mjs --log-level=warning || exit 1
export RINGFENCE_BUILD="$build" RINGFENCE_SOURCE="$(cd ../.. && pwd)"
failed=0
background=
# The heartbeat's test waits for the clock most of its time.
for test in $tests; do
    [ "$test" = heartbeat.test.ts ] || continue
    node "$out/tests/api/heartbeat.test.mjs" >"$out/heartbeat.log" 2>&1 &
    background=$!
done
for test in $tests; do
    [ "$test" = heartbeat.test.ts ] || node "$out/tests/api/${test%.ts}.mjs" || failed=1
done
if [ -n "$background" ]; then
    wait "$background" || failed=1
    cat "$out/heartbeat.log"
fi
exit "$failed"
