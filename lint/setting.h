/* The tree that every front end gives: settings in the order of the file.
 * Knows no language's grammar and no framework.
 *
 * A tree has one root per YAML document, one for a JSON file, one for a Python
 * module. Roots are maps (or whatever the document holds) without a key. What
 * Python writes as code becomes maps too, told apart by `shape`:
 *
 *   batch_size = 8               leaf  batch_size
 *   cfg.train.lr = 1e-3          leaf  cfg.train.lr          (one dotted key)
 *   CONFIG = {"batch_size": 8}   map   CONFIG       leaf  CONFIG.batch_size
 *   class Config: workers: int=4 map   Config       leaf  Config.workers
 *   def f(batch_size=8)          map   f()          leaf  f().batch_size
 *   DataLoader(d, num_workers=4) map   DataLoader() leaf  DataLoader().num_workers
 *   add_argument("--lr", default=1e-3)  map argparse  leaf argparse.--lr
 *   os.environ["A"] = "b"        map   env          leaf  env.A
 *   class Net(nn.Module) ...     leaf  nn.layers    list of "conv2d 3 64 3 1", if all known
 *
 * Shell scripts, Makefiles and Dockerfiles give one map per training program started:
 *
 *   A=1 torchrun --nproc_per_node=8 train.py --lr 1e-3 --bf16 a.b=2 in.yaml
 *     map train.py()           SHAPE_COMMAND, named as written (the module for -m)
 *       map env                leaf env.A; exports that stand before it, too
 *       map torchrun()         SHAPE_COMMAND: a launcher, leaf --nproc_per_node
 *       leaf --lr              the flag; without an argument it is the bool true
 *       leaf a.b               an override
 *       leaf 0                 "in.yaml": SETTING_POSITIONAL
 *
 * A variable is replaced by its value where one assignment is the last for sure; the
 * span is then where it is assigned, alias_span the word that uses it.
 *
 * A call that is the value of a key keeps that key: model=dict(dim=8) is the map
 * `model` with shape SHAPE_CALL and name "dict". Settings live in the arena of
 * the document; spans are bytes of its source. */
#ifndef SETTING_H
#define SETTING_H

#include "source.h"
#include "value.h"
#include "vec.h"

struct document;

enum setting_kind { SETTING_SCALAR, SETTING_MAP, SETTING_LIST };

enum style {
    STYLE_NONE, /* empty value, or a collection in block style */
    STYLE_PLAIN,
    STYLE_SINGLE,  /* '...' */
    STYLE_DOUBLE,  /* "..." */
    STYLE_LITERAL, /* | */
    STYLE_FOLDED,  /* > */
    STYLE_FLOW,    /* collection in { } or [ ] */
    STYLE_CODE,    /* a Python expression that is not one literal */
};

enum shape {
    SHAPE_PLAIN,     /* YAML, JSON; Python assignment or literal */
    SHAPE_DICT,      /* Python { } */
    SHAPE_CALL,      /* name(...) with keyword arguments; `name` is the callee */
    SHAPE_CLASS,     /* class body fields; `name` is the class */
    SHAPE_SIGNATURE, /* defaults in a def; `name` is the function */
    SHAPE_ARGPARSE,  /* argparse / click / absl definitions */
    SHAPE_ENV,       /* environment variables set in the code */
    SHAPE_MODULE,    /* a Python module's root */
    SHAPE_COMMAND,   /* a program started by a script; `name` is as written */
};

enum {
    SETTING_ALIAS = 1,        /* the value is written elsewhere, behind *name; value_span
                                 is that place, alias_span the alias itself */
    SETTING_ANCHORED = 2,     /* the value carries an &anchor that an alias uses */
    SETTING_MERGE = 4,        /* the key is <<: its target's keys count as the parent's */
    SETTING_TAGGED = 8,       /* an explicit tag decides the type */
    SETTING_OVERRIDDEN = 16,  /* a later duplicate of the key wins */
    SETTING_DUPLICATE = 32,   /* an earlier one exists */
    SETTING_POSITIONAL = 64,  /* key is the parameter position, "0", "1", ... */
    SETTING_ANNOTATED = 128,  /* name: type = value */
    SETTING_MULTILINE = 256,  /* the value spans lines */
    SETTING_STATEMENT = 512,  /* Python: assigned inside a function, not module level */
    SETTING_LOADED = 1024,    /* its value stands, whatever loader the tree is read with */
    SETTING_CONDITIONAL = 2048, /* Python: a call in one way of a conditional expression */
};

struct setting {
    enum setting_kind kind;
    enum shape shape;
    enum style style;
    unsigned flags;
    struct str key;  /* decoded; "" for roots and list items */
    struct str path; /* from the root: "train.batch_size", "a[0].b" */
    struct str name; /* callee, class or function; of an option all that it is called, by
                        blanks ("-b --batch-size bs"); else "" */
    struct str text; /* scalar: the decoded text; else "" */
    struct str tag;  /* explicit YAML tag, "" for none */
    struct span key_span;   /* with quotes; empty for roots and list items */
    struct span value_span; /* with quotes and brackets, without anchor and tag;
                               empty, at the place for a value, when nothing is written */
    struct span alias_span;
    struct value value; /* as `loader` reads it; VALUE_UNKNOWN for maps, or with `why` */
    const char *why;    /* unknown because: "an expression", "an interpolation", ... */
    struct setting *parent, *first, *last, *next;
    struct setting *target; /* alias or merge of a map or list: the collection meant */
    const struct setting *referred; /* whose value this is: for ${a.b} the setting a.b */
    /* In a tree that was put together from several files (link.h) the setting as it was
     * written and its document; NULL elsewhere. */
    const struct setting *original;
    struct document *home;
    uint32_t id;            /* index in the tree's `all` */
    uint32_t count;         /* children */
};

struct settings VEC_BODY(struct setting *);

struct setting_tree {
    struct settings roots;
    struct settings all; /* document order */
};

enum { SETTING_MAX_DEPTH = 200, SETTING_MAX_ALIAS_DEPTH = 32 };

/* Appends a child (or a root, PARENT NULL) and fills path, id and links. */
struct setting *setting_add(struct arena *a, struct setting_tree *tree,
                            struct setting *parent, enum setting_kind kind,
                            struct str key, struct span key_span);

/* The child that holds KEY once aliases and merge keys are followed and the last
 * duplicate wins; NULL when there is none. */
const struct setting *setting_child(const struct setting *map, struct str key);
/* By dotted path below MAP ("train.batch_size"); follows aliases and merges. */
const struct setting *setting_find(const struct setting *map, struct str dotted);
/* The collection whose children count: through aliases, else S itself. */
const struct setting *setting_resolve(const struct setting *s);
const struct setting *setting_root(const struct setting *s);

#endif
