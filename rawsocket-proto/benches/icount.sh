#!/bin/sh
# Instructions per frame of the cases in `benches/frames`, counted by callgrind: the same on a
# shared and on an idle machine.
#
#     rawsocket-proto/benches/icount.sh [FILTER]     a basic regular expression
#
# Without a filter: the cases of small frames. One line per case: instructions per frame, its name.
set -eu
cd "$(dirname "$0")/.."
small='/\(16\|128\|mixed\)/'
filter=${1:-$small}

command -v valgrind >/dev/null || {
    echo "icount: valgrind is needed" >&2
    exit 1
}
# Where Cargo put the benchmark.
bench=$(cargo bench --quiet -p wamp-rawsocket-proto --features driver --bench frames --no-run \
    --message-format json | sed -n 's/.*"executable":"\([^"]*frames-[^"]*\)".*/\1/p')
[ -x "$bench" ] || {
    echo "icount: the benchmark was not built" >&2
    exit 1
}
# The C library's long copies are one instruction per octet to valgrind, unless told otherwise.
export GLIBC_TUNABLES=glibc.cpu.x86_rep_movsb_threshold=0x7fffffff:glibc.cpu.x86_rep_stosb_threshold=0x7fffffff
report=$(mktemp)
trap 'rm -f "$report"' EXIT

cases=$("$bench" --list | grep -e "$filter") || {
    echo "icount: no case is like $filter" >&2
    exit 1
}
echo "$cases" | while IFS= read -r case; do
    frames=$(valgrind --tool=callgrind --collect-atstart=no '--toggle-collect=*counted_region*' \
        --callgrind-out-file=/dev/null --log-file="$report" "$bench" --count "$case")
    count=$(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$report")
    [ "${count:-0}" -gt 0 ] || {
        echo "icount: nothing was counted for $case" >&2
        exit 1
    }
    awk -v count="$count" -v frames="$frames" -v name="$case" \
        'BEGIN { printf "%10.1f  %s\n", count / frames, name }'
done
