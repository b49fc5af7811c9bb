"""The laws of docs/REWRITING.md, checked from outside: random trainer configs are
rewritten by the program and read by other parsers (PyYAML, json, ast, tomllib, bash).

usage: fix_laws.py GPULINT [COUNT [SEED]]

For each file: it still parses; only training knobs changed, in value or presence; the
effective batch is what it was; every byte outside the changed values is what it was;
a second run changes nothing, not even the inode; the mode is kept.
"""

import ast
import json
import os
import random
import re
import subprocess
import sys
import tempfile

import fix_laws_kinds as kinds

try:
    import yaml
except ImportError:
    yaml = None

BATCH = {"batch_size", "per_device_train_batch_size", "micro_batch_size",
         "train_micro_batch_size_per_gpu"}
STEPS = {"gradient_accumulation_steps", "accumulation_steps", "accumulate_grad_batches"}
KNOBS = BATCH | STEPS | {
    "num_workers", "dataloader_num_workers", "pin_memory", "dataloader_pin_memory",
    "prefetch_factor", "dataloader_prefetch_factor", "persistent_workers",
    "dataloader_persistent_workers", "non_blocking", "learning_rate", "lr", "fp16", "bf16",
    "tf32", "use_amp", "mixed_precision", "precision", "cudnn_benchmark", "deterministic",
    "weight_decay", "gradient_checkpointing", "train_batch_size",
}
SHAPES = {
    "plain": ("batch_size", "gradient_accumulation_steps", "num_workers", "pin_memory",
              "prefetch_factor", "learning_rate"),
    "hf": ("per_device_train_batch_size", "gradient_accumulation_steps",
           "dataloader_num_workers", "dataloader_pin_memory", "dataloader_prefetch_factor",
           "learning_rate"),
    "axolotl": ("micro_batch_size", "gradient_accumulation_steps", "dataloader_num_workers",
                "dataloader_pin_memory", "dataloader_prefetch_factor", "learning_rate"),
}
TEXTS = ["plain", "with: colon", "it's", 'say "x"', "é € 漢字 👍", "batch_size: 256", "# no comment",
         "a,b", "1e-5", "yes", "", " padded "]


# Two lines that a Python file may get before it imports torch.
ALLOCATOR = re.compile(r"^(import os|os\.environ.*PYTORCH_(CUDA_)?ALLOC_CONF.*)\r?\n", re.M)


class Failure(Exception):
    pass


# --- values ---------------------------------------------------------------------------

def knobs_of(rng, shape):
    """Name and value of the settings that the program may rewrite."""
    batch, steps, workers, pin, prefetch, rate = SHAPES[shape]
    out = [(batch, rng.choice([4, 16, 96, 128, 192, 256, 512, 1024, 300]))]
    if rng.random() < 0.6:
        out.append((steps, rng.choice([1, 1, 2, 4])))
    if rng.random() < 0.6:
        out.append((workers, rng.choice([0, 2, 4, 16, 64])))
    if rng.random() < 0.4:
        out.append((pin, rng.random() < 0.5))
    if rng.random() < 0.3:
        out.append((prefetch, rng.choice([2, 4])))
    if rng.random() < 0.6:
        out.append((rate, rng.choice([0.1, 0.001, 3e-4])))
    if shape == "axolotl":
        out += [("base_model", "some/unknown-model"), ("sequence_len", 512)]
    if shape == "hf":
        out += [("output_dir", "out"), ("num_train_epochs", 3)]
    rng.shuffle(out)
    return out


