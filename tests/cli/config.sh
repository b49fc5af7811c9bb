# .gpulint.yaml: globs are relative to the file that holds them, wherever gpulint is
# started; one project is one group; what it cannot mean is told.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/p/configs" "$dir/p/legacy" "$dir/p/try/a" "$dir/other"
cd "$dir/p"
printf 'batch_size: 256\nlearning_rate: 1e-3\ngradient_accumulation_steps: 1\n' > t.yaml
cp t.yaml configs; cp t.yaml legacy; cp t.yaml try/a; cp t.yaml ../other
cat > .gpulint.yaml <<'Y'
gpu: rtx-3060-12gb
exclude: [legacy/]
per-file-ignores: {"try/**": [MEM002]}
ignore: [ALC]
Y

# lines NUMBER PATTERN COMMAND...: how many lines of the output hold PATTERN
lines() {
    want=$1 pattern=$2
    shift 2
    got=$("$@" 2>&1 | grep -c -- "$pattern") || true
    [ "$got" = "$want" ] || { echo "$* in $PWD: $got lines with $pattern, not $want"; exit 1; }
}
for from in . configs try/a /; do
    cd "$dir/p"; cd "$from"
    lines 2 MEM002 "$GPULINT" -q "$dir/p"
    lines 3 YML001 "$GPULINT" -q "$dir/p"
    lines 0 legacy "$GPULINT" -q "$dir/p"
done
cd "$dir/p/configs"
lines 3 YML001 "$GPULINT" -q ..
cd "$dir/p"
lines 1 '"12 GB\|a 12 GB card' "$GPULINT" -q ../other   # not ours: the default card
lines 0 . "$GPULINT" -q --force-exclude legacy/t.yaml    # as a hook names it
lines 0 . "$GPULINT" -q --no-config --force-exclude --exclude legacy/ legacy/t.yaml
lines 2 : "$GPULINT" -q legacy/t.yaml                   # a file named by hand is read
lines 2 : "$GPULINT" -q t.yaml ./t.yaml "$dir/p/t.yaml" # once

trouble() {
    printf '%s\n' "$1" > .gpulint.yaml
    status=0
    "$GPULINT" -q t.yaml > out 2> err || status=$?
    [ $status = 2 ] && [ ! -s out ] && grep -q -- "$2" err || {
        echo "$1: status $status"; cat out err; exit 1; }
}
trouble 'severity: x' 'a map of rules'
trouble 'exclude: {a: b}' 'a word or a list'
trouble 'profile: [a]' 'one profile'
trouble 'extends: [a]' 'one path'
trouble 'extends: .gpulint.yaml' 'too deeply'
trouble 'extends: nope.yaml' 'No such file'
trouble 'options: {NOPE: {a: 1}}' "no rule 'NOPE'"
trouble 'options: {MEM006: {nope: 1}}' "no option 'nope'"
trouble 'options: {MEM006: {share: abc}}' 'wrong kind'
trouble 'per-file-ignores: {"a": [NOPE]}' "no rule 'NOPE'"
trouble 'facts: {nope: 1}' 'not a fact'
trouble 'exlude: [a]' 'unknown key'
mkdir empty
rm .gpulint.yaml
status=0
"$GPULINT" --rules empty t.yaml 2> err || status=$?
[ $status = 2 ] && grep -q 'no rules' err
