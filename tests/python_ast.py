"""Compares the Python front end with Python's own parser.

usage: python_ast.py DUMP FILE-OR-FOLDER...

DUMP is the program built from tests/dump_settings.c. For every file: each keyword
argument, dict entry, parameter default and simple module or class assignment whose value
is a literal must be a setting with the same key, span and value (recall), and every
setting of those shapes with a known value must be one of them (precision).
"""
import ast
import json
import math
import os
import re
import subprocess
import sys
import warnings

warnings.simplefilter("ignore")
OPTION = re.compile(r"(^|\.)(add_argument|click\.option|DEFINE_\w+|putenv|environ\.setdefault|"
                    r"environ\.update)$")
FIELD = {"field", "Field", "attrib", "ib"}
UNKNOWN = object()


def literal(node):
    """The value of a literal, or UNKNOWN."""
    if isinstance(node, ast.Constant):
        v = node.value
        if isinstance(v, (bytes, complex)) or v is Ellipsis:
            return UNKNOWN
        if type(v) is int and not -2**63 <= v < 2**63:
            return UNKNOWN
        if isinstance(v, float) and not math.isfinite(v):
            return UNKNOWN
        if isinstance(v, str) and re.search("[\ud800-\udfff]", v):
            return UNKNOWN
        return v
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        v = literal(node.operand)
        if type(v) in (int, float):
            return -v if isinstance(node.op, ast.USub) else v
    if isinstance(node, (ast.List, ast.Tuple)):
        vs = [literal(e) for e in node.elts]
        return UNKNOWN if UNKNOWN in vs else vs
    return UNKNOWN


def evaluated(node):
    """As literal(), arithmetic included; None of it may name anything."""
    v = literal(node)
    if v is not UNKNOWN:
        return v
    allowed = (ast.BinOp, ast.UnaryOp, ast.Constant, ast.operator, ast.unaryop, ast.List,
               ast.Tuple, ast.expr_context)
    if not all(isinstance(n, allowed) for n in ast.walk(node)):
        return UNKNOWN
    try:
        v = eval(compile(ast.Expression(node), "", "eval"), {})
    except Exception:
        return UNKNOWN
    return lists(v)


def lists(v):
    return [lists(x) for x in v] if isinstance(v, (list, tuple)) else v


def same(a, b):
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, float) or isinstance(b, float):
        return type(a) is type(b) and (a == b or abs(a - b) <= 1e-15 * abs(a))
    return type(a) is type(b) and a == b


def ours(v):
    if v == {}:
        return UNKNOWN
    if isinstance(v, dict):
        return float(v["float"])
    return [ours(x) for x in v] if isinstance(v, list) else v


class Collector(ast.NodeVisitor):
    def __init__(self, data):
        self.lines = [0]
        for m in re.finditer(rb"\r\n|\r|\n", data):
            self.lines.append(m.end())
        self.base = 3 if data.startswith(b"\xef\xbb\xbf") else 0
        self.must, self.may, self.in_class, self.in_function = {}, {}, False, False

    def span(self, n):
        bom = lambda line: self.base if line == 1 else 0
        return (self.lines[n.lineno - 1] + n.col_offset + bom(n.lineno),
                self.lines[n.end_lineno - 1] + n.end_col_offset + bom(n.end_lineno))

    def note(self, key, node, must=True):
        place = (*self.span(node), key)
        self.may[place] = node
        if must and literal(node) is not UNKNOWN:
            self.must[place] = node

    def visit_JoinedStr(self, node):
        pass

    def visit_AnnAssign(self, node):
        if node.value is not None:
            self.assign([node.target], node.value)
            self.visit(node.value)

    def assign(self, targets, value):
        for t in targets:
            if isinstance(t, ast.Name):
                bare = isinstance(value, ast.Tuple) and self.bare(value)
                self.note(t.id, value, not bare)
            elif isinstance(t, ast.Attribute):
                self.note(ast.unparse(t), value, False)
            elif isinstance(t, ast.Subscript) and isinstance(t.slice, ast.Constant):
                self.note(ast.unparse(t.value) + "." + str(t.slice.value), value, False)
                self.note(str(t.slice.value), value, False)
            elif isinstance(t, (ast.Tuple, ast.List)) and isinstance(value, (ast.Tuple, ast.List)):
                for a, b in zip(t.elts, value.elts):
                    self.assign([a], b)

    def bare(self, node):
        first = node.elts[0] if node.elts else None
        return bool(first) and self.span(first)[0] == self.span(node)[0]

    def visit_Assign(self, node):
        self.assign(node.targets, node.value)
        self.generic_visit(node)

    def visit_Call(self, node):
        name = ast.unparse(node.func) if not isinstance(node.func, ast.Call) else ""
        defines = bool(OPTION.search(name))
        name = name.split(".")[-1]
        for k in node.keywords:
            if k.arg:
                self.note(k.arg, k.value, not (defines or (name in FIELD)))
                if k.arg in ("default", "default_factory", "factory"):
                    inner = k.value.body if isinstance(k.value, ast.Lambda) else k.value
                    self.free(inner)
        for i, a in enumerate(node.args):
            self.free(a)
        if defines or name in FIELD:
            return
        self.generic_visit(node)

    def free(self, node):
        """A value that may appear under a key that is told elsewhere."""
        self.may[(*self.span(node), None)] = node

    def visit_Dict(self, node):
        for k, v in zip(node.keys, node.values):
            if isinstance(k, ast.Constant) and isinstance(k.value, str) and len(k.value.encode("utf-8", "replace")) <= 256:
                if not re.search("[\ud800-\udfff]", k.value):
                    self.note(k.value, v)
            elif k is not None:
                self.free(v)
        self.generic_visit(node)

    def function(self, node):
        a = node.args
        for arg, d in zip((a.posonlyargs + a.args)[::-1], a.defaults[::-1]):
            self.note(arg.arg, d)
        for arg, d in zip(a.kwonlyargs, a.kw_defaults):
            if d is not None:
                self.note(arg.arg, d)
        for n in node.decorator_list + [d for d in a.defaults + a.kw_defaults if d] + node.body:
            self.visit(n)

    visit_FunctionDef = visit_AsyncFunctionDef = function

    def visit_ClassDef(self, node):
        for n in node.bases + node.decorator_list + node.body:
            self.visit(n)


