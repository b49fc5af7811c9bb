"""Random launch scripts, TOML files and notebooks for fix_laws.py, and what bash, tomllib,
json and ast read of them."""

import ast
import json
import os
import re
import stat
import subprocess
import tempfile
import tomllib


# --- TOML -----------------------------------------------------------------------------

def toml_value(rng, value):
    if isinstance(value, dict):
        return "{ %s }" % ", ".join("%s = %s" % (k, toml_value(rng, v)) for k, v in value.items())
    if isinstance(value, list):
        if value and rng.random() < 0.3:
            return "[\n%s]" % "".join("  %s, # item\n" % toml_value(rng, v) for v in value)
        return "[%s]" % ", ".join(toml_value(rng, v) for v in value)
    if isinstance(value, str):
        if rng.random() < 0.4 and "'" not in value:
            return "'%s'" % value
        if rng.random() < 0.2:
            return '"""\n%s\nbatch_size = 999"""' % value.replace("\\", "\\\\").replace('"', '\\"')
        return json.dumps(value, ensure_ascii=rng.random() < 0.3)
    if isinstance(value, bool) or value is None:
        return "true" if value else "false"
    if isinstance(value, int) and rng.random() < 0.1 and value >= 0:
        return rng.choice([hex(value), "{:_}".format(value), "+%d" % value])
    return repr(value)


def no_none(value):
    if isinstance(value, dict):
        return {k: no_none(v) for k, v in value.items()}
    if isinstance(value, list):
        return [no_none(v) for v in value]
    return False if value is None else value


def make_toml(laws, rng):
    pairs = [(k, no_none(v)) for k, v in laws.pairs_of(rng, rng.choice(["plain", "hf", "hf"]))]
    header = rng.choice(["", "", "[training]", "  [ training . \"args\" ] # section", "[[training]]"])
    dotted = rng.choice(["", "", "", "train.", "train . "]) if not header else ""
    lines = ["# é: batch_size = 999"] if rng.random() < 0.5 else []
    if header:
        lines += ["title = 'x'", ""] if rng.random() < 0.5 else []
        lines.append(header)
    pad = rng.choice(["", "", "  ", "\t"])
    for key, value in pairs:
        if rng.random() < 0.2:
            lines.append(pad + "# about %s: \"so" % key)
        if rng.random() < 0.1:
            lines.append("")
        shown = rng.choice([key] * 5 + ['"%s"' % key])
        sign = rng.choice([" = "] * 5 + ["=", "   =  "])
        lines.append(pad + dotted + shown + sign + toml_value(rng, value) +
                     rng.choice([""] * 4 + ["  # why", " ", "      # far"]))
    if rng.random() < 0.3:
        lines += ["", "[after]", "nothing = [1, 2]"]
    return laws.finish(rng, "\n".join(lines) + rng.choice(["\n", "\n", ""]))


def toml_key(text):
    """The parts of a dotted key."""
    node, parts = tomllib.loads(text + " = 0"), []
    while isinstance(node, dict):
        (key, node), = node.items()
        parts.append(key)
    return tuple(parts)


KEY = re.compile(r"""[ \t]*((?:[\w-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')(?:[ \t]*\.[ \t]*"""
                 r"""(?:[\w-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'))*)[ \t]*=[ \t]*""")


def toml_value_end(text, at):
    """Where the value at AT ends: the shortest line end at which it reads, less a comment."""
    end = at
    while True:
        end = text.find("\n", end + 1)
        end = len(text) if end < 0 else end
        try:
            value = tomllib.loads("x = " + text[at:end].rstrip("\r"))["x"]
            break
        except tomllib.TOMLDecodeError:
            if end == len(text):
                raise
    for cut in range(end, at, -1):  # without what may follow it
        try:
            if text[cut - 1] not in " \t\r\n" and "#" not in text[at:cut].rpartition("\n")[2]:
                if tomllib.loads("x = " + text[at:cut])["x"] == value:
                    return cut, value
        except tomllib.TOMLDecodeError:
            pass
    cut = end
    while text[cut - 1] in " \t\r":
        cut -= 1
    return cut, value


