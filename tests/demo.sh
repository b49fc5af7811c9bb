#!/bin/sh
# The main job on the shipped fixtures: findings, a memory analysis, the rewrite as a diff.
cd "$(dirname "$0")/../fixtures/demo" || exit 2
case ${B:-build} in /*) gpulint=$B/gpulint ;; *) gpulint=../../${B:-build}/gpulint ;; esac
show() {
    printf '$ gpulint %s\n' "$*"
    "$gpulint" "$@"
    echo
}
show --gpu rtx-3060-12gb cnn_lstm.yaml
show estimate --gpu rtx-3060-12gb resnet.json
show --gpu rtx-3060-12gb --diff cnn_lstm.yaml
