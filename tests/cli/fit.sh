# --fit: the least harmful change that makes a run fit, explained and written; a second run
# finds nothing; the effective batch stays; several GPUs must all fit.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
bad=0
complain() { echo "$*"; bad=1; }
cat > lora.yaml <<'YAML'
base_model: meta-llama/Llama-2-7b-hf
adapter: lora
lora_r: 16          # rank
lora_target_linear: true
sequence_len: 2048
micro_batch_size: 8 # per GPU
gradient_accumulation_steps: 2
gradient_checkpointing: false
flash_attention: true
learning_rate: 0.0002
optimizer: adamw_torch
bf16: true
YAML
cp lora.yaml before.yaml.txt
"$GPULINT" --no-config --fit --gpu 24GB lora.yaml > out && complain "a run that does not fit is no finding"
grep -q 'FIT001 fit: does not fit a 24 GB card' out || complain "no finding"
grep -q 'batch 8 -> .*, accumulation 2 -> .*: .* -> .* GiB' out || complain "the choice is not told"
cmp -s lora.yaml before.yaml.txt || complain "written without --fix"
"$GPULINT" --no-config --fit --diff --gpu 24GB lora.yaml > diff
grep -q '^+gradient_checkpointing: true' diff || complain "no checkpointing in the diff"
cmp -s lora.yaml before.yaml.txt || complain "written with --diff"
"$GPULINT" --no-config --fit --fix --gpu 24GB lora.yaml > out || complain "not everything was fixed"
grep -q '# per GPU$' lora.yaml || complain "a comment is lost"
batch=$(sed -n 's/^micro_batch_size: \([0-9]*\).*/\1/p' lora.yaml)
steps=$(sed -n 's/^gradient_accumulation_steps: \([0-9]*\).*/\1/p' lora.yaml)
[ $((batch * steps)) -eq 16 ] || complain "effective batch $batch x $steps is not 16"
"$GPULINT" estimate --no-config --gpu 24GB lora.yaml | grep -q 'verdict *fits' || complain "it does not fit"
cp lora.yaml once
"$GPULINT" --no-config --fit --fix --gpu 24GB lora.yaml > out || complain "a second run finds something"
cmp -s lora.yaml once || complain "a second run changes something"
"$GPULINT" --no-config --fit --gpu a100-80gb lora.yaml > out || complain "a run that fits is a finding"

cp before.yaml.txt lora.yaml # all must fit: the smallest decides
"$GPULINT" --no-config --fit --fix --gpu a100-80gb --gpu 24GB lora.yaml > out
cmp -s lora.yaml once || complain "with two GPUs another result than with the smallest"

cat > huge.yaml <<'YAML'
base_model: meta-llama/Llama-2-70b-hf
sequence_len: 2048
micro_batch_size: 1
gradient_accumulation_steps: 1
gradient_checkpointing: true
learning_rate: 0.0002
optimizer: adamw_torch
bf16: true
YAML
"$GPULINT" --no-config --fit --diff --unsafe-fixes --gpu 12GB huge.yaml > diff
[ -s diff ] && complain "changed what cannot fit anyway"
"$GPULINT" --no-config --fit --gpu 12GB huge.yaml | grep -q 'no change that this file has a place for' || complain "silent about what cannot fit"

printf 'batch_size: 4096\nlearning_rate: 0.1\nepochs: 2\n' > unknown.yaml
"$GPULINT" --no-config --fit --gpu 12GB unknown.yaml > out || complain "spoke of a model it does not know"
"$GPULINT" --no-config --fit --fix --preset safe lora.yaml > out 2>&1 && complain "two goals at once"

# gpulint fit: cards for a config, models for a card.
cp before.yaml.txt lora.yaml
"$GPULINT" fit --no-config lora.yaml > out || complain "fit fails"
grep -q '^  needs [0-9.]* GiB' out || complain "fit does not say what is needed"
grep -q '288 GB  fits .*mi355x' out || complain "no line for 288 GB"
grep -q '^ *fits with ' out || complain "nothing says what would make it fit"
"$GPULINT" fit --no-config --gpu 24GB lora.yaml > out
[ "$(grep -cE '^ +[0-9]+ GB' out)" -eq 1 ] || complain "--gpu does not choose the cards"
"$GPULINT" fit --no-config --gpu 24GB llama-2 > out || complain "fit of models fails"
grep -q '^  meta-llama/Llama-2-7b-hf ' out || complain "Llama 2 is not listed"
grep -q 'qlora' out || complain "no methods"
"$GPULINT" fit --no-config --gpu 24GB --format json llama-2 > out
grep -q '"method":[[:space:]]*"qlora"' out || complain "no methods in JSON"
"$GPULINT" fit --no-config --gpu 24GB --format json lora.yaml | grep -q '"effect":[[:space:]]*"slower"' || complain "no changes in JSON"
"$GPULINT" fit --no-config --gpu 24GB no-such-thing > out 2>&1
[ $? -eq 2 ] || complain "a word that is no file and no model was taken"
"$GPULINT" fit --no-config --gpu 8GB vit > out || complain "a family is not taken"
grep -q '^  vit_tiny' out || complain "no vision transformer"
exit $bad
