"""Compares the Python front end with Python's own parser.

usage: python_ast.py DUMP FILE-OR-FOLDER...

DUMP is the program built from tests/dump_settings.c. For every file: each keyword
argument, dict entry, parameter default and simple module or class assignment whose value
is a literal must be a setting with the same key, span and value (recall), and every
setting of those shapes with a known value must be one of them (precision). Names are
followed by Python's own rules of scope: one binding, in no loop and no branch. Options
of argparse must have the default that argparse makes of them.
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
OPTION = re.compile(r"(^|\.)(add_argument|add_option|add_arg|set_defaults|(click\.)?option|DEFINE_\w+|putenv|environ\.setdefault|"
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


BUILTINS = {f.__name__: f for f in (int, float, bool, str, abs, min, max, round, len, pow)}
SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.Module,
         ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
# What a training run on a GPU takes; conditions are told by how they are written.
TAKEN = re.compile(r"(torch\.)?(cuda|accelerator)\.is_available\(\)|True|1|(\w+\.)*(use_|has_|is_|with_)?"
                   r"(cuda|gpu|accel)(_is)?(_available)?(\(\))?|(\w+\.)*device(\.type|_type)? == 'cuda'|"
                   r"(\w+\.)*(do_|is_)?train(ing)?|not .*|(\w+\.)*\w+ == '\w+'|.*(%|accum).*|__name__ == .*|\w+")


class Names(ast.NodeVisitor):
    """Who binds what: scope -> name -> [value of a plain assignment, or None]."""

    def __init__(self, tree):
        self.bound, self.parent, self.of = {}, {}, {}
        self.stack, self.certain = [], True
        self.enter(tree, tree.body, [])

    def bind(self, name, value=None, scope=None):
        value = value if self.certain else None
        self.bound[scope or self.stack[-1]].setdefault(name, []).append(value)

    def enter(self, scope, body, names):
        self.parent[scope] = self.stack[-1] if self.stack else None
        self.bound[scope] = {}
        self.stack.append(scope)
        before, self.certain = self.certain, True
        for n in names:
            self.bind(n)
        for n in body:
            self.visit(n)
        self.certain = before
        self.stack.pop()

    def visit(self, node):
        self.of[node] = self.stack[-1]
        return super().visit(node)

    def function(self, node):
        a = node.args
        names = [x.arg for x in a.posonlyargs + a.args + a.kwonlyargs + [a.vararg, a.kwarg] if x]
        if not isinstance(node, ast.Lambda):
            self.bind(node.name)
            for d in node.decorator_list:
                self.visit(d)
        for d in a.defaults + [d for d in a.kw_defaults if d]:
            self.visit(d)
        self.enter(node, node.body if isinstance(node.body, list) else [node.body], names)

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = function

    def visit_ClassDef(self, node):
        self.bind(node.name)
        for n in node.bases + node.keywords + node.decorator_list:
            self.visit(n)
        self.enter(node, node.body, [])

    def visit_Name(self, node):
        if not isinstance(node.ctx, ast.Load):
            self.bind(node.id)

    def visit_Assign(self, node):
        self.visit(node.value)
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            self.bind(node.targets[0].id, node.value)
        else:
            for t in node.targets:
                self.visit(t)

    def visit_AnnAssign(self, node):
        if node.value is not None:
            self.visit(node.value)
            if isinstance(node.target, ast.Name):
                self.bind(node.target.id, node.value)

    def uncertain(self, nodes):
        before, self.certain = self.certain, False
        for n in nodes:
            self.visit(n)
        self.certain = before

    def loop(self, node):
        self.uncertain(ast.iter_child_nodes(node))

    visit_For = visit_AsyncFor = visit_While = visit_Match = loop

    def visit_If(self, node):
        self.visit(node.test)
        if TAKEN.fullmatch(ast.unparse(node.test)):
            for n in node.body + node.orelse:
                self.visit(n)
        else:
            self.uncertain(node.body + node.orelse)

    def visit_Try(self, node):
        for n in node.body + node.orelse + node.finalbody:
            self.visit(n)
        self.uncertain(node.handlers)

    def visit_ExceptHandler(self, node):
        if node.name:
            self.bind(node.name)
        self.generic_visit(node)

    def visit_Import(self, node):
        for a in node.names:
            self.bind((a.asname or a.name).split(".")[0])

    visit_ImportFrom = visit_Import

    def visit_Global(self, node):
        for n in node.names:
            for s in self.stack:
                self.bind(n, None, s)
                self.bind(n, None, s)

    visit_Nonlocal = visit_Global

    def visit_MatchAs(self, node):
        if node.name:
            self.bind(node.name)
        self.generic_visit(node)

    def visit_MatchStar(self, node):
        if node.name:
            self.bind(node.name)

    def value(self, name, scope):
        """The node that NAME stands for in SCOPE; None: nobody binds it; UNKNOWN."""
        at = scope
        while at is not None:
            if at is scope or not isinstance(at, ast.ClassDef):
                hits = self.bound[at].get(name)
                if hits:
                    return hits[0] if len(hits) == 1 and hits[0] is not None else UNKNOWN
            at = self.parent[at]
        return None


def evaluated(node, names=None, depth=0):
    """What the expression is worth: literals, arithmetic, known names and builtins."""
    v = literal(node)
    if v is not UNKNOWN:
        return v
    if depth > 60:
        return UNKNOWN
    go = lambda n: evaluated(n, names, depth + 1)
    try:
        if isinstance(node, ast.Name) and names:
            hit = names.value(node.id, names.of.get(node))
            return UNKNOWN if hit is None or hit is UNKNOWN else go(hit)
        if isinstance(node, (ast.List, ast.Tuple)):
            vs = [go(e) for e in node.elts]
            return UNKNOWN if UNKNOWN in vs else vs
        if isinstance(node, ast.Call):
            f = node.func.id if isinstance(node.func, ast.Name) else None
            free = not names or names.value(f, names.of.get(node)) is None
            vs = [go(e) for e in node.args]
            if f not in BUILTINS or not free or node.keywords or UNKNOWN in vs:
                return UNKNOWN
            return lists(BUILTINS[f](*vs))
        if isinstance(node, ast.IfExp):
            test = go(node.test)
            return UNKNOWN if test is UNKNOWN else go(node.body if test else node.orelse)
        parts = {ast.BinOp: ("left", "right"), ast.UnaryOp: ("operand",),
                 ast.Subscript: ("value", "slice"), ast.Compare: ("left",)}.get(type(node))
        if not parts:
            return UNKNOWN
        vs = [go(getattr(node, p)) for p in parts]
        if isinstance(node, ast.Compare):
            vs.append(go(node.comparators[0]))
            if len(node.ops) > 1:
                return UNKNOWN
        if UNKNOWN in vs:
            return UNKNOWN
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Pow, ast.LShift)) and vs[1] > 100:
            return UNKNOWN
        new = type(node)(**{f: getattr(node, f) for f in node._fields})
        for p, v in zip(parts, vs):
            setattr(new, p, ast.parse(repr(v), mode="eval").body)
        if isinstance(node, ast.Compare):
            new.comparators = [ast.parse(repr(vs[1]), mode="eval").body]
        new = ast.fix_missing_locations(ast.Expression(new))
        v = lists(eval(compile(new, "", "eval"), {}))
    except Exception:
        return UNKNOWN
    return UNKNOWN if type(v) is int and not -2**63 <= v < 2**63 else v


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
        self.must, self.may, self.options, self.names = {}, {}, {}, None

    def span(self, n):
        bom = lambda line: self.base if line == 1 else 0
        return (self.lines[n.lineno - 1] + n.col_offset + bom(n.lineno),
                self.lines[n.end_lineno - 1] + n.end_col_offset + bom(n.end_lineno))

    def note(self, key, node, must=True):
        place = (*self.span(node), key)
        self.may[place] = node
        if must and literal(node) is not UNKNOWN:
            self.must[place] = node

    def option(self, node):
        """add_argument(...): its place, and the default that the program gets."""
        flags = [a for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        words = {k.arg: k.value for k in node.keywords}
        if not flags or len(flags) != len(node.args) or None in words:
            return
        action = words.get("action")
        action = action.value if isinstance(action, ast.Constant) else None
        if "default" in words:
            v = evaluated(words["default"], self.names)
            kind = words.get("type")
            kind = kind.id if isinstance(kind, ast.Name) else "?" if kind is not None else "str"
            if isinstance(v, str) and kind in ("int", "float", "bool"):
                try:
                    v = BUILTINS[kind](v)
                except ValueError:
                    v = UNKNOWN
            elif isinstance(v, str) and kind != "str":
                return
        elif action in ("store_true", "store_false"):
            v = action == "store_false"
        elif not flags[0].value.startswith("-") or (
                "required" in words and evaluated(words["required"]) is not False):
            v = UNKNOWN
        else:
            v = None
        for f in flags:
            self.options[self.span(f)] = v

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
        if name == "add_argument":
            self.option(node)
        for k in node.keywords:
            if k.arg:
                self.note(k.arg, k.value, not (defines or name in FIELD))
                if k.arg in ("default", "default_factory", "factory"):
                    inner = k.value.body if isinstance(k.value, ast.Lambda) else k.value
                    self.free(inner)
        for i, a in enumerate(node.args):
            self.free(a)
        if name in FIELD:
            before = dict(self.must)
            for k in node.keywords:
                self.visit(k.value)
            self.must = before
        elif not defines:
            self.generic_visit(node)
        else:
            for k in node.keywords:
                self.free(k.value)

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
        c.names = Names(tree)
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
        option = c.options.get((s["key_at"]["from"], s["key_at"]["to"]), UNKNOWN)
        if s["path"].startswith("argparse.") and (s["key_at"]["from"], s["key_at"]["to"]) in c.options:
            totals["options"] += 1
            if value is not UNKNOWN and not same(option, value):
                totals["wrong"] += 1
                print("option", record["file"], s["key_at"]["line"], s["path"], value, option)
            elif value is UNKNOWN and option is not UNKNOWN:
                totals["options_open"] += 1
                if totals["options_open"] <= 40:
                    print("open option", record["file"], s["key_at"]["line"], s["path"], option)
            continue
        if value is UNKNOWN or place[0] == place[1]:
            if "why" in s and s["kind"] == "scalar":
                node = c.may.get(place)
                want = evaluated(node, c.names) if node is not None else UNKNOWN
                totals["names"] += want is not UNKNOWN
                totals["names_open"] += want is not UNKNOWN
            continue
        node = c.may.get(place) or c.may.get((place[0], place[1], None))
        totals["ours"] += 1
        want = evaluated(node, c.names) if node is not None else None
        totals["names"] += s["style"] == "code"
        if node is None or not same(want, value):
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
    totals = dict(files=0, ours=0, wrong=0, theirs=0, missed=0, options=0, options_open=0,
                  names=0, names_open=0)
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
          f"precision {precision:.4%} of {t['ours']}; worked out {t['names'] - t['names_open']} "
          f"of {t['names']}, options {t['options'] - t['options_open']} of {t['options']}")
    return 0 if recall >= 0.995 and precision >= 0.995 else 1


if __name__ == "__main__":
    sys.exit(main())
