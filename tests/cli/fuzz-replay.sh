#!/bin/sh
# The laws that the fuzzers look for, over every small fixture and every input that once
# broke one (fixtures/fuzz).
set -u
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
replay=$(dirname "$GPULINT")/fuzz/replay
sh tests/fuzz/seeds.sh "$folder" || exit 1
[ "$(find "$folder/seeds" -type f | wc -l)" -gt 100 ] || { echo "hardly any seeds"; exit 1; }
"$replay" "$folder"/seeds/* > "$folder/out" 2>&1 && exit 0
tail -n 40 "$folder/out"
exit 1