def read_toml(text):
    body = text.lstrip("\ufeff")
    whole = tomllib.loads(body.replace("\r\n", "\n"))
    shift, table, pairs, at, seen = len(text) - len(body), (), [], 0, {}
    while at < len(body):
        match = KEY.match(body, at)
        if match:
            end, value = toml_value_end(body, match.end())
            value = dict if isinstance(value, dict) else list if isinstance(value, list) else value
            pairs.append((table + toml_key(match.group(1)), match.start(1) + shift,
                          match.end() + shift, end + shift, value))
            at = end
        header = re.compile(r"[ \t]*(\[\[?)(.*?)\]\]?[ \t]*(?:#.*)?\r?$", re.M).match(body, at)
        if header and not match:
            table = toml_key(header.group(2).strip())
            if header.group(1) == "[[":
                seen[table] = seen.get(table, -1) + 1
                table += (str(seen[table]),)
        at = body.find("\n", at) + 1 or len(body)
    for path, _, _, _, value in pairs:  # the places are ours, the values tomllib's
        node = whole
        for part in path:
            node = node[int(part)] if isinstance(node, list) else node[part]
        if value not in (dict, list) and node != value:
            raise ValueError("%s is %r" % (path, node))
    return pairs


# --- notebooks ------------------------------------------------------------------------

def make_notebook(laws, rng):
    code = laws.make_python(rng).lstrip("\ufeff").replace("\r\n", "\n")
    lines = code.splitlines(keepends=True)
    cells, chunk, depth = [], [], 0
    for i, line in enumerate(lines):
        chunk.append(line)
        depth += line.count("(") + line.count("{") - line.count(")") - line.count("}")
        following = lines[i + 1] if i + 1 < len(lines) else ""
        whole = "".join(chunk)
        if rng.random() < 0.2 and depth == 0 and not following.startswith((" ", "}", ")", "\n")) \
                and whole.count('"""') % 2 == 0 and not re.search(r"(:|@\w+)\s*$", whole):
            cells.append(chunk)
            chunk = []
    cells.append(chunk)
    out = []
    for chunk in cells:
        if rng.random() < 0.3:
            chunk.insert(0, rng.choice(["%matplotlib inline\n", "!pip install x -q\n", "%%time\n",
                                        "!nvidia-smi\n"]))
        if rng.random() < 0.2:
            out.append(cell_of(rng, "markdown", ["# batch_size = 999\n", "text"]))
        if rng.random() < 0.1:
            out.append(cell_of(rng, "code", ["%%bash\n", "echo batch_size = 999\n"]))
        text = "".join(chunk)
        text = text if rng.random() < 0.1 else text.removesuffix("\n")
        source = text if rng.random() < 0.2 else text.splitlines(keepends=True)
        out.append(cell_of(rng, "code", source))
    book = {"cells": out, "metadata": {"kernelspec": {"name": "python3", "language": "python"}},
            "nbformat": 4, "nbformat_minor": 5}
    if rng.random() < 0.3:
        book = dict(reversed(book.items()))
    text = json.dumps(book, indent=rng.choice([None, 1, 1, 2]), ensure_ascii=rng.random() < 0.3)
    return laws.finish(rng, text + rng.choice(["\n", ""]))


def cell_of(rng, kind, source):
    cell = {"cell_type": kind, "metadata": {"tags": ["batch_size = 256"]}, "source": source}
    if kind == "code":
        cell["execution_count"] = rng.choice([None, 3])
        cell["outputs"] = [{"output_type": "stream", "name": "stdout",
                            "text": ["batch_size = 256\n", "é\u2028\u0007"]}]
    items = list(cell.items())
    rng.shuffle(items)
    return dict(items)


