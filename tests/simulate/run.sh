#!/bin/sh
# ringfence simulate: readers, refusals, determinism, outputs, and the real crash of March 2020 where it is at hand.
#   tests/simulate/run.sh [PROGRAM]      "build/ringfence" by default
# Every price file here is made by this script. The real data is never part of the repository: without ../shared/data
# its run says SKIP. The last line is "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 2
program=${1:-build/ringfence}
case $program in /*) ;; *) program=$PWD/$program ;; esac
data=$PWD/../shared/data/price
[ -x "$program" ] || { echo "$program is not there: build first"; echo "0 passed, 1 failed"; exit 1; }
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 2

passed=0
failed=0
pass() { passed=$((passed + 1)); }
fail() {
    failed=$((failed + 1))
    echo "FAIL: $*"
}
check() { # WORDS COMMAND...
    words=$1
    shift
    if "$@"; then pass; else fail "$words"; fi
}

# ---- Price files ----------------------------------------------------------------------------------------------

# Two days of minutes that fall by half in the middle of the second and recover a little: a walk by a fixed rule.
make_prices() {
    python3 - <<'EOF'
import gzip, zipfile
price, seed, rows = 40000, 12345, []          # in halves of a dollar
half = lambda n: f"{n // 2}.{n % 2 * 5}"
for i in range(2880):
    seed = (seed * 1103515245 + 12345) % 2**31
    move = seed // 65536 % 41 - 20 - 180 * (2000 <= i < 2120) + 40 * (2120 <= i < 2240)
    close = price + move
    high, low = max(price, close) + seed // 1024 % 8, min(price, close) - seed // 4096 % 8
    volume = f"{40 + seed // 256 % 60}.{seed // 16 % 1000:03d}"
    rows.append([str(1700006400000 + i * 60000)] + [half(n) for n in (price, high, low, close)] + [volume])
    price = close
text = "ts_open_ms,open,high,low,close,volume_base\n" + "".join(",".join(row) + "\n" for row in rows)
# The same bars as Binance prints them: twelve columns, no header, microseconds, eight decimals.
kline = lambda r: [r[0] + "000"] + [n + "0000000" for n in r[1:5]] + [r[5] + "00000", r[0] + "999", *"000000"]
klines = "".join(",".join(kline(row)[:12]) + "\n" for row in rows)
hole = text.splitlines(keepends=True)
hole[1500:] = [str(int(line[:13]) + 30 * 86400000) + line[13:] for line in hole[1500:]]
open("prices.csv", "w").write(text)
open("klines.csv", "w").write(klines)
open("hole.csv", "w").write("".join(hole))
open("prices.csv.gz", "wb").write(gzip.compress(text.encode()))
with zipfile.ZipFile("klines.zip", "w", zipfile.ZIP_DEFLATED) as packed:
    packed.writestr("klines.csv", klines)
EOF
}
make_prices || { echo "the price files cannot be made (python3)"; echo "0 passed, 1 failed"; exit 1; }

simulate() { "$program" simulate --accounts 400 --fund 2000 "$@"; }

field() { # FILE EXPRESSION: prints what the expression says about the JSON object o
    python3 -c 'import decimal, json, sys
o = json.load(open(sys.argv[1]), parse_float=decimal.Decimal)
D = decimal.Decimal
print(eval(sys.argv[2]))' "$1" "$2" 2>/dev/null
}
holds() { [ "$(field "$1" "$2")" = True ] || { echo "  $1: not so: $2"; return 1; }; }

# ---- One run, its JSON -------------------------------------------------------------------------------------------

check "runs on the made-up crash" simulate --prices prices.csv --json --html a.html >a.json
[ -s a.json ] || { echo "$passed passed, $failed failed"; exit 1; }
for name in accounts isolations crosses bars liquidations closed_in_book taken_over deleveraged recovered fund_start \
    fund_low fund_end largest_shortfall conservation_residual main_touched_by_isolation by_leverage digest; do
    check "JSON has $name" holds a.json "'$name' in o"
done
check "JSON is one line" test "$(wc -l <a.json)" = 1
check "population" holds a.json "o['accounts'] == 400 and o['isolations'] == 400 and o['crosses'] == 200"
check "bars" holds a.json "o['bars'] == 2880"
check "rows" holds a.json "[r['leverage'] for r in o['by_leverage']] == [2, 3, 5, 10, 20, 25, 50, 100]"
check "rows name what cli.md asks for" holds a.json \
    "all({'leverage', 'positions', 'liquidated', 'loss'} <= set(r) for r in o['by_leverage'])"
check "rows add up" holds a.json "sum(r['positions'] for r in o['by_leverage']) == 400 \
and sum(r['liquidated'] for r in o['by_leverage']) == o['liquidations']"
check "outcomes add up" holds a.json \
    "o['closed_in_book'] + o['taken_over'] + o['deleveraged'] == o['liquidations'] > 0"
check "money is conserved" holds a.json "o['conservation_residual'] == 0 and o['residual_checks'] >= o['bars'] - 1"
check "no main account is touched" holds a.json "o['main_touched_by_isolation'] == 0"
check "nobody loses more than was put in" holds a.json "o['lost_more_than_put_in'] == 0 and \
all(0 <= D(r['loss']) <= D(r['put_in']) for r in o['by_leverage'])"
check "events rebuild every balance" holds a.json "o['rebuilt_wrong'] == 0"
check "invariants hold" holds a.json "o['invariants_ok'] is True and o['invariant_checks'] >= 3"
check "fund starts as told" holds a.json "D(o['fund_start']) == 2000"
check "fund's lowest" holds a.json "D(o['fund_low']) <= min(D(o['fund_start']), D(o['fund_end']))"
check "digest" holds a.json "len(o['digest']) == 32 and int(o['digest'], 16) > 0"
check "higher leverage is lost first" holds a.json \
    "(lambda t: t == sorted(t, reverse=True) and len(t) >= 5)([r['first_ms'] for r in o['by_leverage'] if r['first_ms']])"

# ---- Same seed, same bytes -------------------------------------------------------------------------------------------

simulate --prices prices.csv --json --html b.html >b.json
check "same seed, same JSON" cmp a.json b.json
check "same seed, same report" cmp a.html b.html
simulate --prices prices.csv --seed 2 --json >c.json
check "another seed, another run" holds c.json "o['digest'] != '$(field a.json "o['digest']")'"
simulate --prices prices.csv.gz --json >b.json
check "gzip reads the same" cmp a.json b.json
simulate --prices klines.csv --json >b.json
check "klines read the same" cmp a.json b.json
simulate --prices klines.zip --json >b.json
check "zip reads the same" cmp a.json b.json

# ---- Tables and report -------------------------------------------------------------------------------------------------

simulate --prices prices.csv >a.txt 2>a.err
check "tables: liquidated of 100x" grep -q "^100x  *50  *50  *100.0 %" a.txt
check "tables: residual" grep -q "conservation residual  *0\.00000000 " a.txt
check "tables: digest" grep -q "$(field a.json "o['digest']")" a.txt
check "no progress bar in a file" test ! -s a.err
check "report: three plots" test "$(grep -c '<svg ' a.html)" = 3
check "report: price line" grep -q '<polyline class="price" points="[0-9]' a.html
check "report: liquidations" grep -q '<rect class="book"' a.html
check "report: fund line" grep -q '<polyline class="equity" points="[0-9]' a.html
check "report: losses" grep -q '<rect class="lost"' a.html
check "report: dark mode" grep -q 'prefers-color-scheme:dark' a.html
check "report: nothing from elsewhere" sh -c '! grep -Eiq "<script|https?://|<link|<img|@import|url\(" a.html'
check "report: well-formed" python3 - a.html <<'EOF'
import html.parser, sys
class Check(html.parser.HTMLParser):
    stack, plots, fine = [], 0, True
    void = {"meta", "path", "rect", "polyline", "polygon", "circle"}
    def handle_starttag(self, tag, attrs):
        self.plots += tag == "svg"
        if tag not in {"meta"}: self.stack.append(tag)
    def handle_startendtag(self, tag, attrs): pass
    def handle_endtag(self, tag): self.fine = self.fine and bool(self.stack) and self.stack.pop() == tag
check = Check()
check.feed(open(sys.argv[1]).read())
optional = {"td", "th", "tr", "dt", "dd"}
sys.exit(not (check.fine and not check.stack and check.plots == 3))
EOF

# ---- Options -------------------------------------------------------------------------------------------------------------

simulate --prices prices.csv --json --leverage 5,10 --long-share 1 --cross-share 0 --maker-depth 0 --fund 0 >d.json
check "without makers and fund everybody is deleveraged" holds d.json \
    "o['crosses'] == 0 and o['closed_in_book'] == 0 and o['deleveraged'] > 0 and o['conservation_residual'] == 0"
simulate --prices prices.csv --json --extra-margin 0.5 --tiers 0:0.005:100,5000:0.01:50 >e.json
check "tiers and extra margin" holds e.json "o['conservation_residual'] == 0 and \
sum(D(r['put_in']) for r in o['by_leverage']) > $(field a.json "sum(D(r['put_in']) for r in o['by_leverage'])")"
simulate --prices prices.csv --json --from 2023-11-16T00:00 --to 1700179200000 >f.json
check "window" holds f.json "o['bars'] == 1440 and o['start_ms'] == 1700092845000 and o['end_ms'] < 1700179200000"
simulate --prices A=prices.csv --prices B=klines.zip --json --html g.html >g.json
check "two instruments" holds g.json "[i['instrument_name'] for i in o['instruments']] == ['A', 'B'] and \
o['bars'] == 5760 and o['conservation_residual'] == 0 and o['main_touched_by_isolation'] == 0"
check "two instruments, four plots" test "$(grep -c '<svg ' g.html)" = 4
simulate --prices hole.csv --json >h.json
check "a hole in the history is passed over" holds h.json "o['gaps'] == 1 and o['bars'] == 2880 and \
o['conservation_residual'] == 0"

# ---- Refusals ------------------------------------------------------------------------------------------------------------

refuses() { # STATUS MESSAGE ARGUMENT...: one line on stderr, nothing on stdout
    want=$1
    message=$2
    shift 2
    "$program" simulate "$@" >out 2>err
    status=$?
    check "status $want of: $*" test "$status" = "$want"
    check "message of: $* (got: $(cat err))" test "$(cat err)" = "ringfence simulate: $message"
    check "no output of: $*" test ! -s out
}
refuses 2 "--prices FILE is missing (see ringfence help simulate)"
refuses 2 "unknown option --speed (see ringfence help simulate)" --speed 3
refuses 2 "--prices needs a value" --prices
refuses 2 '--accounts "ten" is not a whole number from 1 to 2000000' --prices prices.csv --accounts ten
refuses 2 '--leverage "2,,3" is not a list such as 2,5,10' --prices prices.csv --leverage 2,,3
refuses 2 '--leverage names 2 twice' --prices prices.csv --leverage 2,2
refuses 2 '--leverage 50 is above --max-leverage 20' --prices prices.csv --max-leverage 20 --leverage 2,50
refuses 2 '--long-share "1.5" is not a decimal number from 0 to 1 with at most 8 decimals' --prices prices.csv \
    --long-share 1.5
refuses 2 '--fund "1e6" is not a decimal number from 0 to 1000000000 with at most 8 decimals' --prices prices.csv \
    --fund 1e6
refuses 2 '--from "2023-02-30" is not milliseconds, YYYY-MM-DD or YYYY-MM-DDTHH:MM' --prices prices.csv \
    --from 2023-02-30
refuses 2 '--to does not come after --from' --prices prices.csv --from 2023-11-16 --to 2023-11-15
refuses 2 'unexpected "prices.csv": a file is given with --prices' prices.csv
refuses 1 "none.csv: No such file or directory" --prices none.csv
refuses 1 "prices.csv: no bar between --from and --to" --prices prices.csv --from 2024-01-01
refuses 1 "no/such.html: No such file or directory" --prices prices.csv --html no/such.html

malformed() { # MESSAGE SED-COMMAND: what it makes of prices.csv is refused
    sed "$2" prices.csv >bad.csv
    refuses 1 "bad.csv: $1" --prices bad.csv
}
malformed 'line 4, column 3: high "20x" is not a plain number' '4s/^\([^,]*,[^,]*\),[^,]*/\1,20x/'
malformed 'line 9, column 6: volume "1e3" is not a plain number' '9s/[^,]*$/1e3/'
malformed 'line 7, column 5: 4 columns where 6 belong' '7s/,[^,]*,[^,]*$//'
malformed 'line 12, column 1: open time does not come after the line before' '12s/^[^,]*/1700006400000/'
malformed 'line 5, column 4: low "0.000000001" has more than 8 decimals' \
    '5s/^\([^,]*,[^,]*,[^,]*\),[^,]*/\1,0.000000001/'
