# A model that lies on this machine: its config.json gives the figures; nothing but a small
# regular file is read.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
bad=0
complain() { echo "$*"; bad=1; }
mkdir -p project/ckpt elsewhere
cat > project/ckpt/config.json <<'JSON'
{"model_type": "llama", "hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 20,
 "num_attention_heads": 32, "vocab_size": 32016, "max_position_embeddings": 4096}
JSON
run() { # run NAME OUT
    printf 'base_model: %s\nadapter: lora\nlora_r: 16\nsequence_len: 512\nmicro_batch_size: 1\nlearning_rate: 0.0002\nbf16: true\n' "$1" > "$2"
}
run ./ckpt project/folder.yaml
run ckpt/config.json project/file.yaml
run project/ckpt project/from-here.yaml
run "$work/project/ckpt" elsewhere/absolute.yaml
run ckpt elsewhere/lost.yaml
for f in project/folder.yaml project/file.yaml project/from-here.yaml elsewhere/absolute.yaml; do
    "$GPULINT" estimate --no-config --gpu 80GB "$f" > out
    grep -q 'decoder, 4.31 B parameters' out || complain "$f: the config.json was not read"
    grep -q 'figures are those of .*project/ckpt/config.json' out || complain "$f: nothing says where the figures come from"
done
"$GPULINT" estimate --no-config --gpu 80GB elsewhere/lost.yaml | grep -q 'verdict *unknown' || complain "read what the name does not lead to"

mkdir odd odd/fifo odd/big odd/loop
mkfifo odd/fifo/config.json
head -c 2000000 /dev/zero > odd/big/config.json
ln -s config.json odd/loop/config.json
for name in fifo big loop ../../../../../../../../dev/zero /dev /proc/self "http://host/ckpt" '~' ''; do
    run "\"$name\"" odd/x.yaml
    timeout 10 "$GPULINT" estimate --no-config --gpu 80GB odd/x.yaml > out 2>&1
    status=$?
    [ $status -le 1 ] || complain "'$name': exit status $status"
    grep -q 'B parameters' out && complain "'$name' gave a network"
done
exit $bad
