#!/bin/sh
# journal.sh BUILD: random commands through a journal on the real disk, then what people do with it: verify, dump,
# damage, cut.
set -eu
build=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fail() { echo "journal.sh: $*"; exit 1; }
wants() { # STATUS COMMAND...
    want=$1
    shift
    status=0
    "$@" >"$dir.out" 2>&1 || status=$?
    [ "$status" = "$want" ] || { cat "$dir.out"; fail "status $status, not $want: $*"; }
}
says() { grep -qF -- "$1" "$dir.out" || { cat "$dir.out"; fail "does not say \"$1\""; }; }
trap 'rm -rf "$dir" "$dir.out"' EXIT

"$build/rf_sim" --commands 100000 --seed 3 --check-every 0 --snapshot-every 20000 --journal "$dir" --hash --quiet --partial
digest=$("$build/ringfence" verify --json "$dir" | sed -n 's/.*"digest":"\([0-9a-f]*\)".*/\1/p')
"$build/ringfence" verify "$dir" | grep -q "^digest $digest\$" || fail "two digests"
wants 0 "$build/ringfence" verify --check-every 1000 "$dir"
says "5 snapshots compared"
says "all is well"

# Dump: every record, JSON, in order.
"$build/ringfence" journal dump "$dir" >"$dir.out"
records=$(wc -l <"$dir.out")
python3 - "$dir.out" <<'PY' || fail "dump"
import json, sys
kinds = {}
for number, line in enumerate(open(sys.argv[1], errors='replace'), 1):
    record = json.loads(line)
    assert list(record) == ["seq", "kind", "time_ns", "fields"] and record["seq"] == number
    kinds[record["kind"]] = kinds.get(record["kind"], 0) + 1
assert len(kinds) == 32, sorted(kinds)
print(len(kinds), "kinds of commands dumped")
PY
[ "$("$build/ringfence" journal dump --from 10 --to 14 "$dir" | wc -l)" = 5 ] || fail "dump --from --to"

# Nothing to cut; then one bit in the middle: found, named, cut, and what is left is whole.
wants 0 "$build/ringfence" journal cut "$dir"
says "nothing to cut"
file=$(ls "$dir"/journal-0* | sed -n 4p)
printf '\377' | dd of="$file" bs=1 seek=600000 conv=notrunc status=none
wants 1 "$build/ringfence" verify "$dir"
says "$(basename "$file") is damaged at byte "
wants 1 "$build/ringfence" verify --json "$dir"
says '"ok":false'
wants 1 "$build/ringfence" journal dump "$dir"
wants 1 "$build/ringfence" journal cut "$dir"
says "nothing was changed"
wants 1 "$build/ringfence" verify "$dir"
wants 0 "$build/ringfence" journal cut --yes "$dir"
[ -f "$file.cut" ] || fail "the cut part is not beside"
wants 0 "$build/ringfence" verify "$dir"
says "1 snapshot compared"
left=$("$build/ringfence" journal dump "$dir" | wc -l)
[ "$left" -gt 26000 ] && [ "$left" -lt "$records" ] || fail "$left of $records records left"

# Old files gone: from the oldest snapshot that fits.
rm "$dir/journal-00000000000000000001"
wants 0 "$build/ringfence" verify "$dir"
says "from the snapshot of record "
rm "$dir"/snapshot-*
wants 1 "$build/ringfence" verify "$dir"
says "no snapshot leads there"

# A server's lock is respected; usage.
( flock 9; wants 1 "$build/ringfence" journal cut "$dir"; says "a server is running on it" ) 9>"$dir/lock"
wants 1 "$build/ringfence" verify "$dir/nowhere"
wants 2 "$build/ringfence" verify
wants 2 "$build/ringfence" verify --what "$dir"
wants 2 "$build/ringfence" verify --check-every 0 "$dir"
wants 2 "$build/ringfence" journal
wants 2 "$build/ringfence" journal mend "$dir"
wants 2 "$build/ringfence" journal dump --from x "$dir"
wants 0 "$build/ringfence" help verify
wants 0 "$build/ringfence" help journal
echo "journal.sh: $records records, all as it should be"
