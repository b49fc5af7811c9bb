"""What a rewrite changed, as other parsers see it: PyYAML, json and ast.

usage: rewrite_values.py BEFORE AFTER

Prints one line per value that differs, is new or is gone, for every file of the two
folders. A file that no parser reads must be the same bytes.
"""

import ast
import codecs
import json
import os
import re
import sys

import yaml

def walk_yaml(node, path, out):
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else yaml.serialize(key).strip()
            walk_yaml(value, path + [str(name)], out)
    elif isinstance(node, yaml.SequenceNode):
        for i, value in enumerate(node.value):
            walk_yaml(value, path + [str(i)], out)
    else:
        tag = node.tag.replace("tag:yaml.org,2002:", "")
        out.append((".".join(path), "%s %r" % (tag, node.value)))


def read_yaml(text):
    out = []
    try:
        nodes = list(yaml.compose_all(text, yaml.SafeLoader))
    except yaml.YAMLError:  # libyaml takes some tabs that PyYAML's own scanner does not
        nodes = list(yaml.compose_all(text, yaml.CSafeLoader))
    for i, node in enumerate(nodes):
        walk_yaml(node, [str(i)] if i else [], out)
    return out


def walk_json(value, path, out):
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        for key, inner in value:
            walk_json(inner, path + [key], out)
    elif isinstance(value, list) and value:
        for i, inner in enumerate(value):
            walk_json(inner, path + [str(i)], out)
    else:
        out.append((".".join(path), repr(value)))


def read_json(text):
    """Comments and trailing commas are blanked, strings left alone."""
    bare = text
    for dropped in (r"//[^\r\n]*|/\*[\s\S]*?\*/", r",(?=\s*[}\]])"):
        token = re.compile(r'"(?:[^"\\]|\\.)*"|' + dropped)
        bare = token.sub(lambda m: m.group() if m.group()[0] == '"' else " ", bare)
    out = []
    walk_json(json.loads(bare, object_pairs_hook=list), [], out)
    return out


def name_of(node):
    if isinstance(node, ast.Attribute):
        return name_of(node.value) + "." + node.attr
    return node.id if isinstance(node, ast.Name) else ast.unparse(node)


def read_python(text):
    out = []
    for node in ast.walk(ast.parse(text)):
        pairs = []
        if isinstance(node, ast.Assign):
            pairs = [(name_of(node.targets[0]), node.value)]
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            pairs = [(name_of(node.target), node.value)]
        elif isinstance(node, ast.Call):
            name = name_of(node.func)
            pairs = [("%s(%d)" % (name, i), v) for i, v in enumerate(node.args)]
            pairs += [("%s(%s)" % (name, k.arg), k.value) for k in node.keywords]
            pairs.append(("call", node.func))
        elif isinstance(node, ast.Dict):
            pairs = [("{%s}" % ast.unparse(k) if k else "**", v)
                     for k, v in zip(node.keys, node.values)]
        elif isinstance(node, ast.FunctionDef):
            names = [a.arg for a in node.args.args]
            defaults = node.args.defaults
            pairs = list(zip(["def %s(%s)" % (node.name, n) for n in names[len(names) - len(defaults):]],
                             defaults))
        elif isinstance(node, ast.With):
            pairs = [("with", node.items[0].context_expr)]
        # What is inside a collection or a call stands for itself.
        out += [(k, ast.unparse(v)) for k, v in pairs
                if not isinstance(v, (ast.Dict, ast.Call)) or k in ("with",)]
    return out


READERS = {".yaml": read_yaml, ".json": read_json, ".py": read_python}


def read(path):
    """Pairs, or None for what is no such file."""
    data = open(path, "rb").read()
    if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return None
    try:
        text = data.decode()
        return READERS[os.path.splitext(path)[1]](text[1:] if text[:1] == "\ufeff" else text)
    except (KeyError, ValueError, SyntaxError, RecursionError, yaml.YAMLError):
        return None


def compare(name, before, after):
    """Lines of a diff over the pairs, in order, by longest common run of equal paths."""
    import difflib
    old, new = [k for k, _ in before], [k for k, _ in after]
    for op, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if op == "equal":
            for (k, x), (_, y) in zip(before[a:b], after[c:d]):
                if x != y:
                    yield "%s: %s: %s -> %s" % (name, k, x, y)
            continue
        for k, x in before[a:b]:
            yield "%s: %s: %s gone" % (name, k, x)
        for k, y in after[c:d]:
            yield "%s: %s: %s new" % (name, k, y)


def main():
    before, after = sys.argv[1:3]
    for folder, _, files in sorted(os.walk(before)):
        for file in sorted(files):
            path = os.path.join(folder, file)
            name = os.path.relpath(path, before)
            other = os.path.join(after, name)
            if open(path, "rb").read() == open(other, "rb").read():
                continue
            old, new = read(path), read(other)
            if old is None or new is None:
                print("%s: changed and not readable" % name)
                continue
            for line in compare(name, old, new):
                print(line)


if __name__ == "__main__":
    main()
