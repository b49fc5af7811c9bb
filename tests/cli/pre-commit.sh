# The hooks work under the real pre-commit in a fresh git repository.
command -v pre-commit > /dev/null || { echo "pre-commit is not installed"; exit 77; }
set -eu
repo=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work PRE_COMMIT_HOME=$work/cache GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=t GIT_AUTHOR_EMAIL=t@example.invalid GIT_COMMITTER_NAME=t GIT_COMMITTER_EMAIL=t@example.invalid
mkdir "$work/bin" "$work/project" "$work/hooks"
ln -s "$GPULINT" "$work/bin/gpulint"
PATH=$work/bin:$PATH
# The hook repository: the manifest and the entry script, with the program already built.
mkdir -p "$work/hooks/lint/tool" "$work/hooks/build"
cp "$repo/.pre-commit-hooks.yaml" "$work/hooks/"
cp "$repo/lint/tool/hook.sh" "$work/hooks/lint/tool/"
cp "$GPULINT" "$work/hooks/build/gpulint"
cd "$work/hooks"
git init -q . && git add -f . && git commit -qm hooks
rev=$(git rev-parse HEAD)
cd "$work/project"
git init -q .
hook() {
    printf 'repos:\n- repo: %s\n  rev: %s\n  hooks:\n  - id: %s\n    args: [--gpu, 12GB, --no-config]\n' "$work/hooks" "$rev" "$1" > .pre-commit-config.yaml
}
cat > train.yaml <<'YAML'
# tuned on a big card
batch_size: 256  # was fine there
gradient_accumulation_steps: 1
learning_rate: 0.001
epochs: 10
YAML
cat > values.yaml <<'YAML'
{{ if .Values.workers }}
workers: 64
YAML
for system in "" -system; do
    cp train.yaml train.orig
    hook gpulint$system
    git add . ':!train.orig'
    if pre-commit run --all-files > "$work/out" 2>&1; then
        echo "gpulint$system let a batch of 256 pass"; cat "$work/out"; exit 1
    fi
    grep -q MEM002 "$work/out" || { echo "gpulint$system does not name MEM002"; cat "$work/out"; exit 1; }
    grep -q values.yaml "$work/out" && { echo "gpulint$system complains about a template"; cat "$work/out"; exit 1; }
    cmp train.yaml train.orig || { echo "gpulint$system wrote"; exit 1; }
    hook gpulint-fix$system
    git add .pre-commit-config.yaml
    if pre-commit run --all-files > "$work/out" 2>&1; then
        echo "gpulint-fix$system changed a file and did not fail"; cat "$work/out"; exit 1
    fi
    grep -q 'files were modified by this hook' "$work/out" || { cat "$work/out"; exit 1; }
    grep -q '^batch_size: 128  # was fine there$' train.yaml || { echo "not fixed"; cat train.yaml; exit 1; }
    grep -q '^gradient_accumulation_steps: 2$' train.yaml || { echo "not fixed"; cat train.yaml; exit 1; }
    git add train.yaml
    pre-commit run --all-files > "$work/out" 2>&1 || { echo "a second run fails"; cat "$work/out"; exit 1; }
    mv train.orig train.yaml
done
