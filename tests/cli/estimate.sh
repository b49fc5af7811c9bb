# The memory analysis: its JSON document, what "auto" comes to, and honest silence.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
bad=0
cat > auto.yaml <<'YAML'
base_model: meta-llama/Llama-2-7b-hf
adapter: qlora
load_in_4bit: true
sequence_len: 2048
micro_batch_size: 2
gradient_accumulation_steps: 4
learning_rate: 0.0002
bf16: auto
lora_r: 32
lora_target_linear: true
YAML
printf 'batch_size: 16\nlearning_rate: 0.1\nepochs: 2\n' > unknown.yaml
"$GPULINT" estimate --no-config --gpu rtx-3060-12gb --format json . > out.json || true
for key in version estimates path run gpu model name family parameters trainable bytes weights gradients \
    optimizer activations logits workspace context slack total low high usable peak_at verdict batch \
    current maximum recommended safe assumptions; do
    grep -q "\"$key\":" out.json || { echo "no key $key"; bad=1; }
done
grep -q 'precision is auto' out.json || { echo "auto is not told"; bad=1; }
grep -q 'fp32 assumed' out.json && { echo "auto was taken for fp32"; bad=1; }
"$GPULINT" estimate --no-config --gpu 12GB unknown.yaml > out
grep -q 'verdict *unknown' out || { echo "an unknown model has a verdict"; bad=1; }
grep -q 'gpulint models' out || { echo "nothing says what would make it known"; bad=1; }
grep -q 'batch_size_max 128' out || { echo "the rule of thumb is missing"; bad=1; }
[ $bad -eq 0 ] || cat out out.json
exit $bad
