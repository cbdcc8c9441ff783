#!/bin/sh
# layers.sh [BUILD]: what the compiler does not check about the shape of the source (docs/tour.md).
#   - which folder may include what, and which headers the pure folders may not see
#   - base and engine: no float, no goto, no recursion, no symbol from outside but memcpy and its kin; they
#     compile with -mgeneral-regs-only, where a float would not
#   - the shared library shows the functions marked RF_API and no others
#   - functions and files of a length that can be read; every .c file stands in meson.build
# Prints each breach; ends with status 1 if there is one.
set -u
cd "$(dirname "$0")/.." || exit 2
build=${1:-build}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
breaches=$scratch/breaches
: >"$breaches"

breach() { printf '%s\n' "$*" | tee -a "$breaches"; }

# ---- Includes -----------------------------------------------------------------------------------------

pure='stdint\.h|stddef\.h|stdbool\.h|string\.h|limits\.h'
public='include/ringfence\.h|engine/[a-z]+\.def'
margin='engine/margin\.h' # pure functions that every part may call (architecture, rule 5)

# includes FOLDER ALLOWED...: every include of the folder must match one of the patterns.
includes() {
    folder=$1
    shift
    ls "$folder"/*.[ch] >/dev/null 2>&1 || return 0
    allowed=$(printf '%s|' "$@")
    grep -HnE '^[[:space:]]*#[[:space:]]*include' "$folder"/*.[ch] |
        sed -E 's/^([^:]+:[0-9]+):[^"<]*["<]([^">]+)[">].*/\1 \2/' |
        while read -r place header; do
            printf '%s\n' "$header" | grep -qE "^(${allowed%|})\$" ||
                breach "$place: $folder may not include $header"
        done
}

# Headers of the language that touch neither sockets nor files nor the clock.
language="$pure|stdlib\.h|stdarg\.h|ctype\.h|inttypes\.h|errno\.h|assert\.h|stdalign\.h"

includes base "$pure" 'base/.*'
includes engine "$pure" 'base/.*' 'include/ringfence\.h' 'engine/.*'
includes store "$pure|stdio\.h|stdlib\.h|errno\.h|fcntl\.h|unistd\.h|dirent\.h|sys/[a-z]+\.h|zstd\.h" 'base/.*' 'store/.*'
includes api "$language" 'base/.*' "$public" "$margin" 'market/.*' 'api/.*'
includes market "$language" 'base/.*' "$public" "$margin" 'market/.*'
# Programs may use the system; of the engine they see the public header and the pure functions.
system='[a-z_0-9]+\.h|sys/[a-z_0-9]+\.h|arpa/[a-z]+\.h|netinet/[a-z_]+\.h|linux/[a-z_]+\.h'
includes venue "$language" 'stdio\.h' 'sys/mman\.h' 'base/.*' 'api/.*' 'market/.*' 'store/.*' "$public" "$margin" 'venue/.*'
includes history "$system" 'base/.*' 'api/.*' 'market/.*' "$public" "$margin" 'venue/.*' 'history/.*'
# Files with prices, and nothing of ours but base.
includes prices "$language" 'stdio\.h' 'strings\.h' 'z(lib|ip)\.h' 'base/.*' 'prices/.*'
includes server "$system" 'base/.*' 'prices/.*' 'api/.*' 'market/.*' 'store/.*' "$public" "$margin" 'venue/.*' 'history/.*' 'server/.*' \
    'openssl/.*' 'curl/curl\.h'
includes cli "$system" 'base/.*' 'prices/.*' 'api/.*' 'market/.*' 'store/.*' 'bench/.*' "$public" "$margin" 'venue/.*' 'history/.*' 'cli/.*' \
    'server/serve\.h' 'server/config\.h' 'server/sign\.h' 'server/audit\.h' 'curl/curl\.h'
# The benchmarks also weigh the engine's records, and race its index against a scan over its positions.
includes bench "$system" 'base/.*' 'store/.*' 'api/.*' 'market/.*' "$public" "$margin" 'engine/state\.h' 'venue/.*' 'cli/.*' 'bench/.*' 'server/sign\.h'

# ---- Words that base and engine do without -----------------------------------------------------------