def check(record, settings, totals):
    data = open(record["file"], "rb").read()
    try:
        tree = ast.parse(data)
    except Exception:
        return
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return
    c = Collector(data)
    try:
        c.visit(tree)
    except RecursionError:
        return
    found = {}
    for s in settings:
        if s["kind"] == "map" or s["key_at"]["from"] == s["key_at"]["to"]:
            continue
        place = (s["value_at"]["from"], s["value_at"]["to"], s["key"])
        found[place] = s
        value = ours(s["value"])
        if value is UNKNOWN or place[0] == place[1]:
            continue
        node = c.may.get(place) or c.may.get((place[0], place[1], None))
        totals["ours"] += 1
        want = evaluated(node) if node is not None else None
        names = node is not None and want is UNKNOWN and s["style"] == "code"
        if node is None or not (names or same(want, value)):
            totals["wrong"] += 1
            if totals["wrong"] <= 40:
                print("wrong", record["file"], s["key_at"]["line"], s["path"], value,
                      "no such place" if node is None else want)
    for place, node in c.must.items():
        totals["theirs"] += 1
        s = found.get(place)
        if s is None or not same(ours(s["value"]), literal(node)):
            totals["missed"] += 1
            if totals["missed"] <= 40:
                print("missed", record["file"], node.lineno, place, literal(node),
                      s and s["value"])


def main():
    dump, paths = sys.argv[1], sys.argv[2:]
    files = []
    for p in paths:
        if p.startswith("@"):
            files += open(p[1:]).read().split()
        elif os.path.isdir(p):
            for d, _, names in os.walk(p):
                files += [os.path.join(d, n) for n in names if n.endswith(".py")]
        else:
            files.append(p)
    totals = dict(files=0, ours=0, wrong=0, theirs=0, missed=0)
    for i in range(0, len(files), 20):
        out = subprocess.run([dump] + files[i:i + 20], capture_output=True).stdout
        record, settings = None, []
        for line in out.decode("utf-8", "replace").split("\n"):
            if not line:
                continue
            d = json.loads(line)
            if "file" in d:
                if record:
                    check(record, settings, totals)
                record, settings = d, []
                totals["files"] += 1
            elif "path" in d:
                settings.append(d)
        if record:
            check(record, settings, totals)
    t = totals
    recall = 1 - t["missed"] / max(t["theirs"], 1)
    precision = 1 - t["wrong"] / max(t["ours"], 1)
    print(f"{t['files']} files, recall {recall:.4%} of {t['theirs']}, "
          f"precision {precision:.4%} of {t['ours']}")
    return 0 if recall >= 0.995 and precision >= 0.995 else 1


if __name__ == "__main__":
    sys.exit(main())
