# Standard input: linted under a given name, fixed onto standard output.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
printf 'batch_size: 256  # c\ngradient_accumulation_steps: 1\nlearning_rate: 0.1\n' > in
"$GPULINT" --no-config --gpu 12GB --quiet --stdin-filename conf/x.yaml - < in > out
grep -q '^conf/x.yaml:1:1: warning MEM002' out || { cat out; exit 1; }
"$GPULINT" --no-config --gpu 12GB --quiet - < in > out
grep -q '^<stdin>:1:1: warning MEM002' out || { cat out; exit 1; }
"$GPULINT" --no-config --gpu 12GB --fix --stdin-filename x.yaml - < in > out 2> err
printf 'batch_size: 128  # c\ngradient_accumulation_steps: 2\nlearning_rate: 0.1\n' > want
cmp out want || { cat out err; exit 1; }
"$GPULINT" --no-config --gpu 12GB --diff --stdin-filename x.yaml - < in > patch
cp in x.yaml
patch -s -p1 x.yaml patch && cmp x.yaml want
