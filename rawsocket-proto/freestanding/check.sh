#!/bin/sh
# Proves that the library needs neither std nor an allocator, both ways round:
# the program links and runs, and it no longer builds once either of them gets in.
# Then prints the size of the library's code, and fails if it is beyond its limit.
set -eu
cd "$(dirname "$0")"
limit=2048

say() { echo "freestanding: $*"; }

cargo build --quiet --release --locked
target/release/freestanding
say "links without std and without an allocator, and runs"

must_fail() {
    if output=$(cargo build --quiet --release --locked --features "$1" 2>&1); then
        say "built with $1: the proof proves nothing" >&2
        exit 1
    fi
    case $output in
    *"$2"*) say "fails with $1, as it must" ;;
    *)
        echo "$output" >&2
        say "failed with $1 for another reason" >&2
        exit 1
        ;;
    esac
}
must_fail must-fail-std "duplicate lang item"
must_fail must-fail-connection "no global memory allocator found"

# Firmware's own target, where it is installed.
target=thumbv7em-none-eabihf
if [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]; then
    cargo build --quiet --release --locked --lib --target $target
    say "builds for $target"
else
    say "$target is not installed, skipped"
fi

# The functions of the static library: the C interface with what it calls.
weigh() {
    total=0
    for hex in $(nm -S target/release/librawsocket_freestanding.a 2>/dev/null |
        awk -v these="$1" '$3 ~ /^[tT]$/ && $4 ~ /rawsocket/ && ($4 ~ /beat|pong/) == these { print $2 }'); do
        total=$((total + 0x$hex))
    done
    echo $total
}
if command -v nm >/dev/null; then
    cargo build --quiet --release --locked --lib
    wire=$(weigh 0)
    say "$wire octets of code to decode, encode and do a handshake, at most $limit;" \
        "$(weigh 1) for the heartbeat"
    [ "$wire" -gt 0 ] && [ "$wire" -le $limit ]
fi
