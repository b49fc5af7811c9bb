#!/bin/sh
# The rewriter's laws, checked by other parsers over random configs. Prints TAP.
# GPULINT: the program (default build/gpulint); FIX_LAWS: files per language; SEED.
set -u
here=$(dirname "$0")
program=${GPULINT:-${B:-$here/../build}/gpulint}
python=
for p in /usr/bin/python3 python3; do
    if "$p" -c 'import yaml' 2>/dev/null; then
        python=$p
        break
    fi
done
echo 1..1
if [ -z "$python" ]; then
    echo "ok 1 - rewriting keeps its laws # SKIP no Python with PyYAML"
    exit 0
fi
if said=$("$python" -B "$here/fix_laws.py" "$program" "${FIX_LAWS:-300}" "${SEED:-1}"); then
    result=ok
else
    result="not ok"
fi
echo "$said" | sed 's/^/# /'
echo "$result 1 - rewriting keeps its laws"
[ "$result" = ok ]
