# Every kind of file that is read: by its name, from standard input, by its first line; and
# notebooks fixed without a change outside of the code.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
lint() { "$GPULINT" --no-config --gpu 12GB --quiet "$@" 2> err; }
fail() { echo "$1"; cat out err 2> /dev/null; exit 1; }
line='python train.py --batch_size 256 --num_workers 2 --learning_rate 0.1 --epochs 3'
printf '#!/bin/sh\n%s\n' "$line" > run
lint run > out
grep -q '^run:2:17: warning MEM002' out || fail "a script without a suffix"
lint . > out
[ -s out ] && fail "a folder's files without a suffix are not looked into"
for name in x.sh x.bash x.slurm x.sbatch; do
    lint --stdin-filename $name - < run > out
    grep -q "^$name:2:17: warning MEM002" out || fail "$name"
done
printf 'all:\n\t@%s\n' "$line" > Makefile
printf 'FROM x\nCMD %s\n' "$line" > Dockerfile
lint Makefile Dockerfile > out
grep -q '^Makefile:2:19: warning MEM002' out || fail Makefile
grep -q '^Dockerfile:2:21: warning MEM002' out || fail Dockerfile
printf 'batch_size = 256\ngradient_accumulation_steps = 1\nlearning_rate = 0.1\nepochs = 3\n' > x.toml
lint x.toml > out
grep -q '^x.toml:1:1: warning MEM002' out || fail x.toml
printf '{"cells": [{"cell_type": "markdown", "source": []}, {"cell_type": "code", "outputs": ["batch_size = 256"],\n "source": ["import torch\\n", "batch_size = 256\\n", "gradient_accumulation_steps = 1\\n", "learning_rate = 0.1"]}]}' > x.ipynb
lint x.ipynb > out
grep -q '^x.ipynb: cell 2, line 2:1: warning MEM002' out || fail x.ipynb
lint --format json x.ipynb | tr -d ' \n\t' > out
grep -q '"cell":2,"line":2,"column":1' out || fail "a cell in JSON"
lint --fix x.ipynb > out
sed 's/"batch_size = 256\\n"/"batch_size = 128\\n"/; s/steps = 1/steps = 2/' > want << 'END'
{"cells": [{"cell_type": "markdown", "source": []}, {"cell_type": "code", "outputs": ["batch_size = 256"],
 "source": ["import torch\n", "batch_size = 256\n", "gradient_accumulation_steps = 1\n", "learning_rate = 0.1"]}]}
END
printf '%s' "$(cat want)" | cmp - x.ipynb || fail "a fixed notebook"
printf '{"cells": [}' > broken.ipynb
lint broken.ipynb > out
grep -q '^broken.ipynb:1:12: error SYN001' out || fail "a broken notebook"
