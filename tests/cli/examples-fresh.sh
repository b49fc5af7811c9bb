# The cases below fixtures/rules are the examples inside the rules, no more and no less.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$(dirname "$GPULINT")/tests/examples" "$work/now"
cp -R fixtures/rules "$work/kept"
find "$work/kept" -name expect -exec rm -f {} +
find "$work/kept" -name fixed -type d -prune -exec rm -rf {} +
diff -r "$work/now" "$work/kept" || { echo "run make accept"; exit 1; }
