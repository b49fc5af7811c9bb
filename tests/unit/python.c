/* The Python front end: what becomes a setting, with which bytes and which value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "front/front.h"
#include "match.h"

struct fixture {
    struct arena arena;
    struct source source;
    struct document doc;
};

static struct fixture f;

static void read_text(struct str text)
{
    arena_free(&f.arena);
    f = (struct fixture){0};
    source_init(&f.source, &f.arena, STR("t.py"), text, LANGUAGE_PYTHON);
    front_parse(&f.arena, &f.source, &f.doc);
}

static void read(const char *text)
{
    read_text(str_from(text));
}

static const struct setting *get(const char *path)
{
    const struct setting *hit = NULL;
    for (size_t i = 0; i < f.doc.tree.all.len; i++)
        if (str_eq(f.doc.tree.all.at[i]->path, str_from(path)))
            hit = f.doc.tree.all.at[i];
    if (!hit)
        print_error("no setting %s\n", path);
    assert_non_null(hit);
    return hit;
}

static bool has(const char *path)
{
    for (size_t i = 0; i < f.doc.tree.all.len; i++)
        if (str_eq(f.doc.tree.all.at[i]->path, str_from(path)))
            return true;
    return false;
}

static void assert_text(struct str have, const char *want)
{
    if (!str_eq(have, str_from(want)))
        print_error("have \"%.*s\", want \"%s\"\n", STR_ARG(have), want);
    assert_true(str_eq(have, str_from(want)));
}

/* PATH has VALUE as printed, written as BYTES, under KEY as written. */
static void assert_setting(const char *path, const char *value, const char *bytes,
                           const char *key)
{
    const struct setting *s = get(path);
    struct buf b = buf_new(&f.arena);
    value_print(&b, s->value);
    assert_text(buf_str(&b), value);
    assert_text(source_quote(&f.source, s->value_span), bytes);
    assert_text(source_quote(&f.source, s->key_span), key);
}

static void assert_edit(bool ok, const struct edit *e, const char *why, const char *want)
{
    if (!ok)
        print_error("refused: %s\n", why);
    assert_true(ok);
    struct str t = f.source.text;
    struct str have =
        arena_printf(&f.arena, "%.*s%.*s%.*s", STR_ARG(str_slice(t, 0, e->span.from)),
                     STR_ARG(e->text), STR_ARG(str_slice(t, e->span.to, t.len)));
    assert_text(have, want);
}

static void replaces(const char *path, struct value v, const char *want)
{
    struct edit e = {0};
    const char *why = "";
    const struct front *front = front_of(LANGUAGE_PYTHON);
    bool ok = front->replace(&f.arena, &f.doc, get(path), v, &e, &why);
    assert_edit(ok, &e, why, want);
}

static void inserts(const char *map, const char *after, const char *key, struct value v,
                    const char *want)
{
    struct edit e = {0};
    const char *why = "";
    bool ok = front_of(LANGUAGE_PYTHON)
                  ->insert(&f.arena, &f.doc, get(map), after ? get(after) : NULL,
                           str_from(key), v, &e, &why);
    assert_edit(ok, &e, why, want);
}

static void removes(const char *path, const char *want)
{
    struct edit e = {0};
    const char *why = "";
    bool ok = front_of(LANGUAGE_PYTHON)->remove(&f.arena, &f.doc, get(path), &e, &why);
    assert_edit(ok, &e, why, want);
}

static void refuses_replace(const char *path, const char *want)
{
    struct edit e = {0};
    const char *why = "";
    assert_false(front_of(LANGUAGE_PYTHON)
                     ->replace(&f.arena, &f.doc, get(path), VALUE_OF_INT(1), &e, &why));
    assert_string_equal(why, want);
}

/* --- reading -------------------------------------------------------------- */