def noise(rng, depth=0):
    kind = rng.randrange(6 if depth < 2 else 4)
    if kind == 0:
        return rng.choice(TEXTS)
    if kind == 1:
        return rng.choice([0, -3, 256, 10**12])
    if kind == 2:
        return rng.choice([True, False, None])
    if kind == 3:
        return rng.choice([0.5, 1.25])
    if kind == 4:
        return [noise(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {"n%d" % i: noise(rng, depth + 1) for i in range(rng.randrange(1, 4))}


def pairs_of(rng, shape):
    pairs = knobs_of(rng, shape)
    for i in range(rng.randrange(6)):
        pairs.insert(rng.randrange(len(pairs) + 1), ("extra_%d" % i, noise(rng)))
    return pairs


# --- YAML -----------------------------------------------------------------------------

def yaml_flow(rng, value):
    if isinstance(value, dict):
        return "{%s}" % ", ".join("%s: %s" % (k, yaml_flow(rng, v)) for k, v in value.items())
    if isinstance(value, list):
        return "[%s]" % ", ".join(yaml_flow(rng, v) for v in value)
    if isinstance(value, str):
        if rng.random() < 0.5 and '"' not in value:
            return '"%s"' % value
        return "'%s'" % value.replace("'", "''")
    if value is None:
        return rng.choice(["null", "~"])
    if isinstance(value, bool):
        return rng.choice(["true", "True"] if value else ["false", "False"])
    return repr(value)


def yaml_lines(rng, pairs, indent, out):
    pad = " " * indent
    for key, value in pairs:
        if rng.random() < 0.2:
            out.append(pad + "# about %s: it's \"so\" é" % key)
        if rng.random() < 0.1:
            out.append("")
        shown = rng.choice([key] * 6 + ['"%s"' % key, "'%s'" % key])
        gap = rng.choice([" "] * 8 + ["    "])
        tail = rng.choice([""] * 5 + ["  # why", " ", "      # far"])
        if isinstance(value, dict) and rng.random() < 0.7:
            out.append(pad + shown + ":" + tail)
            yaml_lines(rng, value.items(), indent + rng.choice([2, 4]), out)
        elif isinstance(value, list) and value and rng.random() < 0.5:
            out.append(pad + shown + ":" + tail)
            deeper = pad + rng.choice(["", "  "])
            out += [deeper + "- " + yaml_flow(rng, v) for v in value]
        elif isinstance(value, str) and value.strip() == value and value and rng.random() < 0.3:
            out.append(pad + shown + ": " + rng.choice(["|", ">", "|-", ">+"]))
            out += [pad + "  " + value, pad + "  batch_size: 999"]
        else:
            out.append(pad + shown + ":" + gap + yaml_flow(rng, value) + tail)


def make_yaml(rng):
    shape = rng.choice(list(SHAPES))
    pairs = pairs_of(rng, shape)
    if rng.random() < 0.15:
        text = yaml_flow(rng, dict(pairs)) + "\n"
    else:
        lines = []
        nested = shape != "axolotl" and rng.random() < 0.4
        if nested:
            lines.append(rng.choice(["training:", "train: # section"]))
        yaml_lines(rng, pairs, rng.choice([2, 4]) if nested else 0, lines)
        if rng.random() < 0.3:
            lines.append("last_one: %s" % yaml_flow(rng, noise(rng)))
        text = "\n".join(lines) + rng.choice(["\n", "\n", "\n\n", ""])
    if rng.random() < 0.2:
        text = "---\n" + text
    if rng.random() < 0.1 and not text.lstrip("-\n").startswith("{"):
        text = re.sub(r"(batch_size['\"]?:\s+)((?!999)\d+)", r"\1&b \2", text, count=1)
        text += ("" if text.endswith("\n") else "\n") + "shared: *b\n"
    return finish(rng, text)


def finish(rng, text):
    if rng.random() < 0.15:
        text = damage(rng, text)
    if rng.random() < 0.2:
        text = text.replace("\n", "\r\n")
    return ("\ufeff" if rng.random() < 0.1 else "") + text


def damage(rng, text):
    """Bytes lost, doubled or strewn in: most are broken now, some mean something odd."""
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(text) + 1)
        piece = rng.choice(["", "", "\n", " ", "  ", ":", ": ", "'", '"', "{", "}", "[", "]", ",", "#",
                            "&b ", "*b", "- ", "|", "? ", "---\n", "...\n", "!!int ", "<<: *b",
                            "\r", "\t", "(", ")", "=", "\\", "\u2028", "batch_size: 256\n",
                            "batch_size = 256\n", text[at:at + 30]])
        text = text[:at] + piece + text[at + rng.choice([0, 0, 1, 3]):]
    return text


def walk_yaml(node, path, out):
    if isinstance(node, yaml.MappingNode):
        for k, v in node.value:
            here = path + (k.value if isinstance(k, yaml.ScalarNode) else yaml.serialize(k),)
            out.append((here, k.start_mark.index, v.start_mark.index, v.end_mark.index, v))
            walk_yaml(v, here, out)
    elif isinstance(node, yaml.SequenceNode):
        for i, v in enumerate(node.value):
            walk_yaml(v, path + (str(i),), out)


def read_yaml(text):
    """(path, key offset, value offset, value end, value) of every pair."""
    shift = 1 if text.startswith("\ufeff") else 0
    loader = yaml.SafeLoader(text[shift:])
    try:
        node, out, pairs = loader.get_single_node(), [], []
        walk_yaml(node, (), out)
        for path, key, start, end, v in out:
            value = loader.construct_object(v, deep=True) if not isinstance(
                v, yaml.MappingNode) else dict
            pairs.append((path, key + shift, start + shift, end + shift, value))
        return pairs
    finally:
        loader.dispose()


# --- JSON -----------------------------------------------------------------------------

def json_text(rng, value, indent, level):
    if isinstance(value, (dict, list)) and value:
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        colon = rng.choice([": ", ": ", ":", " : "])
        if isinstance(value, dict):
            items = [json.dumps(k) + colon + json_text(rng, v, indent, level + 1)
                     for k, v in value.items()]
        else:
            items = [json_text(rng, v, indent, level + 1) for v in value]
        if indent is None or rng.random() < 0.2:
            return opening + rng.choice([", ", ","]).join(items) + closing
        pad = "\n" + indent * (level + 1)
        return opening + pad + ("," + pad).join(items) + "\n" + indent * level + closing
    return json.dumps(value, ensure_ascii=rng.random() < 0.5)


def make_json(rng):
    pairs = dict(pairs_of(rng, rng.choice(["plain", "hf"])))
    if rng.random() < 0.3:
        pairs = {"training": pairs, "after": noise(rng)}
    indent = rng.choice([None, "  ", "  ", "    ", "\t"])
    return finish(rng, json_text(rng, pairs, indent, 0) + rng.choice(["", "\n"]))


class JsonReader:
    """Values with their places; json itself says what they are."""

    def __init__(self, text):
        self.text, self.pairs = text, []
        self.at = 1 if text.startswith("\ufeff") else 0
        self.value(())

    def blanks(self):
        while self.at < len(self.text) and self.text[self.at] in " \t\r\n":
            self.at += 1

    def value(self, path):
        self.blanks()
        opening = self.text[self.at]
        if opening in "{[":
            self.collection(path, opening == "{")
            return dict if opening == "{" else list
        value, self.at = json.JSONDecoder().raw_decode(self.text, self.at)
        return value

    def collection(self, path, is_map):
        self.at += 1
        index = 0
        self.blanks()
        while self.text[self.at] not in "}]":
            key, start = str(index), self.at
            if is_map:
                key, self.at = json.JSONDecoder().raw_decode(self.text, self.at)
                self.blanks()
                assert self.text[self.at] == ":"
                self.at += 1
                self.blanks()
            begin, slot = self.at, len(self.pairs)
            self.pairs.append(None)
            value = self.value(path + (key,))
            self.pairs[slot] = (path + (key,), start, begin, self.at, value)
            index += 1
            self.blanks()
            if self.text[self.at] == ",":
                self.at += 1
                self.blanks()
        self.at += 1


def read_json(text):
    json.loads(text.lstrip("\ufeff"))
    return JsonReader(text).pairs


# --- Python ---------------------------------------------------------------------------

def make_python(rng):
    shape = rng.choice(["plain", "hf"])
    pairs = [(k, v) for k, v in pairs_of(rng, shape)]
    comment = lambda: rng.choice([""] * 4 + ["  # why é", "  # batch_size = 999"])
    lines = ['"""Trains.\n\nbatch_size = 999\n"""', "import torch", ""]
    style = rng.choice(["module", "dict", "dataclass", "call"])
    if style == "module":
        lines += ["%s = %r%s" % (k, v, comment()) for k, v in pairs]
    elif style == "dict":
        lines += ["config = {"] + ["    %r: %r,%s" % (k, v, comment()) for k, v in pairs] + ["}"]
    elif style == "dataclass":
        lines += ["from dataclasses import dataclass, field", "", "@dataclass",
                  "class TrainConfig:"]
        for k, v in pairs:
            if isinstance(v, (list, dict)):
                v = None
            lines.append("    %s: %s = %r%s" % (k, type(v).__name__, v, comment()))
    else:
        lines += ["from transformers import TrainingArguments",
                  "args = TrainingArguments("]
        lines += ["    %s=%r,%s" % (k, v, comment()) for k, v in pairs] + [")"]
    lines += ["", "def helper(batch):", "    text = 'batch_size = 999'", "    return batch"]
    return finish(rng, "\n".join(lines) + rng.choice(["\n", ""]))


class PythonReader(ast.NodeVisitor):
    def __init__(self, text):
        self.bom = 1 if text.startswith("\ufeff") else 0
        # Python's own line ends; splitlines() has more (form feed, U+2028, ...).
        self.lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", text[self.bom:])
        self.starts = [self.bom]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line))
        self.pairs = []
        self.visit(ast.parse(text[self.bom:]))

    def offset(self, line, column):
        text = self.lines[line - 1].encode()[:column].decode()
        return self.starts[line - 1] + len(text)

    def add(self, name, key, value):
        try:
            known = ast.literal_eval(value)
        except ValueError:
            known = dict
        if any(isinstance(n, (ast.Dict, ast.Call)) for n in ast.walk(value)):
            known = dict  # what is inside stands for itself
        count = sum(p[0][-1] == name for p in self.pairs)  # names of nested dicts recur
        self.pairs.append(((str(count), name), self.offset(key.lineno, key.col_offset),
                           self.offset(value.lineno, value.col_offset),
                           self.offset(value.end_lineno, value.end_col_offset), known))

    def visit_Assign(self, node):
        target = node.targets[0]
        if isinstance(target, (ast.Name, ast.Attribute)):
            name = target.id if isinstance(target, ast.Name) else target.attr
            self.add(name, target, node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node):
        if node.value is not None and isinstance(node.target, ast.Name):
            self.add(node.target.id, node.target, node.value)
        self.generic_visit(node)

    def visit_FunctionDef(self, node):
        named = node.args.posonlyargs + node.args.args
        for arg, value in zip(named[::-1], node.args.defaults[::-1]):
            self.add(arg.arg, arg, value)
        for arg, value in zip(node.args.kwonlyargs, node.args.kw_defaults):
            if value is not None:
                self.add(arg.arg, arg, value)
        self.generic_visit(node)

    def visit_Dict(self, node):
        for key, value in zip(node.keys, node.values):
            if isinstance(key, ast.Constant):
                self.add(str(key.value), key, value)
        self.generic_visit(node)

    def visit_Call(self, node):
        for k in node.keywords:
            self.add(k.arg, k, k.value)
        self.generic_visit(node)


