#!/bin/sh
# --interactive on a pseudo terminal: yes, no, all, quit, end of input.
set -u
python=
for p in /usr/bin/python3 python3; do
    [ -z "$python" ] && "$p" -c 'import pty' 2> /dev/null && python=$p
done
[ -n "$python" ] || { echo "no Python"; exit 77; }
"$python" -c 'import os; os.openpty()' 2> /dev/null || { echo "no pseudo terminal here"; exit 77; }
exec "$python" -B tests/interactive.py "$GPULINT"