def view_notebook(text):
    """The code of the cells, without what is no Python."""
    book, out = json.loads(text.lstrip("\ufeff")), []
    for cell in book["cells"]:
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"])
        if source.startswith("%%bash"):
            continue
        lines = ["#" + line[1:] if line[:1] in ("!", "%") else line for line in source.split("\n")]
        if len(lines) > 1 and not lines[-1]:
            lines.pop()  # a break at the end says nothing
        out.append("\n".join(lines) + "\n")
    return "\n".join(out)


def outside_notebook(laws, text):
    """The file's bytes with the code taken out."""
    spans = [(start, end, "") for path, _, start, end, _ in laws.read_json(text)
             if path[0] == "cells" and len(path) == 3 and path[2] == "source"
             and json.loads(text.lstrip("\ufeff"))["cells"][int(path[1])]["cell_type"] == "code"]
    return laws.blank_out(text, spans)


# --- launch scripts -------------------------------------------------------------------

def make_shell(laws, rng):
    pairs = [(k, v) for k, v in laws.knobs_of(rng, rng.choice(["hf", "hf", "plain"]))]
    for i in range(rng.randrange(4)):
        pairs.insert(rng.randrange(len(pairs) + 1),
                     ("extra_%d" % i, rng.choice(["two words", "a,b", 3, True, "it$5", "x\"y", "é"])))
    head, words = ["#!/bin/bash"], []
    array, string = [], []
    for key, value in pairs:
        text = str(value)
        plain = re.fullmatch(r"[\w.,/+-]+", text)
        quoted = rng.choice([text] * 4 + ['"%s"' % text, "'%s'" % text]) if plain else "'%s'" % text
        if rng.random() < 0.15 and plain:
            head.append(rng.choice(["", "export "]) + "V_%s=%s" % (key.upper(), quoted))
            quoted = rng.choice(["$V_%s", '"$V_%s"', "${V_%s}"]) % key.upper()
        if rng.random() < 0.05 and plain:
            quoted = "${UNSET_%s:-%s}" % (key.upper(), text)
        word = "--%s%s%s" % (key, rng.choice([" ", " ", "="]), quoted)
        if value is True and rng.random() < 0.5:
            word = "--" + key
        where = rng.random()
        (array if where < 0.15 else string if where < 0.25 and re.fullmatch(r"[\w.= -]+", word)
         else words).append(word)
    if array:
        head.append("ARGS=(%s)" % rng.choice([" ", "\n    "]).join(array))
        words.insert(rng.randrange(len(words) + 1), '"${ARGS[@]}"')
    if string:
        head.append('MORE="%s"' % " ".join(string))
        words.insert(rng.randrange(len(words) + 1), "$MORE")
    noise = ["echo --batch_size 256 > /dev/null", "# python train.py --batch_size 256",
             "cat <<'END'\npython train.py --batch_size 999\nEND", "set -e", "",
             "if false; then python train.py --seed 1; fi", "OUT=$(echo x)",
             "for i in 1 2; do echo $i > /dev/null; done", "f() { local x=1; }", "cd . && true"]
    body = head[:]
    for _ in range(rng.randrange(4)):
        body.insert(rng.randrange(1, len(body) + 1), rng.choice(noise))
    start = rng.choice(["python train.py", "python3 -u train.py", "torchrun --nproc_per_node 2 train.py",
                        "CUDA_VISIBLE_DEVICES=0 python train.py", "exec python -m pkg.train",
                        "accelerate launch --num_processes 2 train.py", "nohup python train.py"])
    joint = rng.choice([" ", " ", " \\\n    ", " \\\n  "])
    body.append(joint.join([start] + words) + rng.choice(["", "", " # run", " > /dev/null 2>&1", " &\nwait"]))
    text = "\n".join(body) + rng.choice(["\n", "\n", ""])
    return laws.damage(rng, text) if rng.random() < 0.15 else text


STUB = """#!/bin/bash
{ for a in "$0" "$@"; do printf '%s\\0' "$a"; done; printf '\\n\\0'; } >> "$STUB_OUT"
"""