def read_python(text):
    return PythonReader(text).pairs


# --- the laws -------------------------------------------------------------------------

def number(value):
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    return None


def effective(pairs):
    batch = [p[4] for p in pairs if p[0][-1] in BATCH]
    steps = [p[4] for p in pairs if p[0][-1] in STEPS]
    if len(batch) != 1 or len(steps) > 1 or number(batch[0]) is None:
        return None
    return batch[0] * (steps[0] if steps else 1)


def same(x, y):
    if isinstance(x, str) and isinstance(y, float):
        return float(x) == y  # 1e-5 becomes the number that it looks like
    return x == y and type(x) is type(y)


def blank_out(text, spans):
    for start, end, new in sorted(set(spans), reverse=True):  # an alias has its anchor's place
        text = text[:start] + new + text[end:]
    return text


def number_duplicates(pairs):
    """Paths made unique, and the set of those that were not."""
    out, seen, twice = [], {}, set()
    for p in pairs:
        seen[p[0]] = seen.get(p[0], 0) + 1
        path = p[0] if seen[p[0]] == 1 else ("again %d" % seen[p[0]],) + p[0]
        if seen[p[0]] > 1:
            twice |= {p[0], path}
        out.append((path,) + p[1:])
    return out, twice


def check_laws(before, after, old, new, unsafe, counts):
    (old, twice), (new, _) = number_duplicates(old), number_duplicates(new)
    old_by, new_by = {p[0]: p for p in old}, {p[0]: p for p in new}
    gone = [p for p in old if p[0] not in new_by]
    come = [p for p in new if p[0] not in old_by]
    kept = [(p, new_by[p[0]]) for p in old if p[0] in new_by]
    # PyYAML ends a block list at the next token, comments in between included, so of a
    # list only the items' bytes count, which are pairs of their own.
    changed = [(x, y) for x, y in kept if not same(x[4], y[4]) or
               (not isinstance(x[4], list) and before[x[2]:x[3]] != after[y[2]:y[3]])]
    changed = [(x, y) for x, y in changed if x[4] is not dict and x[4] is not list]
    # An alias has its anchor's place; an unsafe fix may change what several keys share.
    shared = {p[2] for p in old if p[0][-1] in KNOBS}
    counts["values"] += len(changed)
    counts["inserted"] += len(come)
    counts["removed"] += len(gone)
    for p in gone + come + [x for x, _ in changed]:
        if p[0][-1] not in KNOBS and not (unsafe and p[2] in shared):
            raise Failure("%s was touched" % ".".join(p[0]))
    for p in gone + [x for x, _ in changed]:
        if p[0] in twice:
            raise Failure("%s is there twice and was rewritten" % ".".join(p[0]))
    if [x[0] for x, _ in kept] != [p[0] for p in new if p[0] in old_by]:
        raise Failure("the order changed")
    if not unsafe and effective(old) not in (None, effective(new)):
        raise Failure("effective batch %s became %s" % (effective(old), effective(new)))
    left = blank_out(before, [(x[2], x[3], "\0") for x, _ in changed] +
                     [(p[1], p[3], "") for p in gone])
    right = blank_out(after, [(y[2], y[3], "\0") for _, y in changed] +
                      [(p[1], p[3], "") for p in come])
    # A comment in a column with the next line's may keep it.
    columns = lambda t: re.sub(r" +(?=#|//)", " ", t)
    if not gone and not come and columns(left) != columns(right):
        raise Failure("bytes outside the values changed")
    strip = (lambda t: re.sub(r"[\s,]", "", t)) if not gone else (
        lambda t: re.sub(r"[\s,]|#.*", "", t))
    if strip(left) != strip(right):
        raise Failure("bytes outside the inserted keys changed")
    for end in ("\r\n",):
        if end in before and re.search(r"(?<!\r)\n", after) and not re.search(
                r"(?<!\r)\n", before):
            raise Failure("a line end is not like the others")
    if before.endswith("\n") != after.endswith("\n"):
        raise Failure("the final newline changed")


