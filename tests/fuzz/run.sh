#!/bin/sh
# Runs both fuzzers side by side, each on one core: run.sh LIBFUZZER-TARGET AFL-TARGET SECONDS
# FOLDER. Corpora, logs and what broke a law are kept below FOLDER; fails if anything did.
set -u
libfuzzer=$1 afl=$2 seconds=$3 work=$4
here=$(dirname "$0")
mkdir -p "$work/corpus" "$work/broken"
sh "$here/seeds.sh" "$work" || exit 2
export ASAN_OPTIONS=abort_on_error=1:detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1
nice -n 19 "$libfuzzer" -fork=1 -ignore_crashes=1 -ignore_timeouts=1 -ignore_ooms=1 -max_len=4096 \
    -timeout=20 -rss_limit_mb=2048 -max_total_time="$seconds" -dict="$work/dict" \
    -artifact_prefix="$work/broken/" "$work/corpus" "$work/seeds" > "$work/libfuzzer.log" 2>&1 &
first=$!
unset ASAN_OPTIONS UBSAN_OPTIONS
AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_AFFINITY=1 AFL_NO_UI=1 \
    nice -n 19 afl-fuzz -V "$seconds" -t 5000 -m none -x "$work/dict" \
    -i "$work/seeds" -o "$work/afl" -- "$afl" > "$work/afl.log" 2>&1 &
second=$!
trap 'kill $first $second' INT TERM
wait $first $second
find "$work/afl/default/crashes" "$work/afl/default/hangs" -name 'id*' -exec cp {} "$work/broken/" \;
grep -E '^#[0-9]+:' "$work/libfuzzer.log" | tail -n 1 | sed 's/^/libFuzzer /'
sed -n 's/^\(run_time\|execs_done\|execs_per_sec\|corpus_count\|saved_crashes\|saved_hangs\) */AFL++ \1 /p' "$work/afl/default/fuzzer_stats"
broken=$(find "$work/broken" -type f | wc -l)
echo "$broken inputs broke a law or hung; they are kept in $work/broken"
[ "$broken" -eq 0 ]
