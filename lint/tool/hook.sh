#!/bin/sh
# Entry of the pre-commit hooks: builds gpulint beside this script once, then runs it.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
if [ ! -x "$here/build/gpulint" ]; then
    make -s -C "$here" all >&2 || {
        echo "gpulint: could not be built; see the packages in tests/deps.sh" >&2
        exit 2
    }
fi
exec "$here/build/gpulint" "$@"