def run(program, path, mode):
    command = [program, "--fix", "--no-config", "--gpu", "12GB"] + mode + [path]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    if done.returncode not in (0, 1) or b"Sanitizer" in done.stderr:
        raise Failure("exit status %d: %s" % (done.returncode,
                                              done.stderr.decode(errors="replace")))
    said = done.stderr.decode(errors="replace")
    if any(line and "not rewritten" not in line for line in said.splitlines()):
        raise Failure("it says: " + said)
    if "not rewritten" in said and os.environ.get("SHOW_REFUSALS"):
        print(said + open(path, encoding="utf-8").read())
    return "not rewritten" in said


def judge(text, after, read, unsafe, counts):
    if read == BASH.read:
        kinds.check_shell(sys.modules[__name__], BASH, text, after, unsafe, counts)
        return
    if read == read_notebook:
        if outside_code(text) != outside_code(after):
            raise Failure("bytes outside the code cells changed")
        text, after = kinds.view_notebook(text), kinds.view_notebook(after)
        read = read_python
    after = ALLOCATOR.sub("", after)
    check_laws(text, after, read(text), read(after), unsafe, counts)


BASH = kinds.Bash()


def read_notebook(text):
    return read_python(kinds.view_notebook(text))


def outside_code(text):
    return kinds.outside_notebook(sys.modules[__name__], text)


