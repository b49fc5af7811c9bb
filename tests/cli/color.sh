# Colour only on a terminal or when asked for; NO_COLOR wins over a terminal.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
printf 'batch_size: 256\nlearning_rate: 0.1\nepochs: 3\n' > a.yaml
esc=$(printf '\033')
unset NO_COLOR
"$GPULINT" --no-config --gpu 12GB a.yaml | grep -q "$esc" && { echo "colour in a pipe"; exit 1; }
"$GPULINT" --no-config --gpu 12GB --color always a.yaml | grep -q "$esc" || { echo "no colour when asked for"; exit 1; }
"$GPULINT" --no-config --gpu 12GB --color never a.yaml | grep -q "$esc" && { echo "colour when forbidden"; exit 1; }
exit 0
