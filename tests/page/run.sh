#!/bin/sh
# run.sh BUILD [TEST...]: the pages' tests. Needs Node, npm and (for those with a browser) Debian's chromium; what is
# missing is said with SKIP.
set -u
build=$(cd "$1" && pwd) || exit 2
shift
cd "$(dirname "$0")" || exit 2
skip() { echo "SKIP the pages' tests: $*"; exit 0; }
command -v node >/dev/null 2>&1 || skip "Node.js is not installed"
[ -f "$build/web_assets.c.p/pages/index.html" ] || skip "the program was built without pages"
if ! cmp -s package-lock.json node_modules/.installed; then
    npm ci --no-audit --no-fund --loglevel=error >"$build/page-npm.log" 2>&1 || skip "npm ci failed (see page-npm.log)"
    cp package-lock.json node_modules/.installed
fi
node_modules/.bin/tsc --noEmit || exit 1
out=$build/page-tests
rm -rf "$out"
[ $# -gt 0 ] || set -- *.test.ts
node_modules/.bin/esbuild "$@" --bundle --platform=node --format=esm --target=node18 --external:playwright-core --jsx=automatic \
    --jsx-import-source=preact --outdir="$out" --out-extension:.js=.mjs --log-level=warning || exit 1
ln -sfn "$(pwd)/node_modules" "$out/node_modules"
export RINGFENCE_BUILD="$build" RINGFENCE_SHOTS="$build/shots"
mkdir -p "$build/shots"
# Each has a server and a browser of its own. A browser among other people's work can be slower than any wait allows: a file
# that failed may try once more, and says so aloud. What fails twice has failed.
cat >"$out/one.sh" <<'END'
name=$(basename "$1" .test.mjs)
log=${1%.mjs}.log
node --test "$1" >"$log" 2>&1 && exit 0
echo "FLAKY file $name.test.ts failed; its failure stands above, it runs once more" >>"$log"
node --test "$1" >>"$log" 2>&1
END
# What measures the machine's share runs by itself; the others wait more than they work, two at a time.
failed=0
alone=$(find "$out" -name 'looks.test.mjs')
[ -z "$alone" ] || sh "$out/one.sh" "$alone" || failed=1
find "$out" -name '*.test.mjs' ! -name 'looks.test.mjs' | sort | xargs -P 2 -n 1 sh "$out/one.sh" || failed=1
cat "$out"/*.log
exit $failed