static void test_assignments(void **state)
{
    (void)state;
    read("batch_size = 8  # 9\nlr: float = 1e-3\ncfg.train.x = -2\na = b = 4\nc, d = 1, "
         "'z'\n"
         "n += 1\nonly: int\ncfg['k'] = True\ns = 'a' \"b\"\nt = (8)\nu = 1_000; v = "
         "0x1F\n");
    assert_setting("batch_size", "8", "8", "batch_size");
    assert_setting("lr", "0.001", "1e-3", "lr");
    assert_true(get("lr")->flags & SETTING_ANNOTATED);
    assert_setting("cfg.train.x", "-2", "-2", "cfg.train.x");
    assert_setting("a", "4", "4", "a");
    assert_setting("b", "4", "4", "b");
    assert_setting("c", "1", "1", "c");
    assert_setting("d", "z", "'z'", "d");
    assert_setting("cfg.k", "true", "True", "cfg['k']");
    assert_setting("s", "ab", "'a' \"b\"", "s");
    assert_setting("t", "8", "8", "t");
    assert_setting("u", "1000", "1_000", "u");
    assert_setting("v", "31", "0x1F", "v");
    assert_false(has("n"));
    assert_false(has("only"));
}

static void test_folding(void **state)
{
    (void)state;
    read("a = 2**7\nb = 128 * 2 - 1\nc = 1 << 7\nd = -7 // 2\ne = -7 % 3\nf = 7 / 2\n"
         "g = 10**10**10\nh = 1 / 0\ni = -2**2\nj = (1 + 2) * 3\nk = [1, 2.5, 'x']\nl = x\n"
         "m = f'{a}'\nn = g()\no = 0777\np = b'x'\nq = 2 ** -1\n");
    assert_setting("a", "128", "2**7", "a");
    assert_int_equal(get("a")->style, STYLE_CODE);
    assert_setting("b", "255", "128 * 2 - 1", "b");
    assert_setting("c", "128", "1 << 7", "c");
    assert_setting("d", "-4", "-7 // 2", "d");
    assert_setting("e", "2", "-7 % 3", "e");
    assert_setting("f", "3.5", "7 / 2", "f");
    assert_setting("g", "unknown", "10**10**10", "g");
    assert_setting("h", "unknown", "1 / 0", "h");
    assert_setting("i", "-4", "-2**2", "i");
    assert_setting("j", "9", "(1 + 2) * 3", "j");
    assert_setting("k", "[1, 2.5, x]", "[1, 2.5, 'x']", "k");
    assert_string_equal(get("l")->why, "a variable");
    assert_string_equal(get("m")->why, "an f-string");
    assert_setting("o", "unknown", "0777", "o");
    assert_string_equal(get("p")->why, "bytes");
    assert_setting("q", "0.5", "2 ** -1", "q");
}

