/* The layers that a file's network is made of: nn.layers, or nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "front/front.h"
#include "match.h"

#define NET                                                                                \
    "import torch.nn as nn\n"                                                              \
    "class Net(nn.Module):\n"                                                              \
    "    def __init__(self, a=3, b=8):\n"                                                  \
    "        super().__init__()\n"

/* What TEXT's network is, in words; "" when nothing is said. */
static void layers_are(const char *text, const char *want)
{
    struct arena a = {0};
    struct source source;
    struct document doc;
    source_init(&source, &a, STR("t.py"), str_from(text), LANGUAGE_PYTHON);
    front_parse(&a, &source, &doc);
    struct buf b = buf_new(&a);
    for (size_t i = 0; i < doc.tree.all.len; i++)
        if (str_eq(doc.tree.all.at[i]->key, STR("nn.layers")))
            value_print(&b, doc.tree.all.at[i]->value);
    if (!str_eq(buf_str(&b), str_from(want)))
        print_error("of\n%s\nhave \"%.*s\"\n", text, STR_ARG(buf_str(&b)));
    assert_true(str_eq(buf_str(&b), str_from(want)));
    arena_free(&a);
}

static void test_sizes(void **state)
{
    (void)state;
    layers_are(NET "        self.x = nn.Linear(a, b)\n", "[linear 3 8]");
    layers_are(NET "        self.x = nn.Linear(a, b)\nm = Net(b=2 * 8)\n", "[linear 3 16]");
    layers_are(
        NET "        self.b = b\n        self.x = nn.Linear(self.b // 2, out_features=a)\n",
        "[linear 4 3]");
    layers_are(NET "        self.x = nn.Conv2d(3, 8, kernel_size=(3, 3), stride=2)\n"
                   "        self.y = nn.LSTM(8, 16, bidirectional=True)\n"
                   "        self.z = nn.MaxPool2d(2)\n",
               "[conv2d 3 8 3 2, lstm 8 16 1 bi, maxpool2d 2 2]");
    layers_are(
        "import torch\nm = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.ReLU())\n",
        "[linear 2 4, relu]");
    layers_are(
        "from torch.nn import Linear, Module\nclass N(Module):\n    def __init__(self):\n"
        "        self.a = Linear(1, 2)\n",
        "[linear 1 2]");
}

static void test_control(void **state)
{
    (void)state;
    layers_are(
        NET
        "        for i in range(2):\n            x = nn.Linear(a, b)\n            a = b\n",
        "[linear 3 8, linear 8 8]");
    layers_are(
        NET
        "        w = [2, 4, 8]\n        self.l = nn.ModuleList([nn.Linear(w[i], w[i + 1])"
        " for i in range(len(w) - 1)])\n",
        "[linear 2 4, linear 4 8]");
    layers_are(NET "        if a > 5:\n            x = nn.Linear(1, 1)\n        else:\n"
                   "            x = nn.Linear(2, 2)\n",
               "[linear 2 2]");
    layers_are(NET "        e = nn.TransformerEncoderLayer(64, 4)\n"
                   "        self.e = nn.TransformerEncoder(e, num_layers=2)\n",
               "[transformerencoderlayer 64 4 2048, transformerencoderlayer 64 4 2048]");
    layers_are(NET "        self.b = Block(a)\n"
                   "class Block(nn.Module):\n    def __init__(self, n):\n"
                   "        self.c = nn.Conv1d(n, n, 3)\n",
               "[conv1d 3 3 3 1]");
}

/* One thing that is not known, and nothing is said. */
static void test_silence(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "        self.x = nn.Linear(unknown, 3)\n",
        "        self.x = nn.Linear(a, b)\n        self.y = resnet18()\n",
        "        self.x = nn.Linear(a, b)\n        if cuda:\n            self.y = "
        "nn.Linear(b, b)\n",
        "        self.x = nn.Linear(a, b)\n        for i in cfg:\n            y = "
        "nn.Linear(b, b)\n",
        "        self.x = nn.Conv2d(8, 8, 3, groups=8)\n",
        "        self.x = nn.Conv2d(8, 8, (1, 3))\n",
        "        self.x = nn.LSTM(8, 8, bidirectional=b2)\n",
        "        self.x = nn.Dropout(0.1)\n",
        "        self.x = nn.Linear(*sizes)\n",
        "        self.x = nn.MultiheadAttention(8, 2)\n",
        "        a = a2\n        self.x = nn.Linear(a, b)\n",
        "        self.x = Net(a)\n        self.y = nn.Linear(a, b)\n",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        char text[600] = NET;
        strncat(text, bodies[i], sizeof text - strlen(text) - 1);
        layers_are(text, "");
    }
    layers_are(NET "        self.x = nn.Linear(a, b)\nm = Net(1)\nn = Net(2)\n", "");
    layers_are(NET "        self.x = nn.Linear(a, b)\nm = Net(args.width)\n", "");
    layers_are("import torch.nn as nn\nclass A(nn.Module):\n    def __init__(self):\n"
               "        x = nn.Linear(1, 1)\nclass B(nn.Module):\n    def __init__(self):\n"
               "        x = nn.Linear(1, 1)\n",
               "");
}

static int teardown(void **state)
{
    (void)state;
    match_free_all();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_control),
        cmocka_unit_test(test_silence),
    };
    return cmocka_run_group_tests(tests, NULL, teardown);
}
