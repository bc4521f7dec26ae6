#!/bin/sh
# Replaces a target's corpus by the smallest set of inputs, out of it and of what `run.sh` found,
# that reaches as much code:
#
#     fuzz/minimise.sh TARGET...
# How often each place is reached does not count, which keeps the sets small.
set -eu
cd "$(dirname "$0")"
./run.sh
host=$(rustc -vV | sed -n 's/^host: //p')
for target; do
    rm -rf "corpus/.$target"
    mkdir -p "corpus/.$target" "found/$target" "corpus/$target"
    "target/$host/release/$target" -set_cover_merge=1 -use_counters=0 -max_len=2048 "corpus/.$target" "corpus/$target" \
        "found/$target"
    rm -rf "corpus/$target"
    mv "corpus/.$target" "corpus/$target"
    echo "$target: $(ls "corpus/$target" | wc -l) files"
done