malformed 'line 1, column 1: the header names no low column (first column: "ts_open_ms")' '1s/low/lo/'
malformed 'line 3, column 4: low is above high' '3s/^\([^,]*,[^,]*,[^,]*\),[^,]*/\1,99999/'
malformed 'line 2, column 5: close "" is empty' '2s/^\([^,]*,[^,]*,[^,]*,[^,]*\),[^,]*/\1,/'
head -c 2000 prices.csv.gz >bad.gz
refuses 1 "bad.gz: damaged gzip: it ends too early" --prices bad.gz
head -c 2000 klines.zip >bad.zip
refuses 1 "bad.zip: damaged zip" --prices bad.zip
: >empty.csv
refuses 1 "empty.csv: line 1, column 1: the file is empty" --prices empty.csv
head -n 1 prices.csv >header.csv
refuses 1 "header.csv: line 1, column 1: the file has a header and no bar" --prices header.csv
head -c 100000 "$program" >binary.csv
"$program" simulate --prices binary.csv >out 2>err
check "a program is not a price file" test "$?" = 1

# ---- The crash of March 2020 -----------------------------------------------------------------------------------------------

bitmex=$data/bitmex_xbtusd_perp_1m_crash_windows.csv.gz
accounts=${SIMULATE_ACCOUNTS:-100000}
if [ -f "$bitmex" ]; then
    started=$(date +%s)
    "$program" simulate --prices XBTUSD="$bitmex" --from 2020-03-07 --to 2020-03-17 --accounts "$accounts" --json \
        --html march.html >march.json
    check "March 2020 runs" test "$?" = 0
    echo "March 2020 with $accounts accounts: $(($(date +%s) - started)) s"
    check "March: population" holds march.json "o['isolations'] == $accounts and o['crosses'] == $accounts // 2"
    check "March: eleven days of minutes" holds march.json "o['bars'] == 15840"
    check "March: money is conserved at every minute" holds march.json \
        "o['conservation_residual'] == 0 and o['residual_checks'] == 15840"
    check "March: no main account is touched" holds march.json "o['main_touched_by_isolation'] == 0"
    check "March: nobody loses more than was put in" holds march.json "o['lost_more_than_put_in'] == 0"
    check "March: events rebuild every balance" holds march.json "o['rebuilt_wrong'] == 0"
    check "March: invariants hold" holds march.json "o['invariants_ok'] is True"
    check "March: higher leverage is lost first" holds march.json \
        "(lambda t: t == sorted(t, reverse=True) and len(t) == 8)([r['first_ms'] for r in o['by_leverage']])"
    # The plain check of the data's own README, from 2020-03-12 on: a long from 7,959 with half a percent of maintenance is
    # lost at 00:41 with 100x, 01:32 with 50x, ... 23:23 with 3x and on the 13th at 01:57 with 2x. Only longs here.
    "$program" simulate --prices "$bitmex" --from 2020-03-12 --to 2020-03-13 --accounts 800 --long-share 1 \
        --cross-share 0 --json >plain.json
    plain() { # LEVERAGE TIME
        ms=$(($(date -u -d "$2" +%s) * 1000))
        check "plain check: ${1}x at $2" holds plain.json \
            "[r['first_ms'] for r in o['by_leverage'] if r['leverage'] == $1] == [$ms]"
    }
    plain 100 "2020-03-12 00:41"
    plain 50 "2020-03-12 01:32"
    plain 25 "2020-03-12 02:11"
    plain 20 "2020-03-12 02:15"
    plain 10 "2020-03-12 10:25"
    plain 5 "2020-03-12 10:42"
    plain 3 "2020-03-12 23:23"
    plain 2 "2020-03-13 01:57"
else
    echo "SKIP SKIP SKIP: the real crash of March 2020 did not run: $bitmex is not there"
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
