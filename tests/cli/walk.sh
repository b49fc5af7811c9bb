# Folders are walked in order, .gitignore and --exclude are respected, links not followed.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
bad=0
mkdir -p repo/configs/deep repo/out repo/node_modules repo/.venv/lib repo/.git outside
config() { printf 'batch_size: 256\nlearning_rate: 0.1\nepochs: 3\n' > "$1"; }
for f in configs/a.yaml configs/b.yml configs/deep/c.yaml configs/keep.yaml out/d.yaml \
    node_modules/e.yaml .venv/lib/f.yaml configs/ignored.yaml top.yaml; do config "repo/$f"; done
config outside/g.yaml
ln -s ../../outside repo/configs/link
ln -s ../../outside/g.yaml repo/configs/link.yaml
printf 'out/\n*.ignored\n/configs/ignored.yaml\n' > repo/.gitignore
printf 'deep/*\n!deep/c.yaml\n' > repo/configs/.gitignore
seen() { "$GPULINT" --no-config --gpu 12GB --quiet "$@" 2> err | sed 's/:.*//' | sort -u | tr '\n' ' '; }
check() { # NAME WANT GOT
    [ "$2" = "$3" ] && return
    printf '%s:\n  want %s\n  got  %s\n' "$1" "$2" "$3"
    cat err
    bad=1
}
check walk "repo/configs/a.yaml repo/configs/b.yml repo/configs/deep/c.yaml repo/configs/keep.yaml repo/top.yaml " "$(seen repo)"
check subfolder "repo/configs/a.yaml repo/configs/b.yml repo/configs/deep/c.yaml repo/configs/keep.yaml " "$(seen repo/configs)"
check exclude "repo/configs/b.yml repo/configs/keep.yaml " "$(seen --exclude 'a.yaml' --exclude 'repo/configs/deep' repo/configs)"
check named "repo/out/d.yaml " "$(seen repo/out/d.yaml)"
check no-gitignore "repo/configs/a.yaml repo/configs/b.yml repo/configs/deep/c.yaml repo/configs/ignored.yaml repo/configs/keep.yaml repo/out/d.yaml repo/top.yaml " "$(seen --no-gitignore repo)"
(cd repo && "$GPULINT" --no-config --gpu 12GB --quiet . 2> ../err | sed 's/:.*//' | sort -u | tr '\n' ' ' > ../got)
check dot "configs/a.yaml configs/b.yml configs/deep/c.yaml configs/keep.yaml top.yaml " "$(cat got)"
printf 'gpu: 48GB\n' > repo/configs/.gpulint.yaml
[ -z "$("$GPULINT" --quiet repo/configs/a.yaml 2> err | grep MEM002)" ] || { echo "the nearest configuration does not decide"; bad=1; }
exit $bad
