#!/bin/sh
# Installs the Debian packages that are missing: those to build and run gpulint, with
# "test" also those of the tests, with "lint" those of `make lint`, with "fuzz" those of `make fuzz`. Says what it does.
set -eu
packages="gcc g++ libc6-dev make pkg-config libyaml-dev libcjson-dev libpcre2-dev libtomlplusplus-dev"
for word in "$@"; do
    case $word in
    test) packages="$packages libcmocka-dev python3 python3-yaml git pre-commit patch diffutils" ;;
    lint) packages="$packages clang libclang-rt-14-dev cppcheck" ;;
    fuzz) packages="$packages clang libclang-rt-14-dev afl++" ;;
    *) echo "usage: deps.sh [test] [lint] [fuzz]" >&2; exit 2 ;;
    esac
done
missing=
for p in $packages; do
    dpkg-query -W -f '${Status}' "$p" 2> /dev/null | grep -q 'ok installed' || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
echo "installing:$missing"
root=
[ "$(id -u)" = 0 ] || root=sudo
$root apt-get update -qq
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq --no-install-recommends $missing > /dev/null
