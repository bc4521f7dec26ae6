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

# All functions of the static library: the C interface with what it calls, the heartbeat included.
if command -v nm >/dev/null; then
    cargo build --quiet --release --locked --lib
    size=0
    for hex in $(nm -S target/release/librawsocket_freestanding.a 2>/dev/null |
        awk '$3 ~ /^[tT]$/ && $4 ~ /rawsocket/ { print $2 }'); do
        size=$((size + 0x$hex))
    done
    say "$size octets of code at opt-level s, at most $limit"
    [ "$size" -gt 0 ] && [ "$size" -le $limit ]
fi
