# The output is the same however many files are read at a time.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
i=0
while [ $i -lt 60 ]; do
    printf 'batch_size: %d\nlearning_rate: 0.1\nepochs: 3\n' $((64 + i)) > "c$i.yaml"
    printf 'import torch\nloss.backward()\nDataLoader(d, batch_size=%d, num_workers=0)\n' "$i" > "t$i.py"
    i=$((i + 1))
done
printf 'batch_size: [\nlearning_rate: 1\n' > broken.yaml
for command in check estimate settings; do
    for format in text json; do
        "$GPULINT" $command --no-config --gpu 12GB --format $format -j1 . > one 2> one.err
        one=$?
        "$GPULINT" $command --no-config --gpu 12GB --format $format --jobs 4 . > four 2> four.err
        four=$?
        [ -s one ] || { echo "$command $format: nothing printed"; exit 1; }
        [ $one = $four ] || { echo "$command $format: exit $one and $four"; exit 1; }
        cmp one four && cmp one.err four.err || { echo "$command $format differs"; exit 1; }
    done
done
for wrong in 0 65 x; do
    "$GPULINT" --jobs $wrong . > /dev/null 2>&1
    [ $? = 2 ] || { echo "--jobs $wrong is taken"; exit 1; }
done
exit 0
