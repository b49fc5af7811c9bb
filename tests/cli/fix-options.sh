#!/bin/sh
# The ways to look before leaping: --diff, --dry-run, --show-fixes, --fix-only, and what the
# exit status says.
set -u
folder=$(mktemp -d) || exit 2
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 2
bad() { echo "$*"; exit 1; }
make_tree() {
    rm -rf tree && mkdir -p tree/configs
    printf 'batch_size: 256\ngradient_accumulation_steps: 1\nnum_workers: 4\n' > tree/configs/a.yaml
    printf '\357\273\277batch_size: 256\r\ngradient_accumulation_steps: 1\r\nnum_workers: 4' > tree/configs/b.yaml
    printf '{"batch_size": 384, "gradient_accumulation_steps": 1, "num_workers": 2}' > "tree/configs/with space.json"
}
run() { (cd tree && "$GPULINT" check --no-config --gpu 12GB "$@" . > ../out 2> ../err); }

make_tree
run --fix || bad "--fix leaves findings: $(cat out)"
mv tree fixed

make_tree
cp -R tree before
run --diff
[ $? -eq 1 ] || bad "--diff of something to fix is no 1"
diff -r tree before || bad "--diff wrote"
cp out diff
(cd tree && patch -s -p1 < ../diff) || bad "patch -p1 fails"
diff -r tree fixed || bad "patch -p1 gives another result than --fix"
make_tree
for f in configs/a.yaml configs/b.yaml; do
    (cd tree && "$GPULINT" check --no-config --gpu 12GB --diff "$f" > ../one; patch --binary -s -p0 "$f" < ../one) || bad "patch -p0 $f fails"
    cmp "tree/$f" "fixed/$f" || bad "patch -p0 $f gives another result"
done

make_tree
run --fix --dry-run
[ $? -eq 1 ] || bad "--dry-run of something to fix is no 1"
diff -r tree before || bad "--dry-run wrote"
grep -q '^configs/a.yaml: would fix MEM002 batch-over-limit: batch_size 256 -> 128' out || bad "--dry-run: $(cat out)"
grep -q '^Would fix 3 findings in 3 files\.$' out || bad "--dry-run sums up: $(cat out)"

run --fix --show-fixes
grep -q '^configs/b.yaml: fixed MEM002 batch-over-limit: ' out || bad "--show-fixes: $(cat out)"
run --fix --dry-run || bad "--dry-run of nothing to fix is no 0"

make_tree
printf 'batch_size: 100\ngradient_accumulation_steps: 3\nnum_workers: 99\nprefetch_factor: 2\npin_memory: true\nlr: 0.1\n' > tree/configs/c.yaml
run --fix --select MEM,LDR --severity LDR001=error --fail-on info
status=$?
make_tree
run --fix-only || bad "--fix-only is no 0 where all fixes were applied (with --fix $status)"
[ ! -s out ] || bad "--fix-only reports: $(cat out)"
diff -r tree fixed || bad "--fix-only gives another result than --fix"

make_tree
chmod a-w tree/configs/a.yaml
run --fix-only
status=$?
[ $status -eq 2 ] || [ "$(id -u)" = 0 ] || bad "a read-only file is no 2 but $status"
rm -rf tree/configs/a.yaml
for words in "--fix --diff" "--dry-run" "--show-fixes" "--interactive --dry-run" "--interactive --diff" "--fix-only --diff"; do
    # shellcheck disable=SC2086
    run $words
    [ $? -eq 2 ] || bad "$words is no wrong usage"
done
run --interactive < /dev/null
[ $? -eq 2 ] || bad "--interactive without a terminal is no 2"
grep -q 'needs a terminal' err || bad "--interactive does not say why: $(cat err)"
