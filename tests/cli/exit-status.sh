# 0 nothing to say, 1 findings, 2 could not do the job.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
bad=0
expect() { # STATUS COMMAND...
    want=$1
    shift
    "$@" > out 2> err
    got=$?
    [ $got -eq "$want" ] && return
    echo "exit $got instead of $want: $*"
    cat out err
    bad=1
}
printf 'batch_size: 256\nlearning_rate: 0.1\nepochs: 3\n' > big.yaml
printf 'batch_size: 32\nlearning_rate: 0.1\nepochs: 3\n' > small.yaml
printf 'batch_size: [256\nlearning_rate: 0.1\n' > broken.yaml
printf 'name: ci\non: push\n' > other.yaml
expect 0 "$GPULINT" --gpu 12GB small.yaml
expect 0 "$GPULINT" --gpu 12GB other.yaml
expect 1 "$GPULINT" --gpu 12GB big.yaml
expect 1 "$GPULINT" --gpu 12GB broken.yaml
expect 0 "$GPULINT" --gpu 12GB --fail-on error big.yaml
expect 0 "$GPULINT" --gpu 12GB --fail-on never big.yaml
expect 0 "$GPULINT" --gpu 12GB --ignore MEM002 big.yaml
expect 1 "$GPULINT" --gpu 12GB --select MEM big.yaml
expect 2 "$GPULINT"
expect 2 "$GPULINT" missing.yaml
expect 2 "$GPULINT" --gpu 12GB --no-such-option small.yaml
expect 2 "$GPULINT" --gpu nonsense-9000 small.yaml
expect 2 "$GPULINT" --gpu a100 small.yaml
expect 2 "$GPULINT" --select NOPE999 small.yaml
expect 2 "$GPULINT" --profile nope small.yaml
expect 2 "$GPULINT" --fix --diff small.yaml
expect 2 "$GPULINT" --preset nope --diff small.yaml
expect 2 "$GPULINT" explain NOPE999
expect 0 "$GPULINT" explain MEM002
expect 0 "$GPULINT" --version
expect 0 "$GPULINT" --help
expect 0 "$GPULINT" -h
printf 'gpu: 12GB\nnonsense: 1\n' > .gpulint.yaml
expect 2 "$GPULINT" small.yaml
grep -q '.gpulint.yaml:2:1: unknown key' err || { echo "a mistake in the configuration has no place"; cat err; bad=1; }
rm .gpulint.yaml
mkdir empty
expect 0 "$GPULINT" empty
if [ -e /dev/full ]; then
    "$GPULINT" --gpu 12GB big.yaml > /dev/full 2> err
    [ $? -eq 2 ] || { echo "a full device is not told"; bad=1; }
fi
"$GPULINT" --gpus small.yaml 2> err
grep -q 'did you mean --gpu?' err || { echo "no suggestion for --gpus"; cat err; bad=1; }
exit $bad
