#!/bin/sh
# The tree's own rules: budgets of files and functions, include discipline, words that do
# not belong, every rule with its fixtures.
set -u
cd "$(dirname "$0")/.." || exit 2
bad=0
complain() { echo "check-tree: $*"; bad=1; }

for f in $(git ls-files 'lint/*.c' 'lint/*/*.c' 'tests/*/*.c'); do
    n=$(wc -l < "$f")
    [ "$n" -le 800 ] || complain "$f has $n lines (800 at most)"
done
for f in $(git ls-files 'lint/*.h' 'lint/*/*.h'); do
    n=$(wc -l < "$f")
    # pack.h holds the one description of all shipped data.
    case $f in lint/pack.h) limit=340 ;; lint/pack_read.h) limit=130 ;; lint/front/front.h | lint/setting.h | lint/fix.h) limit=140 ;; *) limit=120 ;; esac
    [ "$n" -le $limit ] || complain "$f has $n lines ($limit at most)"
done

# Each library is known to one family of files.
for pair in yaml.h:lint/front/yaml pcre2.h:lint/match cjson/cJSON.h:lint/report/json toml++/toml.h:lint/front/toml_events; do
    header=${pair%%:*} home=${pair#*:}
    for f in $(git grep -l "#include <$header>" -- 'lint' | grep -v "^$home"); do
        complain "$f includes <$header>; only $home* may"
    done
done
# A front end knows no rule; the memory model knows no front end; a rule knows no language.
git grep -nE '#include "(\.\./)?(rule|fact|bind|memory|fix|pack)\.h"' -- lint/front | grep . && complain "a front end includes a later stage"
git grep -nE '#include ".*(yaml|json|python|shell|toml)\.h"' -- ':(glob)lint/*.c' | grep . && complain "a stage includes a front end's private header"

# Functions: 80 lines at most (signature to closing brace, at column 0).
for f in $(git ls-files 'lint/*.c' 'lint/*/*.c'); do
    awk -v f="$f" '
        /^[a-z].*\)$/ || /^ .*\)$/ { head = NR }
        /^\{$/ { start = head ? head : NR }
        /^\}$/ { if (start && NR - start > 80) { printf "check-tree: %s:%d: a function of %d lines\n", f, start, NR - start; bad = 1 } start = 0; head = 0 }
        END { exit bad }' "$f" || bad=1
done

for f in $(git ls-files 'rules/*/*.yaml' | grep -vE '^rules/(advice|bind|catalog|profiles)/'); do
    id=$(basename "$f" .yaml)
    for kind in bad good near_miss; do
        grep -q 'scope: native' "$f" || [ -d "fixtures/$(dirname "$f")/$id/$kind" ] || complain "$f has no fixtures/$(dirname "$f")/$id/$kind; make accept"
    done
done
git grep -nIwE 'T[O]DO|F[I]XME|X[X]X|H[A]CK' -- lint rules tests ':!tests/check-tree.sh' | grep . && complain "marks of unfinished work"
[ $bad -eq 0 ] && echo "check-tree: fine"
exit $bad