for file in base/*.[ch] engine/*.[ch]; do
    # The preprocessor drops the comments and nothing else.
    cc -fpreprocessed -dD -E "$file" 2>/dev/null | grep -nwE 'float|double|goto|malloc|free|rand|time|setlocale' |
        sed -E 's/"[^"]*"//g' | grep -wE 'float|double|goto|malloc|free|rand|time|setlocale' |
        while read -r line; do breach "$file: $line"; done
done

# ---- The sandbox is a set of customers: nothing below the server's own start knows of it ----------------

grep -liE 'sandbox' base/*.[ch] engine/*.[ch] engine/*.def market/*.[ch] venue/*.[ch] store/*.[ch] history/*.[ch] include/*.h 2>/dev/null |
    while read -r file; do breach "$file: knows of the sandbox"; done

# ---- Compile without floating point registers; look for cycles in the call graph ------------------------

for file in base/*.c engine/*.c; do
    object=$scratch/$(printf '%s' "$file" | tr / _ | sed 's/\.c$/.o/')
    cc -std=c11 -O0 -w -I. -ffreestanding -mgeneral-regs-only -fcallgraph-info -c "$file" -o "$object" \
        2>"$scratch/errors" || {
        breach "$file: does not compile with -mgeneral-regs-only"
        sed 's/^/    /' "$scratch/errors" | head -n 20
    }
done
cat "$scratch"/*.ci 2>/dev/null |
    sed -nE 's/^edge: \{ sourcename: "([^"]*)" targetname: "([^"]*)".*/\1 \2/p' |
    grep -v __indirect_call | sort -u >"$scratch/calls"
[ -s "$scratch/calls" ] || breach "no call graph: cc is not gcc?"
awk '$1 == $2 { print $1 ": calls itself" }' "$scratch/calls" | while read -r line; do breach "$line"; done
tsort "$scratch/calls" >/dev/null 2>"$scratch/loops" ||
    breach "functions that call each other in a circle: $(grep -v 'contains a loop' "$scratch/loops" | sed 's/^tsort: //' | tr '\n' ' ')"

# ---- Symbols ----------------------------------------------------------------------------------------------

# What a freestanding C library must offer anyway, and the compiler's own 128-bit division.
allowed='memcpy|memmove|memset|memcmp|memchr|strlen|strcmp|strncmp|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_'
allowed="$allowed|__(u?div|u?mod|udivmod|divmod)ti[34]"
if [ -f "$build/libringfence.a" ]; then
    nm "$build/libringfence.a" 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u >"$scratch/defined"
    nm -u "$build/libringfence.a" 2>/dev/null | awk '$1 == "U" { print $2 }' | sort -u |
        comm -23 - "$scratch/defined" | grep -vxE "$allowed" |
        while read -r symbol; do breach "libringfence.a needs $symbol"; done
    sed -nE '/^RF_API/s/.*[ *]\(?(rf_[a-z0-9_]+)\(.*/\1/p' include/ringfence.h | sort >"$scratch/api"
    [ -s "$scratch/api" ] || breach "include/ringfence.h: no function marked RF_API found"
    nm -D --defined-only "$build/libringfence.so" | awk '{ print $3 }' | sort >"$scratch/shown"
    comm -23 "$scratch/api" "$scratch/shown" | while read -r symbol; do
        breach "include/ringfence.h declares $symbol, the shared library does not have it"
    done
    comm -13 "$scratch/api" "$scratch/shown" | while read -r symbol; do
        breach "the shared library shows $symbol, which include/ringfence.h does not declare"
    done
else
    breach "$build/libringfence.a is not built"
fi

# ---- Length ----------------------------------------------------------------------------------------------

function_lines_max=100
function_lines_long=70 # at most one function in a hundred is longer
file_lines_max=900
sources=$(find base engine store api market venue history prices server cli bench tests -name node_modules -prune -o -name '*.[ch]' -print 2>/dev/null | sort)
# shellcheck disable=SC2086 # a list of paths without blanks
ctags --quiet --fields=+ne --c-kinds=f -f - $sources 2>/dev/null |
    awk -F'\t' '{
        for (i = 4; i <= NF; i++) { if ($i ~ /^line:/) from = substr($i, 6); if ($i ~ /^end:/) to = substr($i, 5) }
        print to - from + 1, $1, $2
    }' | sort -n >"$scratch/functions"
[ -s "$scratch/functions" ] || breach "ctags found no function"
awk -v max=$function_lines_max '$1 > max { print $3 ": " $2 " has " $1 " lines, more than " max }' \
    "$scratch/functions" | while read -r line; do breach "$line"; done
awk -v long=$function_lines_long '$1 > long { n++; names = names " " $2 }
    END { if (n * 100 > NR) print n " of " NR " functions are longer than " long " lines:" names }' \
    "$scratch/functions" | while read -r line; do breach "$line"; done
# shellcheck disable=SC2086
wc -l $sources | awk -v max=$file_lines_max '$2 != "total" && $1 > max { print $2 ": " $1 " lines, more than " max }' |
    while read -r line; do breach "$line"; done
awk '{ length_of[NR] = $1 } END { print NR " functions, median " length_of[int((NR + 1) / 2)] " lines, longest " length_of[NR] }' \
    "$scratch/functions"

# ---- Every source file is built -------------------------------------------------------------------------

for file in $(find base engine store api market venue history prices server cli bench tests -name node_modules -prune -o -name '*.c' -print 2>/dev/null | sort); do
    grep -qF "'$file'" meson.build || breach "$file: not in meson.build"
done

[ -s "$breaches" ] && exit 1
echo "layers: nothing to object to"
