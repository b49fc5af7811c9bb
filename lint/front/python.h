/* What the parts of the Python front end share: tokens, logical lines and the table of
 * module constants. Nothing outside lint/front/python*.c includes it.
 *
 * A token's `match` is the index of the bracket on the other side (its own index when
 * there is none), so that any group is stepped over at once. Ranges of tokens are half
 * open. Tokens and lines live in `scratch` and die with the parse; what the document
 * keeps lives in `arena`. */
#ifndef PYTHON_H
#define PYTHON_H

#include "front.h"

enum token_kind { TOKEN_NAME, TOKEN_NUMBER, TOKEN_STRING, TOKEN_OP };

/* Operators of one byte are that byte; the longer ones: */
enum {
    OP_AUGMENTED = 'E', /* += and its kin */
    OP_COMPARE = 'C',
    OP_POWER = 'P',
    OP_FLOOR = 'F',
    OP_LEFT = 'L',
    OP_RIGHT = 'R',
    OP_WALRUS = 'W',
    OP_ARROW = 'A',
    OP_ELLIPSIS = 'T',
};

enum { STRING_FORMAT = 1, STRING_BYTES = 2, STRING_RAW = 4, STRING_TRIPLE = 8 };

struct token {
    uint32_t from, to, match;
    uint8_t kind, flags;
    char op;
};

struct line {             /* one logical line */
    uint32_t first, last; /* tokens */
    uint32_t start;       /* of its physical line */
    uint32_t end;         /* behind its line break */
    uint32_t indent;      /* columns, tabs to the next eighth */
    uint32_t block;       /* index into the document's blocks */
    bool header;          /* of a block: its block is the one that it opens */
};

struct constant; /* these three: python_value.h */
struct use;
struct locals;
enum { CONSTANT_BUCKETS = 8192 };

struct python {
    struct arena *arena, *scratch;
    struct document *doc;
    struct str text;
    struct {
        struct token *at;
        size_t len, cap;
    } tokens;
    struct {
        struct line *at;
        size_t len, cap;
    } lines;
    struct constant *constants[CONSTANT_BUCKETS];
    struct VEC_BODY(struct use) uses;
    const struct locals *locals; /* of a constructor that is walked; NULL: none */
    uint32_t scope; /* block of the function or class whose code is read */
    struct setting *root, *argparse, *env;
    struct setting **holders; /* by block: the map of a class */
    unsigned depth;           /* of nested values */
    unsigned inside;          /* flags of what the current statement adds */
    bool full;                /* no more settings are taken */
};

/* Fills tokens, lines, masked text, comments and syntax problems. */
void python_mask(struct python *p);
/* Fills the document's blocks and each line's `block`. */
void python_block(struct python *p);

/* Is the header [first, colon) one of the ways of an if, match or except? Then it is
 * BLOCK_BRANCH, and OUT tells of which choice; BEFORE is the block that ended just before
 * it, as deep, or 0. Else 0. */
unsigned python_branch(const struct python *p, uint32_t first, uint32_t colon,
                       uint32_t before, struct block *out);

struct str python_text(const struct python *p, uint32_t token);
bool python_is_name(const struct python *p, uint32_t token, const char *name);
bool python_is_op(const struct python *p, uint32_t token, char op);
bool python_is_keyword(struct str name);
/* The token behind TOKEN, or behind its group when it opens one; at most LAST. */
uint32_t python_step(const struct python *p, uint32_t token, uint32_t last);
/* The ':' that ends the header that starts at FIRST, or LAST. */
uint32_t python_colon(const struct python *p, uint32_t first, uint32_t last);
bool python_is_header(const struct python *p, uint32_t first, uint32_t last);
/* The end of the simple statement at FIRST: its ';' or LAST. */
uint32_t python_statement_end(const struct python *p, uint32_t first, uint32_t last);

/* A call [first, last) that defines options or environment variables is taken into the
 * maps for those; false when it is none. */
bool python_special(struct python *p, uint32_t first, uint32_t open);
/* The map of environment variables. */
struct setting *python_env(struct python *p);
/* Adds the setting KEY with the value [first, last) below PARENT. */
struct setting *python_add(struct python *p, struct setting *parent, struct str key,
                           struct span key_span, uint32_t first, uint32_t last,
                           unsigned flags);
/* The dict whose brace is OPEN, and the call of [first, open), as settings below PARENT. */
bool python_add_dict(struct python *p, struct setting *parent, struct str key,
                     struct span key_span, uint32_t open, unsigned flags);
struct setting *python_add_call(struct python *p, struct setting *parent, struct str key,
                                struct span key_span, uint32_t first, uint32_t open,
                                unsigned flags);
/* Is the call whose bracket is OPEN one that declares a field or option? [*first, *last)
 * is then its default; empty when it has none. */
bool python_field(const struct python *p, uint32_t open, uint32_t *first, uint32_t *last);
/* The value of the keyword NAME in the call whose bracket is OPEN. */
bool python_keyword(const struct python *p, uint32_t open, const char *name,
                    uint32_t *first, uint32_t *last);

#endif
