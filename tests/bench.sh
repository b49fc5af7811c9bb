#!/bin/sh
# Speed as ratios taken in one run on one machine: the start of one process against
# /bin/true, and 2,000 trainer configs against plain libyaml over the same bytes.
# Usage: B=build sh tests/bench.sh [FOLDER-OF-YAML]
set -eu
cd "$(dirname "$0")/.."
B=${B:-build}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

best() { # COMMAND...: nanoseconds of the fastest of seven runs
    fastest=
    for _ in 1 2 3 4 5 6 7; do
        from=$(date +%s%N)
        "$@" > /dev/null 2>&1 < "${input:-/dev/null}" || true
        took=$(($(date +%s%N) - from))
        { [ -z "$fastest" ] || [ "$took" -lt "$fastest" ]; } && fastest=$took
    done
    echo "$fastest"
}

folder=${1:-}
if [ -z "$folder" ]; then
    folder=$work/tree
    mkdir "$folder"
    i=0
    while [ $i -lt 2000 ]; do
        cat fixtures/notes/*/*.yaml fixtures/notes/*/configs/*.yaml 2> /dev/null | awk -v i=$i '
            /^---/ { next } { print } END { printf "run_name: bench-%d\n", i }' | awk '!seen[$1]++' > "$folder/$i.yaml"
        i=$((i + 1))
    done
fi
find "$folder" -name '*.yaml' > "$work/list"
n=$(wc -l < "$work/list")
bytes=$(xargs cat < "$work/list" | wc -c)
one=$(head -n 1 "$work/list")

start=$(best /bin/true)
single=$(best "$B/gpulint" --no-config --gpu 12GB "$one")
plain=$(input=$work/list best "$B/tests/events")
all=$(best "$B/gpulint" --no-config --gpu 12GB --format json "$folder")
awk -v start="$start" -v single="$single" -v plain="$plain" -v all="$all" -v n="$n" -v bytes="$bytes" 'BEGIN {
    printf "%d files, %.1f MB\n", n, bytes / 1e6
    printf "one file:  %.1f ms, %.1f times /bin/true\n", single / 1e6, single / start
    printf "all files: %.1f ms, %.2f times plain libyaml (%.1f ms), %.1f MB/s\n", all / 1e6, all / plain, plain / 1e6, bytes * 1000 / all
}'