static void test_builtins(void **state)
{
    (void)state;
    read("a = int(1e6)\nb = int(-2.7)\nc = float('1e-3')\nd = round(2.5)\ne = max(2, 4.5)\n"
         "f = min([3, 1])\ng = abs(-8)\nh = len([1, 2])\ni = bool('False')\n"
         "j = int('8 apples')\nk = int(x)\nl = float('inf')\nm = pow(2, 70)\n"
         "n = 8 if big else 4\no = int(1e300)\np = min()\nq = int('0x10')\n");
    assert_setting("a", "1000000", "int(1e6)", "a");
    assert_setting("b", "-2", "int(-2.7)", "b");
    assert_setting("c", "0.001", "float('1e-3')", "c");
    assert_setting("d", "2", "round(2.5)", "d");
    assert_setting("e", "4.5", "max(2, 4.5)", "e");
    assert_setting("f", "1", "min([3, 1])", "f");
    assert_setting("g", "8", "abs(-8)", "g");
    assert_setting("h", "2", "len([1, 2])", "h");
    assert_setting("i", "true", "bool('False')", "i");
    const char *const unknown[] = {"j", "k", "l", "m", "o", "p", "q"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_int_equal(get(unknown[i])->value.kind, VALUE_UNKNOWN);
    assert_string_equal(get("n")->why, "a conditional expression");
}

static void test_constants(void **state)
{
    (void)state;
    read("BATCH = 64\nTWICE = 1\nTWICE = 2\nif x:\n    MAYBE = 3\nlr = 1\n"
         "def f(lr):\n    g(a=BATCH, b=TWICE, c=MAYBE, d=lr, e=BATCH * 2)\n");
    assert_setting("g().a", "64", "BATCH", "a");
    assert_int_equal(get("g().a")->style, STYLE_CODE);
    assert_null(get("g().a")->why);
    assert_string_equal(get("g().b")->why, "a variable");
    assert_string_equal(get("g().c")->why, "a variable");
    assert_string_equal(get("g().d")->why, "a variable");
    assert_setting("g().e", "128", "BATCH * 2", "e");
    refuses_replace("g().a", "the value is an expression");
    assert_ptr_equal(setting_resolve(get("g().a")), get("BATCH"));
    assert_ptr_equal(setting_resolve(get("g().e")), get("g().e"));
    /* Each function has its own names; what a branch or loop sets is no constant. */
    read("A = 1\ndef f():\n    b = 2\n    if A:\n        c = 3\n    g(a=A, b=b, c=c)\n"
         "def h(A):\n    b = 3\n    b = 4\n    k(a=A, b=b)\n"
         "class C:\n    d = 5\n    e = d * 2\n    def m(self):\n        n(d=d)\n");
    assert_setting("g().a", "1", "A", "a");
    assert_setting("g().b", "2", "b", "b");
    assert_setting("g().c", "unknown", "c", "c");
    assert_setting("k().a", "unknown", "A", "a");
    assert_setting("k().b", "unknown", "b", "b");
    assert_setting("C.e", "10", "d * 2", "e");
    assert_setting("n().d", "unknown", "d", "d");
}

static void test_maps(void **state)
{
    (void)state;
    read("C = {\"a\": 8, 'b': {\"c\": [1, 2]}, **x, 3: dict(d=4)}\n"
         "class T(Base):\n    w: int = field(default=8, metadata={'h': 1})\n"
         "    l: list = field(default_factory=lambda: [1, 2])\n    n = 3\n"
         "    def f(self, k=5, *, m: int = 6): self.z = 7\n"
         "d = torch.utils.data.DataLoader(ds, 16, num_workers=2)\nreturn_(Loader(y=9))\n");
    assert_setting("C.a", "8", "8", "\"a\"");
    assert_setting("C.b.c", "[1, 2]", "[1, 2]", "\"c\"");
    assert_setting("C.3.d", "4", "4", "d");
    assert_text(get("C.3")->name, "dict");
    assert_int_equal(get("T")->shape, SHAPE_CLASS);
    assert_setting("T.w", "8", "8", "w");
    assert_setting("T.l", "[1, 2]", "[1, 2]", "l");
    assert_setting("T.n", "3", "3", "n");
    assert_setting("T.f().k", "5", "5", "k");
    assert_setting("T.f().m", "6", "6", "m");
    assert_setting("self.z", "7", "7", "self.z");
    assert_true(get("self.z")->flags & SETTING_STATEMENT);
    assert_int_equal(get("d")->shape, SHAPE_CALL);
    assert_text(get("d")->name, "torch.utils.data.DataLoader");
    assert_setting("d.1", "16", "16", "");
    assert_true(get("d.1")->flags & SETTING_POSITIONAL);
    assert_setting("d.num_workers", "2", "2", "num_workers");
    assert_setting("return_().0.y", "9", "9", "y");
}

static void test_options_and_environment(void **state)
{
    (void)state;
    read("p.add_argument('-b', '--batch-size', type=int, default=32, help='x')\n"
         "p.add_argument('--amp', action='store_true')\np.add_argument('--none')\n"
         "flags.DEFINE_integer('steps', 10, 'x')\n@click.option('--lr', default=1e-3)\n"
         "def main(): os.environ['A'] = 'b'\nos.environ.setdefault(\"C\", \"d\")\n"
         "os.environ.update({'E': 'f'})\nos.putenv('G', 'h')\n");
    assert_setting("argparse.--batch-size", "32", "32", "'--batch-size'");
    assert_setting("argparse.--amp", "false", "", "'--amp'");
    assert_setting("argparse.--none", "null", "", "'--none'");
    assert_setting("argparse.--steps", "10", "10", "'steps'");
    assert_setting("argparse.--lr", "0.001", "1e-3", "'--lr'");
    assert_setting("env.A", "b", "'b'", "'A'");
    assert_setting("env.C", "d", "\"d\"", "\"C\"");
    assert_setting("env.E", "f", "'f'", "'E'");
    assert_setting("env.G", "h", "'h'", "'G'");
}

static void test_masking(void **state)
{
    (void)state;
    read("x = 'a # b' # c\n\"\"\"\ny = 1\n\"\"\"\nz = f'{d[\"k\"]!r:>{w}} #'\r\nw = r'\\d' "
         "+ '\\''\n");
    assert_int_equal(f.doc.masked.len, f.source.text.len);
    assert_text(str_slice(f.doc.masked, 0, 15), "x = '     '    ");
    assert_int_equal(f.doc.comments.len, 1);
    assert_text(source_quote(&f.source, f.doc.comments.at[0].span), "# c");
    assert_false(has("y"));
    assert_false(f.doc.broken);
    assert_setting("w", "\\d'", "r'\\d' + '\\''", "w");
}

static void test_nested_format_strings(void **state)
{
    (void)state;
    read("a = f\"{x[\"k\"]} {f'{y:{f\"{z}\"}}'}\"\nb = 1\nc = f'{{' + "
         "f\"\"\"{\n1}\"\"\"\nd = 2\n");
    assert_false(f.doc.broken);
    assert_setting("b", "1", "1", "b");
    assert_setting("d", "2", "2", "d");
}

static void assert_problem(const char *text, const char *bytes)
{
    read(text);
    assert_true(f.doc.broken);
    assert_int_equal(f.doc.problems.len, 1);
    assert_text(f.doc.problems.at[0].code, "SYN001");
    assert_text(source_quote(&f.source, f.doc.problems.at[0].span), bytes);
}

static void test_problems(void **state)
{
    (void)state;
    assert_problem("a = 1\nx = \"\"\"abc\n", "\"\"\"");
    assert_text(get("a")->text, "1");
    assert_problem("f(a, [1, 2]\ny = 2\n", "(");
    assert_problem("x = 'abc\n", "'");
    assert_problem("x = (1]\n", "]");
    assert_problem("x = 1)\n", ")");
    const char *const fine[] = {"",
                                "\n",
                                "#",
                                "print 'a' % `x`, 0777, 10L, ur'x'\n",
                                "\\\n",
                                "\f\n\tx = 1\r\ry = 2\r\n",
                                "x = 1 if y else(2)",
                                "\xEF\xBB\xBFx = 1",
                                "if 1:\n\tx=1\n        y=2\n",
                                "x = ''''a' ''b'''\n"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        read(fine[i]);
        assert_int_equal(f.doc.problems.len, 0);
    }
    assert_setting("x", "'a' ''b", "''''a' ''b'''", "x");
}

/* --- blocks --------------------------------------------------------------- */

static unsigned kinds_at(const char *needle)
{
    size_t at = str_find(f.source.text, str_from(needle), 0);
    assert_int_not_equal(at, SIZE_MAX);
    return front_kinds_at(&f.doc, (uint32_t)at);
}

static void test_blocks(void **state)
{
    (void)state;
    read(
        "class D(Dataset):\n    def __getitem__(self, i):\n        item\n"
        "class M(pl.LightningModule):\n    lit = 1\n"
        "@torch.no_grad()\ndef validate(model):\n    for b in val_loader:\n        val\n"
        "def latest():\n    late\ndef evalModel():\n    camel\n"
        "for epoch in range(9):\n    ep\n    for x, y in tqdm(train_loader):\n        bat\n"
        "    with torch.no_grad():\n        nog\n    after\n"
        "while True:\n    opt.zero_grad()\n    loss.backward()\n"
        "ctx = a if b else torch.autocast('cuda')\nwith ctx:\n    amp\n"
        "if __name__ == \"__main__\":\n    guard\n");
    assert_int_equal(kinds_at("item\n") & (BLOCK_DATASET | BLOCK_GETITEM),
                     BLOCK_DATASET | BLOCK_GETITEM);
    assert_true(kinds_at("lit") & BLOCK_LIGHTNING);
    unsigned val = kinds_at("val\n");
    assert_true(val & BLOCK_NO_GRAD && val & BLOCK_VALIDATION && val & BLOCK_BATCH_LOOP);
    assert_false(kinds_at("late\n") & BLOCK_VALIDATION);
    assert_true(kinds_at("camel") & BLOCK_VALIDATION);
    assert_true(kinds_at("ep\n") & BLOCK_EPOCH_LOOP);
    assert_false(kinds_at("ep\n") & BLOCK_BATCH_LOOP);
    assert_true(kinds_at("bat\n") & BLOCK_BATCH_LOOP);
    assert_true(kinds_at("bat\n") & BLOCK_EPOCH_LOOP);
    assert_true(kinds_at("nog\n") & BLOCK_NO_GRAD);
    assert_false(kinds_at("after\n") & BLOCK_NO_GRAD);
    assert_true(kinds_at("opt.zero") & BLOCK_BATCH_LOOP);
    assert_true(kinds_at("amp\n") & BLOCK_AUTOCAST);
    assert_true(kinds_at("guard") & BLOCK_MAIN_GUARD);
    read("import pytest\ndef test_a():\n    unit\n");
    assert_false(kinds_at("unit\n") & BLOCK_VALIDATION);
}

/* --- edits ---------------------------------------------------------------- */

static void test_replace(void **state)
{
    (void)state;
    read("a = 2**7  # c\nb = 'x'\nc = (1, 2)\nd = y\ne = f(k = True )\n");
    replaces("a", VALUE_OF_INT(64),
             "a = 64  # c\nb = 'x'\nc = (1, 2)\nd = y\ne = f(k = True )\n");
    replaces("b", VALUE_OF_STR(STR("it's")),
             "a = 2**7  # c\nb = 'it\\'s'\nc = (1, 2)\nd = y\ne = f(k = True )\n");
    replaces("e.k", VALUE_OF_BOOL(false),
             "a = 2**7  # c\nb = 'x'\nc = (1, 2)\nd = y\ne = f(k = False )\n");
    refuses_replace("d", "the value is an expression");
    read("lr = 1\nx = 1\n");
    replaces("lr", VALUE_OF_FLOAT(2.0), "lr = 2.0\nx = 1\n");
}

static void test_insert_in_brackets(void **state)
{
    (void)state;
    struct value v = VALUE_OF_INT(2);
    read("f(a, b=1)\n");
    inserts("f()", "f().b", "k", v, "f(a, b=1, k=2)\n");
    inserts("f()", "f().0", "k", v, "f(a, b=1, k=2)\n");
    read("f(\n    a,\n    b=1,  # c\n    **kw\n)\n");
    inserts("f()", NULL, "k", v, "f(\n    a,\n    b=1,  # c\n    k=2,\n    **kw\n)\n");
    read("f(\n    b=1  # c\n)\n");
    inserts("f()", "f().b", "k", v, "f(\n    b=1,  # c\n    k=2\n)\n");
    read("f()\ng(**kw)\nh(x for x in y)\n");
    inserts("f()", NULL, "k", v, "f(k=2)\ng(**kw)\nh(x for x in y)\n");
    inserts("g()", NULL, "k", v, "f()\ng(k=2, **kw)\nh(x for x in y)\n");
    read("C = {'a': (1), 'b': lambda x, y: x}\n");
    inserts("C", "C.b", "k", v, "C = {'a': (1), 'b': lambda x, y: x, 'k': 2}\n");
    inserts("C", "C.a", "k", v, "C = {'a': (1), 'k': 2, 'b': lambda x, y: x}\n");
    read("C = {\r\n  \"a\": 1,\r\n}\r\n");
    inserts("C", "C.a", "k", v, "C = {\r\n  \"a\": 1,\r\n  \"k\": 2,\r\n}\r\n");
}

static void test_insert_statement(void **state)
{
    (void)state;
    struct value v = VALUE_OF_INT(2);
    read("class T:\n    a: int = field(\n        default=1,\n    )\n    def f(self): "
         "pass\n");
    inserts("T", "T.a", "k", v,
            "class T:\n    a: int = field(\n        default=1,\n    )\n    k: int = 2\n"
            "    def f(self): pass\n");
    read("a = 1\nb = '''\n'''\nc = 3");
    inserts("", "b", "k", v, "a = 1\nb = '''\n'''\nk = 2\nc = 3");
    inserts("", "c", "k", v, "a = 1\nb = '''\n'''\nc = 3\nk = 2");
    read("\"\"\"doc\"\"\"\nfrom __future__ import x\nimport numpy as np, torch\n");
    inserts("", NULL, "env.K", VALUE_OF_STR(STR("v")),
            "\"\"\"doc\"\"\"\nfrom __future__ import x\nimport os\n"
            "os.environ.setdefault(\"K\", \"v\")\nimport numpy as np, torch\n");
    read("import os\nfrom torch import nn\n");
    inserts("", NULL, "env.K", VALUE_OF_STR(STR("v")),
            "import os\nos.environ.setdefault(\"K\", \"v\")\nfrom torch import nn\n");
}

static void test_remove(void **state)
{
    (void)state;
    read("f(a=1, b=2, c=3)\n");
    removes("f().a", "f(b=2, c=3)\n");
    removes("f().b", "f(a=1, c=3)\n");
    removes("f().c", "f(a=1, b=2)\n");
    read("f(\n    a=1,  # x\n    b=2\n)\nx = 1\nif x:\n    y = 2\n");
    removes("f().b", "f(\n    a=1,  # x\n)\nx = 1\nif x:\n    y = 2\n");
    removes("x", "f(\n    a=1,  # x\n    b=2\n)\nif x:\n    y = 2\n");
    struct edit e = {0};
    const char *why = "";
    assert_false(front_of(LANGUAGE_PYTHON)->remove(&f.arena, &f.doc, get("y"), &e, &why));
    assert_string_equal(why, "it is the only statement of its block");
}

/* --- hostile input -------------------------------------------------------- */

static void test_hostile(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "(",   ")",    "]",      "f\"\"\"{", "f'{\"",    "lambda ", "for ",
        "x=[", "f(a=", "{'a':",  "@a\n",     "match x ", "-",       "2**",
        "'\\", "\\\n", "def f(", "class A(", "x:",       "a=",      "x[\"a\"]"};
    static char text[20000];
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        size_t len = strlen(parts[i]), n = 0;
        for (; n + len < sizeof text; n += len)
            memcpy(text + n, parts[i], len);
        read_text((struct str){text, n});
        assert_int_equal(f.doc.masked.len, n);
    }
    uint32_t seed = 1;
    static const char bytes[] = "()[]{}'\"\\\n\r\t #=:,.*abf01lambda for\0@;-";
    for (int round = 0; round < 300; round++) {
        size_t n = 0;
        for (; n < 400; n++) {
            seed = seed * 1664525 + 1013904223;
            text[n] = bytes[(seed >> 16) % (sizeof bytes - 1)];
        }
        read_text((struct str){text, n});
        for (size_t i = 0; i < f.doc.tree.all.len; i++) {
            const struct setting *s = f.doc.tree.all.at[i];
            assert_true(s->value_span.from <= s->value_span.to && s->value_span.to <= n);
            assert_true(s->key_span.from <= s->key_span.to && s->key_span.to <= n);
        }
    }
}

static int finish(void **state)
{
    (void)state;
    arena_free(&f.arena);
    match_free_all();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assignments),
        cmocka_unit_test(test_folding),
        cmocka_unit_test(test_builtins),
        cmocka_unit_test(test_constants),
        cmocka_unit_test(test_maps),
        cmocka_unit_test(test_options_and_environment),
        cmocka_unit_test(test_masking),
        cmocka_unit_test(test_nested_format_strings),
        cmocka_unit_test(test_problems),
        cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_replace),
        cmocka_unit_test(test_insert_in_brackets),
        cmocka_unit_test(test_insert_statement),
        cmocka_unit_test(test_remove),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
