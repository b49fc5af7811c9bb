# Rules over code hold in a file of 12,000 lines, at the exact place, in bounded time.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
awk 'BEGIN {
    print "import torch\ndef main(model, loader, optimizer):\n    total_loss = 0\n    for x, y in loader:"
    for (i = 0; i < 12000; i++) print "        loss.backward()"
    print "        optimizer.step()\n        total_loss += loss"
}' > one.py
timeout 30 "$GPULINT" --no-config --gpu 12GB --select LEK001 one.py > out
[ $? = 1 ] || { echo "one long function: no finding"; exit 1; }
grep -q '^one.py:12006:23' out || { echo "not at its place:"; cat out; exit 1; }
awk 'BEGIN {
    print "import torch"
    for (i = 0; i < 3000; i++) print "def f" i "(a, loss):\n    for b in a:\n        loss.backward()\n    return a"
    print "def train(model, loader, optimizer):\n    total_loss = 0\n    for x, y in loader:"
    print "        loss = model(x)\n        loss.backward()\n        optimizer.step()\n        total_loss += loss"
}' > many.py
timeout 30 "$GPULINT" --no-config --gpu 12GB --select LEK001 many.py > out
grep -q '^many.py:12008:23' out || { echo "many functions: not at its place:"; cat out; exit 1; }
exit 0