def make_kind(make):
    return lambda rng: make(sys.modules[__name__], rng)


def check_file(program, path, text, read, mode, counts):
    with open(path, "wb") as f:
        f.write(text.encode())
    os.chmod(path, 0o640)
    try:
        old = read(text)
    except Exception:  # damaged: the program must leave it alone or see what Python cannot
        old = None
    counts["refused"] += run(program, path, mode)
    first = open(path, "rb").read()
    stat = os.stat(path)
    if stat.st_mode & 0o7777 != 0o640:
        raise Failure("the mode changed")
    if first != text.encode() and old is not None:
        judge(text, first.decode(), read, "--unsafe-fixes" in mode, counts)
    run(program, path, mode)
    if open(path, "rb").read() != first:
        raise Failure("a second run changed it again")
    again = os.stat(path)
    if (again.st_ino, again.st_mtime_ns) != (stat.st_ino, stat.st_mtime_ns):
        raise Failure("an unchanged file was written")
    counts["files"] += first != text.encode()


MODES = [
    ["--profile", "cnn-lstm"],
    ["--profile", "cnn-lstm", "--unsafe-fixes"],
    ["--profile", "throughput", "--unsafe-fixes"],
    ["--profile", "cnn-lstm", "--preset", "production"],
    ["--profile", "cnn-lstm", "--preset", "conservative", "--unsafe-fixes"],
]


