# Several GPUs: a table with what holds on all; what is usable of a card and why; states
# sharded over devices that nobody counted.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
bad=0
complain() { echo "$*"; bad=1; }
cat > run.yaml <<'YAML'
model_name_or_path: gpt2
max_seq_length: 512
per_device_train_batch_size: 8
gradient_accumulation_steps: 1
learning_rate: 1.0e-5
bf16: true
YAML
"$GPULINT" estimate --no-config --gpu 8GB --gpu t4 --gpu a100-80gb run.yaml > out
[ "$(grep -cE '^  (8GB|t4|a100-80gb|all of them) ' out)" -eq 4 ] || complain "no line per GPU"
small=$(sed -n 's/^  8GB .* \([0-9][0-9]*\)$/\1/p' out)
all=$(sed -n 's/^  all of them .* \([0-9][0-9]*\)$/\1/p' out)
[ -n "$small" ] && [ "$small" = "$all" ] || complain "maximum of all is '$all', of the smallest '$small'"
[ "$(grep -c '^  weights' out)" -eq 1 ] || complain "terms more than once"

"$GPULINT" estimate --no-config --gpu 24GB run.yaml | grep -q 'usable .* of 24 GiB: 0.48 for the driver$' || complain "usable is not explained"
"$GPULINT" estimate --no-config --gpu t4 run.yaml | grep -q 'of 16 GiB: the driver shows 13\|of 16 GiB: the driver shows 1[45]' || complain "ECC is not told"
"$GPULINT" estimate --no-config --gpu 24GB --memory-reserved 2GiB run.yaml | grep -q 'usable *21.52 GiB .*, 2.00 reserved$' || complain "nothing was reserved"
printf 'memory-reserved: 2GiB\n' > .gpulint.yaml
"$GPULINT" estimate --gpu 24GB run.yaml | grep -q '2.00 reserved$' || complain "the configuration reserved nothing"
"$GPULINT" estimate --gpu 24GB --memory-reserved 0MB run.yaml | grep -q 'reserved' && complain "the command line does not outrank the configuration"
rm .gpulint.yaml
for wrong in 15 much -1GB 30GB; do
    "$GPULINT" estimate --no-config --gpu 24GB --memory-reserved "$wrong" run.yaml > out 2>&1
    [ $? -eq 2 ] || complain "--memory-reserved $wrong was taken"
done

cat > sharded.yaml <<'YAML'
model_name_or_path: meta-llama/Llama-2-7b-hf
stage: sft
do_train: true
finetuning_type: full
deepspeed: examples/deepspeed/ds_z3_config.json
cutoff_len: 1024
per_device_train_batch_size: 1
gradient_accumulation_steps: 2
learning_rate: 1.0e-5
bf16: true
YAML
"$GPULINT" estimate --no-config --gpu 24GB sharded.yaml > out || complain "sharded over nobody knows how many is a failure"
grep -q 'verdict *depends on the number of devices' out || complain "a verdict without a number of devices"
grep -q 'devices *1: .*, 8: .* GiB each; fits from [0-9]* on' out || complain "no figures per number of devices"
"$GPULINT" estimate --no-config --gpu 24GB --format json sharded.yaml > out
grep -q '"verdict":[[:space:]]*"unknown"' out || complain "JSON has a verdict"
"$GPULINT" --no-config --fit --gpu 24GB sharded.yaml > out || complain "--fit speaks of what is not known"
sed '/cutoff_len/d; /deepspeed/d' sharded.yaml | sed 's/^stage: sft$/max_steps: 5/; /do_train/d; /finetuning_type/d' > open.yaml
"$GPULINT" estimate --no-config --gpu 24GB open.yaml > out || complain "an unknown length is a failure"
grep -q 'tokens *512: .*, 8192: .* GiB' out || complain "nothing says what other lengths would need"
exit $bad
