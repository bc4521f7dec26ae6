#!/bin/sh
# Fuzzes a target on a stable toolchain, without cargo-fuzz:
#
#     fuzz/run.sh TARGET [SECONDS] [libFuzzer options]
#
# Without a target it only builds all of them. Needs a C++ compiler, for libFuzzer itself.
#
# These are the flags that `cargo fuzz run -s none` sets. What libFuzzer learns from is the coverage
# pass, which a stable compiler has; only the sanitizers want a nightly one, and there is no unsafe
# code for them to look at.
set -eu
cd "$(dirname "$0")"

export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
# With --target, the flags are not for build scripts and procedural macros.
host=$(rustc -vV | sed -n 's/^host: //p')
cargo build --release --locked --target "$host"
[ $# -gt 0 ] || exit 0

target=$1
seconds=${2:-60}
shift $(($# > 1 ? 2 : 1))
# New inputs go to `found`, which is not committed; see `minimise.sh`.
mkdir -p "found/$target" "artifacts/$target" "corpus/$target"
exec "target/$host/release/$target" -artifact_prefix="artifacts/$target/" \
    -max_total_time="$seconds" -timeout=10 -print_final_stats=1 "$@" \
    "found/$target" "corpus/$target"
