#!/bin/sh
# build.sh FILE: engine/margin.c as WebAssembly. Debian: clang-14, lld-14, libclang-rt-14-dev-wasm32.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
builtins=$(find /usr/lib/llvm-14/lib/clang /usr/lib/clang -name 'libclang_rt.builtins-wasm32.a' 2>/dev/null | head -n 1)
[ -n "$builtins" ] || { echo "wasm/build.sh: libclang-rt-14-dev-wasm32 is not installed" >&2; exit 1; }
exec clang-14 --target=wasm32 -std=c11 -Os -nostdlib -ffreestanding -fvisibility=hidden -Wall -Wextra -Werror -I"$root" \
    -Wl,--no-entry -Wl,--strip-all "$root/web/wasm/margin.c" "$root/engine/margin.c" "$builtins" -o "$1"
