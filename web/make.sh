#!/bin/sh
# make.sh OUT.c DIR: builds the pages in DIR and writes OUT.c, which carries them into the program.
# Without Node, npm's packages or a compiler for WebAssembly OUT.c is empty, and the program is an API-only server
# that says so. RINGFENCE_WEB=required turns that into an error (./run and ./test of this repository).
set -u
out=$1
dir=$2
web=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

missing() {
    echo "web: $1: the program is built without pages" >&2
    {
        echo '#include "server/assets.h"'
        echo 'const rf_asset rf_assets[] = {{0}};'
        echo 'const size_t rf_assets_count = 0;'
        printf 'const char *const rf_assets_missing = "%s";\n' "$1"
    } >"$out"
    [ "${RINGFENCE_WEB:-}" != required ] || exit 1
    exit 0
}

command -v node >/dev/null 2>&1 || missing "Node.js is not installed"
if ! cmp -s "$web/package-lock.json" "$web/node_modules/.installed"; then
    command -v npm >/dev/null 2>&1 || missing "npm is not installed"
    (cd "$web" && npm ci --no-audit --no-fund --loglevel=error >"$dir/npm.log" 2>&1) || missing "npm ci failed (see npm.log)"
    cp "$web/package-lock.json" "$web/node_modules/.installed"
fi
rm -rf "$dir/pages"
sh "$web/build.sh" "$dir/pages" >"$dir/build.log" 2>&1 || {
    cat "$dir/build.log" >&2
    missing "the pages did not build"
}

type_of() {
    case $1 in
    *.html) echo 'text/html; charset=utf-8' ;;
    *.js) echo 'text/javascript; charset=utf-8' ;;
    *.css) echo 'text/css; charset=utf-8' ;;
    *.svg) echo 'image/svg+xml' ;;
    *.wasm) echo 'application/wasm' ;;
    esac
}

# One .incbin a file, and a row of the table. The ETag is the content's own.
{
    echo '#include "server/assets.h"'
    rows=
    number=0
    for file in "$dir"/pages/*; do
        gzip -9nf <"$file" >"$dir/$number.gz"
        tag=$(sha256sum <"$file" | cut -c1-16)
        size=$(wc -c <"$file")
        printf '__asm__(".section .rodata\\nasset_%s:\\n.incbin \\"%s\\"\\nasset_%s_end:\\n.previous\\n");\n' "$number" "$dir/$number.gz" "$number"
        printf 'extern const unsigned char asset_%s[], asset_%s_end[];\n' "$number" "$number"
        rows="$rows    {\"/$(basename "$file")\", \"$(type_of "$file")\", \"\\\"$tag\\\"\", asset_$number, asset_${number}_end, $((size))},
"
        number=$((number + 1))
    done
    printf 'const rf_asset rf_assets[] = {\n%s};\n' "$rows"
    echo "const size_t rf_assets_count = $number;"
    echo 'const char *const rf_assets_missing = NULL;'
} >"$out"
