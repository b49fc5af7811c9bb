#!/bin/sh
# Runs every test and says how many: unit programs, fixture cases, command-line scripts.
# A case is a folder (docs/TESTING.md). ACCEPT=1 rewrites expectations instead.
# Usage: B=build sh tests/run.sh [FIXTURE-FOLDER...]
set -u
cd "$(dirname "$0")/.." || exit 2
top=$PWD
B=${B:-build}
case $B in /*) build=$B ;; *) build=$top/$B ;; esac
gpulint=$build/gpulint
lines=$build/tests/lines
ACCEPT=${ACCEPT:-}
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
export LC_ALL=C NO_COLOR=1 GPULINT=$gpulint
passed=0 failed=0 skipped=0
python=
for p in /usr/bin/python3 python3; do
    [ -z "$python" ] && "$p" -c 'import yaml' 2> /dev/null && python=$p
done

pass() { passed=$((passed + 1)); }
fail() {
    failed=$((failed + 1))
    echo "not ok - $1"
    [ -s "$2" ] && sed 's/^/    /' "$2" | head -n 40
}

# same NAME EXPECTED GOT: compares, or rewrites EXPECTED with ACCEPT.
same() {
    if [ -n "$ACCEPT" ]; then
        if [ -s "$3" ] || [ "${4:-}" = keep-empty ]; then cp "$3" "$2"; else rm -f "$2"; fi
        pass
        return
    fi
    [ -e "$2" ] || : > "$scratch/empty"
    expected=$2
    [ -e "$expected" ] || expected=$scratch/empty
    if diff -u "$expected" "$3" > "$scratch/diff" 2>&1; then pass; else fail "$1" "$scratch/diff"; fi
}

# A copy of a case's files without what describes the case.
copy_case() {
    rm -rf "$scratch/case"
    cp -R "$1" "$scratch/case"
    rm -rf "$scratch/case/expect" "$scratch/case/args" "$scratch/case/fixed" \
        "$scratch/case/estimate" "$scratch/case/diff" "$scratch/case/settings"
}

arguments() { if [ -e "$1/args" ]; then cat "$1/args"; fi; }

# Findings as expected; --fix gives fixed/ (or changes nothing); again, nothing changes.
run_case() {
    case_dir=$1
    args=$(arguments "$case_dir")
    copy_case "$case_dir"
    cd "$scratch/case" || exit 2
    # shellcheck disable=SC2086
    "$gpulint" check $args --format json . > "$scratch/json" 2> "$scratch/err"
    "$lines" findings < "$scratch/json" > "$scratch/got" 2>> "$scratch/err"
    cat "$scratch/err" >> "$scratch/got"
    same "$case_dir: findings" "$top/$case_dir/expect" "$scratch/got" keep-empty
    cp -R . "$scratch/before"
    # shellcheck disable=SC2086
    "$gpulint" check --fix $args . > /dev/null 2> "$scratch/got"
    same "$case_dir: --fix says nothing on stderr" "$top/$case_dir/fix-stderr" "$scratch/got"
    check_fixed
    cp -R . "$scratch/once"
    # shellcheck disable=SC2086
    "$gpulint" check --fix $args . > /dev/null 2>&1
    if diff -r . "$scratch/once" > "$scratch/diff"; then pass; else fail "$case_dir: a second --fix changes nothing" "$scratch/diff"; fi
    rm -rf "$scratch/before" "$scratch/once"
    cd "$top" || exit 2
}

check_fixed() {
    if [ -n "$ACCEPT" ]; then
        rm -rf "$top/$case_dir/fixed"
        find . -type f | while read -r f; do
            cmp -s "$f" "$scratch/before/$f" && continue
            mkdir -p "$(dirname "$top/$case_dir/fixed/$f")"
            cp "$f" "$top/$case_dir/fixed/$f"
        done
        return
    fi
    rm -rf "$scratch/want"
    cp -R "$scratch/before" "$scratch/want"
    [ -d "$top/$case_dir/fixed" ] && cp -R "$top/$case_dir/fixed/." "$scratch/want/"
    if diff -r "$scratch/want" . > "$scratch/diff"; then pass; else fail "$case_dir: fixed files" "$scratch/diff"; fi
}

# What was understood of files that belong together.
run_linked() {
    run_case "$1"
    copy_case "$1"
    (cd "$scratch/case" && "$gpulint" settings .) > "$scratch/got" 2>&1
    same "$1: settings" "$1/settings" "$scratch/got" keep-empty
}

# before/ becomes after/ by --fix, byte for byte, and stays so; `changes` is what changed to
# the eyes of other parsers.
run_rewrite() {
    case_dir=$1
    args=$(sed "s|@|$top/fixtures/rewrite|g" "$case_dir/args")
    rm -rf "$scratch/case"
    cp -R "$case_dir/before" "$scratch/case"
    # shellcheck disable=SC2086
    (cd "$scratch/case" && "$gpulint" check --fix $args . > /dev/null 2> "$scratch/got")
    same "$case_dir: --fix says nothing on stderr" "$top/$case_dir/fix-stderr" "$scratch/got"
    if [ -n "$ACCEPT" ]; then
        rm -rf "$case_dir/after"
        cp -R "$scratch/case" "$case_dir/after"
    fi
    if diff -r "$case_dir/after" "$scratch/case" > "$scratch/diff"; then pass; else fail "$case_dir: after" "$scratch/diff"; fi
    # shellcheck disable=SC2086
    (cd "$scratch/case" && "$gpulint" check --fix $args . > /dev/null 2>&1)
    if diff -r "$case_dir/after" "$scratch/case" > "$scratch/diff"; then pass; else fail "$case_dir: a second --fix changes nothing" "$scratch/diff"; fi
    [ -n "$python" ] || return
    $python -B tests/rewrite_values.py "$case_dir/before" "$scratch/case" > "$scratch/got" 2>&1
    same "$case_dir: changes" "$top/$case_dir/changes" "$scratch/got"
}

# The facts that a framework table gives.
run_facts() {
    for input in "$1"/in.*; do
        "$gpulint" settings --no-config --format json "$input" 2> "$scratch/err" | "$lines" facts > "$scratch/got" 2>> "$scratch/err"
        cat "$scratch/err" >> "$scratch/got"
        same "$1: facts" "$1/facts" "$scratch/got" keep-empty
    done
}

# A file that must stay silent, whatever the target.
run_quiet() {
    for args in "" "--gpu rtx-3060-12gb --profile cnn-lstm"; do
        # shellcheck disable=SC2086
        "$gpulint" check $args --quiet --force-exclude "$1" > "$scratch/got" 2>&1
        if [ -s "$scratch/got" ]; then fail "$1: must be silent" "$scratch/got"; else pass; fi
    done
}

# A shell script that prints what went wrong; 77 skips.
run_script() {
    (cd "$top" && sh "$1") > "$scratch/got" 2>&1
    status=$?
    if [ $status -eq 0 ]; then
        pass
    elif [ $status -eq 77 ]; then
        skipped=$((skipped + 1))
        echo "skipped - $1: $(tail -n 1 "$scratch/got")"
    else
        fail "$1" "$scratch/got"
    fi
}

# A cmocka program: every test of it counts.
run_unit() {
    "$1" > "$scratch/got" 2>&1
    status=$?
    n=$(sed -n 's/^\[  PASSED  \] \([0-9][0-9]*\) test.*/\1/p' "$scratch/got" | awk '{ n += $1 } END { print n + 0 }')
    bad=$(sed -n 's/^\[  FAILED  \] \([0-9][0-9]*\) test.*/\1/p' "$scratch/got" | awk '{ n += $1 } END { print n + 0 }')
    s=$(sed -n 's/^\[  SKIPPED \] \([0-9][0-9]*\) test.*/\1/p' "$scratch/got" | awk '{ n += $1 } END { print n + 0 }')
    passed=$((passed + n))
    skipped=$((skipped + s))
    [ "$s" -gt 0 ] && sed -n 's/^\[  SKIPPED \] \([^0-9].*\)/skipped - \1/p' "$scratch/got" | sort -u
    if [ $status -ne 0 ]; then
        fail "$1" "$scratch/got"
        [ "$bad" -gt 1 ] && failed=$((failed + bad - 1))
    fi
}

each() { # each RUNNER FOLDER...: folders that hold a case, in order
    runner=$1
    shift
    for one in "$@"; do
        [ -d "$one" ] && $runner "${one%/}"
    done
}

if [ $# -gt 0 ]; then
    each run_case "$@"
else
    if [ -z "$ACCEPT" ]; then
        for unit in "$build"/unit/*; do
            case $unit in *.d) ;; *) [ -x "$unit" ] && run_unit "$unit" ;; esac
        done
    fi
    each run_case fixtures/demo fixtures/rules/*/*/*/ fixtures/notes/*/
    each run_linked fixtures/link/*/
    each run_rewrite fixtures/rewrite/[0-9]*/
    each run_facts fixtures/bind/*/*/
    if [ -z "$ACCEPT" ]; then
        for file in fixtures/quiet/*; do run_quiet "$file"; done
        for script in tests/cli/*.sh; do run_script "$script"; done
    fi
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
