#!/bin/sh
# Seeds and dictionary for the fuzz targets: seeds.sh FOLDER writes FOLDER/seeds/* (small
# fixtures behind two bytes that say the language and what is asked for) and FOLDER/dict
# (the keys of the framework tables, and marks of the three languages).
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
out=$1
export LC_ALL=C
mkdir -p "$out/seeds"
n=0
find "$top/fixtures" -type f \( -name '*.yaml' -o -name '*.json' -o -name '*.py' -o \
    -name '*.toml' -o -name '*.sh' -o -name '*.ipynb' \) -size -3k | sort > "$out/list"
while read -r f; do
    case $f in
    *.yaml) letter=y ;; *.json) letter=j ;; *.py) letter=p ;;
    *.toml) letter=t ;; *.sh) letter=s ;; *) letter=n ;;
    esac
    n=$((n + 1))
    { printf '%s%d' $letter $((n % 8)); cat "$f"; } > "$out/all-$n"
    sum=$(cksum < "$out/all-$n" | tr -d ' ')
    mv "$out/all-$n" "$out/seeds/$sum"
done < "$out/list"
rm -f "$out/list"
cp "$top"/fixtures/fuzz/* "$out/seeds/" 2> /dev/null || :
{
    cat "$top"/rules/bind/*.yaml | sed -n 's/^  "\{0,1\}\**\.\{0,1\}\([A-Za-z_][A-Za-z_0-9.]*\)"\{0,1\}:.*/\1/p' |
        sort -u | awk 'length($0) < 40 { printf "\"%s\"\n", $0 }'
    cat <<'WORDS'
": "
"\x0a"
"\x0d\x0a"
"\xef\xbb\xbf"
"  - "
"&b "
"*b"
"<<: *b"
"---\x0a"
"...\x0a"
"!!int "
"? "
"|\x0a"
">-\x0a"
" # c"
"# gpulint: ignore[MEM002]"
"// c\x0a"
"/* c */"
"\", \""
"{}"
"[]"
"null"
"True"
"false"
"256"
"1e-5"
"${a.b}"
"{{ x }}"
"import torch\x0a"
"from transformers import TrainingArguments\x0a"
"DataLoader("
"@dataclass\x0aclass C:\x0a    "
"def f():\x0a    "
"for batch in loader:\x0a    "
"loss.backward()"
"total += loss\x0a"
"with torch.no_grad():\x0a"
"os.environ["
"\"\"\""
"\\\x0a"
"\xe2\x80\xa8"
"\xc2\x85"
"\xc3\xa9"
"\xf0\x9f\x91\x8d"
WORDS
} > "$out/dict"
echo "$out: $(find "$out/seeds" -type f | wc -l) seeds, $(wc -l < "$out/dict") words"
