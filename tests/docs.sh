#!/bin/sh
# Pages that the binary prints: compares docs/ with what it says now; `accept` rewrites.
set -u
cd "$(dirname "$0")/.." || exit 2
B=${B:-build}
bad=0
page() { # FILE TITLE COMMAND...
    file=$1 title=$2
    shift 2
    {
        printf '# %s\n\nPrinted by `gpulint %s`; do not edit.\n\n' "$title" "$*"
        case $1 in explain) ;; *) echo '```' ;; esac
        "$B/gpulint" "$@"
        case $1 in explain) ;; *) echo '```' ;; esac
    } > "$B/page"
    if [ "${mode:-}" = accept ]; then
        cp "$B/page" "$file"
    elif ! cmp -s "$B/page" "$file"; then
        echo "$file is stale; run make accept"
        bad=1
    fi
}
mode=${1:-}
page docs/RULES.md "Rules" explain ALL
page docs/GPUS.md "GPUs" gpus
page docs/MODELS.md "Models" models
page docs/PRESETS.md "Profiles and presets" presets
page docs/OPTIONS.md "Command line" --help

# The README shows what tests/demo.sh prints.
B=$B sh tests/demo.sh > "$B/demo"
awk -v demo="$B/demo" '
    /^<!-- demo:/ { print; print "```"; while ((getline line < demo) > 0) print line; print "```"; skip = 1 }
    /^<!-- end of demo/ { skip = 0 }
    !skip { print }' README.md > "$B/page"
if [ "$mode" = accept ]; then
    cp "$B/page" README.md
elif ! cmp -s "$B/page" README.md; then
    echo "README.md is stale; run make accept"
    bad=1
fi
exit $bad
