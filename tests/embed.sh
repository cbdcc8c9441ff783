#!/bin/sh
# embed.sh [BUILD]: installs the library into an empty folder and builds examples/embed.c against nothing but
# that, as a user of libringfence would: with the shared library, and with the static one and no C library
# function beyond what the example itself uses. Both must print the same.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
DESTDIR=$root meson install -C "$build" --no-rebuild --quiet
file=$(find "$root" -name ringfence.pc)
libdir=$(dirname "$(dirname "$file")")
export PKG_CONFIG_PATH="$(dirname "$file")" PKG_CONFIG_SYSROOT_DIR="$root"
flags='-std=c11 -Wall -Wextra -Wpedantic -Werror'
mkdir "$root/work"
cp examples/embed.c "$root/work/"
cd "$root/work"
# shellcheck disable=SC2046,SC2086 # lists of flags
{
    cc $flags embed.c $(pkg-config --cflags --libs ringfence) -o shared
    cc $flags embed.c $(pkg-config --cflags ringfence) "$libdir/libringfence.a" -o static
}
LD_LIBRARY_PATH=$libdir ./shared >shared.out
./static >static.out
cat shared.out
cmp shared.out static.out
grep -q '^digest [0-9a-f]*$' shared.out
