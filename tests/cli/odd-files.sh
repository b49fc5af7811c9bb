# Names, links and streams that a file system may hold: nothing hangs, nothing is lost,
# and the JSON stays JSON.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
new() { printf 'batch_size: 256\nlearning_rate: 1e-3\ngradient_accumulation_steps: 1\n' > "$1"; }
mkdir d
new d/a.yaml
ln -s . d/loop
ln -s a.yaml d/link.yaml
ln -s nowhere.yaml d/dangling.yaml
ln -s /dev/zero d/zero.yaml
mkfifo d/fifo.yaml
new 'd/a b.yaml'
new 'd/new
line.yaml'
new d/-dash.yaml
new "$(printf 'd/bad\377.yaml')"
run() {
    want=$1
    shift
    got=0
    timeout 20 "$@" > out 2> err || got=$?
    [ "$got" = "$want" ] || { echo "$*: $got, not $want"; cat out err; exit 1; }
}
run 1 "$GPULINT" --no-config --select MEM002 d
[ "$(grep -c MEM002 out)" = 5 ] || { cat out; exit 1; }
! grep -q 'new$' out || { echo 'a line break in a name breaks the line'; exit 1; }
for odd in fifo zero dangling; do run 2 "$GPULINT" --no-config d/$odd.yaml; done
run 1 "$GPULINT" --no-config --format json d
iconv -f UTF-8 -t UTF-8 out > /dev/null || { echo 'JSON is not UTF-8'; exit 1; }

# A link is not written through, and no diff is no promise of a write.
run 2 "$GPULINT" --no-config --fix d/link.yaml
new want; cmp want d/a.yaml
run 1 "$GPULINT" --no-config --diff d/a.yaml
cmp want d/a.yaml

# An escape sequence in a name does not reach the terminal.
new "$(printf 'd/\033[31m.yaml')"
run 1 "$GPULINT" --no-config -q d
! grep -q "$(printf '\033')" out || { echo 'an escape sequence is printed'; exit 1; }

# Many ignore comments cost no more than their number.
new many.yaml
yes "# gpulint: ignore[MEM002]" | head -n 20000 >> many.yaml
run 1 "$GPULINT" --no-config -q many.yaml

status=0
"$GPULINT" --no-config d/a.yaml >&- 2> err || status=$?
[ $status = 2 ] && grep -q 'standard output' err