def main():
    program = os.path.abspath(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    languages = [("json", make_json, read_json), ("py", make_python, read_python),
                 ("toml", make_kind(kinds.make_toml), kinds.read_toml),
                 ("ipynb", make_kind(kinds.make_notebook), read_notebook),
                 ("sh", make_kind(kinds.make_shell), BASH.read)]
    wanted = os.environ.get("KINDS", "").split()
    if yaml:
        languages.insert(0, ("yaml", make_yaml, read_yaml))
    bad = 0
    for suffix, make, read in languages:
        if wanted and suffix not in wanted:
            continue
        counts = dict.fromkeys(["files", "values", "inserted", "removed", "refused"], 0)
        with tempfile.TemporaryDirectory() as folder:
            for i in range(count):
                text = make(random.Random("%s %d %d" % (suffix, seed, i)))
                path = os.path.join(folder, "train." + suffix)
                try:
                    check_file(program, path, text, read, MODES[i % len(MODES)], counts)
                except Exception as e:  # a parser's complaint is a broken law, too
                    bad += 1
                    print("%s %d of seed %d, %s: %s: %s" % (
                        suffix, i, seed, " ".join(MODES[i % len(MODES)]), type(e).__name__, e))
                    if bad <= 3:
                        print("--- before\n%s\n--- after\n%s\n---" % (
                            text, open(path, "rb").read().decode(errors="replace")))
        print("%s: %d tried; %s" % (suffix, count, ", ".join(
            "%s %d" % pair for pair in counts.items())))
        if not counts["files"]:
            print("%s: nothing was rewritten, so nothing was tested" % suffix)
            bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
