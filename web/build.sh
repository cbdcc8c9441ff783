#!/bin/sh
# build.sh OUT: type-checks and bundles the pages into OUT, where the server's build takes them from.
# Needs npm's packages (npm ci); without clang for wasm32 it says so and fails.
set -eu
cd "$(dirname "$0")"
out=${1:-../build/web}
mkdir -p "$out"
rm -f "$out"/*
node_modules/.bin/tsc --noEmit
node_modules/.bin/esbuild trade=trade/main.tsx console=console/main.tsx --bundle --format=esm --splitting --minify \
    --target=es2022 --jsx=automatic --jsx-import-source=preact --chunk-names=chunk-[hash] --outdir="$out" --legal-comments=none --log-level=warning
node_modules/.bin/esbuild trade/trade.css console/console.css --bundle --minify --outdir="$out" --log-level=warning --entry-names=[name]
cp trade/index.html "$out/index.html"
cp console/index.html "$out/console.html"
cp shared/icon.svg "$out/icon.svg"
sh wasm/build.sh "$out/margin.wasm"
