#!/bin/sh
# Writes docs/configuration.md from the table of settings (server/config.def).
set -eu
cd "$(dirname "$0")/../.."
page=docs/configuration.md
head=$(sed '/^## \[/,$d' "$page")
{
    printf '%s\n' "$head"
    build/ringfence serve --help-markdown
} >"$page.new"
mv "$page.new" "$page"