class Bash:
    """Runs scripts with nothing on the PATH but programs that note their arguments."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        for name in ("python", "python3", "torchrun", "accelerate", "nohup", "cat"):
            path = os.path.join(self.folder.name, name)
            with open(path, "w") as f:
                f.write(STUB)
            os.chmod(path, stat.S_IRWXU)

    def read(self, text):
        """(path, value) of every argument of every program that was started."""
        out = os.path.join(self.folder.name, "out")
        if os.path.exists(out):
            os.unlink(out)
        script = os.path.join(self.folder.name, "script")
        with open(script, "wb") as f:
            f.write(text.encode())
        if subprocess.run(["/bin/bash", "-n", script], stderr=subprocess.PIPE).stderr:
            raise ValueError("bash refuses it")
        ended, held = os.pipe()  # open until what runs in the background has ended, too
        with open(ended, "rb") as over:
            with open(held, "wb"):
                subprocess.run(["/bin/bash", script], stdin=subprocess.DEVNULL, pass_fds=[held],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=20,
                               cwd=self.folder.name,
                               env={"PATH": self.folder.name, "STUB_OUT": out})
            over.read()
        if not os.path.exists(out):
            return []
        with open(out, "rb") as f:
            commands = f.read().decode(errors="replace").split("\0\n\0")[:-1]
        # What runs side by side is noted in any order.
        commands = sorted((c.split("\0") for c in commands), key=lambda c: shown("\0".join(c)))
        return [p for i, c in enumerate(commands) for p in arguments(i, c)]


def shown(text):
    """TEXT with all numbers and booleans alike."""
    return re.sub(r"\\?\d[\d.e+-]*|[Tt]rue|[Ff]alse", "0", text)  # \1 means 1


def arguments(index, words):
    pairs, key, count = [], None, 0
    for word in words:
        if re.match(r"-+[^-\d.\s]", word):
            key, equals, value = word.partition("=")
            pairs.append([(str(index), key.lstrip("-")), typed(value) if equals else True])
            key = None if equals else pairs[-1]
        elif key:
            key[1], key = typed(word), None
        else:
            pairs.append([(str(index), "word %d" % count), word])
            count += 1
    return [tuple(p) for p in pairs]


def typed(word):
    if word in ("True", "False", "true", "false"):
        return word in ("True", "true")
    try:
        return ast.literal_eval(word) if re.match(r"[-+.\d]", word) else word
    except (ValueError, SyntaxError):
        return word


def check_shell(laws, bash, before, after, unsafe, counts):
    old, new = bash.read(before), bash.read(after)
    if not any(p[0][-1] in laws.KNOBS for p in old):
        return  # damage ends the script before anything is trained
    old_by, new_by = dict(old), dict(new)
    changed = [k for k in old_by if k in new_by and not laws.same(old_by[k], new_by[k])]
    come = [k for k in new_by if k not in old_by]
    gone = [k for k in old_by if k not in new_by]
    counts["values"] += len(changed)
    counts["inserted"] += len(come)
    counts["removed"] += len(gone)
    for path in changed + come + gone:
        if path[-1] not in laws.KNOBS:
            raise laws.Failure("%s was touched" % path[-1])
    full = lambda pairs: [(p[0], 0, 0, 0, p[1]) for p in pairs]
    if not unsafe and laws.effective(full(old)) not in (None, laws.effective(full(new))):
        raise laws.Failure("the effective batch changed")
    if not changed and not come and not gone:
        raise laws.Failure("the file changed and nothing else did")
    if not come and not gone and shown(before) != shown(after):
        raise laws.Failure("bytes outside the values changed")
    for path in gone:
        flag = r"['\"\\]*".join("--" + path[-1])  # quoted in part, perhaps
        before = re.sub(flag + r"\b([ =]\\?[\w.'\"]+)?(\s+(?=\\))?", "", before)
    squeezed = lambda text: re.sub(r"[\s\\]", "", shown(text))
    if gone and not come and squeezed(before) != squeezed(after):
        raise laws.Failure("bytes outside the removed flags changed")
