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
exit $bad
