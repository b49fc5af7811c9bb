/* What the files of the shell front end share: tokens, variables, arguments and the edits.
 * Private to lint/front/shell*.c; knows no framework, only which programs start others.
 *
 * Nothing is run and no environment is looked at. A script is read twice: the first time
 * finds the simple commands, the assignments and the regions (branches, loops, functions)
 * that both stand in; the second expands the words of each command that starts a program.
 * A variable is known where one assignment certainly came last. Every character of an
 * argument remembers the bytes that it was written with. */
#ifndef SHELL_H
#define SHELL_H

#include "front.h"

enum shell_dialect { SHELL_SCRIPT, SHELL_MAKE, SHELL_DOCKER, SHELL_DOTENV };

enum shell_kind {
    SHELL_WORD,
    SHELL_ARRAY,   /* NAME=( or NAME+=(; words follow, then the operator ) */
    SHELL_OP,      /* `op`: ; & | ( ) and the doubled ones below */
    SHELL_NEWLINE,
};

enum { SHELL_AND = 'A', SHELL_OR = 'O', SHELL_CASE_END = 'D' };

struct shell_token {
    struct span span;
    uint8_t kind;
    char op;
};

struct shell_tokens VEC_BODY(struct shell_token);

enum shell_region_kind {
    SHELL_PLAIN,
    SHELL_IF,     /* holds branches that exclude each other */
    SHELL_BRANCH, /* may not run at all */
    SHELL_CHAIN,  /* behind &&, || or |, up to the end of the line: may not run, too */
    SHELL_LOOP,
    SHELL_FUNCTION,
};

/* Commands that run together or not at all. */
struct shell_region {
    enum shell_region_kind kind;
    uint32_t parent; /* 0 is the whole script, its own parent */
    uint32_t depth;
};

enum shell_binding_kind {
    SHELL_VALUE,
    SHELL_APPEND,
    SHELL_LIST,
    SHELL_LIST_APPEND,
    SHELL_OPAQUE, /* read, for, getopts: some value */
};

struct shell_binding {
    struct str name;
    struct span name_span;
    struct span value; /* the word behind "=" */
    uint32_t first, last; /* of an array: its tokens */
    uint32_t region;
    uint32_t older; /* the binding of the same bucket before it; NOWHERE for none */
    uint8_t kind;
    bool exported;
};

struct shell_command {
    uint32_t first, last; /* tokens, redirections left out */
    uint32_t region;
    uint32_t bindings; /* how many stand before it */
};

enum { SHELL_BUCKETS = 256, SHELL_MAX_DEPTH = 64 };
#define SHELL_NOWHERE UINT32_MAX

struct shell {
    struct arena *arena, *scratch;
    struct document *doc;
    struct str text;
    enum shell_dialect dialect;
    bool crlf; /* a CR before a line break belongs to it; else it is a letter */
    struct shell_tokens tokens;
    struct shell_regions VEC_BODY(struct shell_region) regions;
    struct shell_bindings VEC_BODY(struct shell_binding) bindings;
    struct shell_commands VEC_BODY(struct shell_command) commands;
    uint32_t buckets[SHELL_BUCKETS]; /* newest binding */
    struct setting *root;
    uint32_t *exports; /* bindings that are exported */
    uint32_t export_count;
    struct shell_tokens sbatch, heres; /* words of #SBATCH comments; here-documents */
    unsigned nested; /* in bash -c */
    size_t work; /* characters expanded so far */
    bool broken; /* a quote or bracket is never closed */
};

/* Tokens of RANGE, appended. False when something is never closed. */
bool shell_lex(struct shell *s, struct span range, struct shell_tokens *out);
/* The end of the word at AT; SHELL_NOWHERE when it is never closed. */
uint32_t shell_word_end(const struct shell *s, uint32_t at, uint32_t end);
/* Length of NAME at the start of S, 0 for none. */
size_t shell_name(struct str s);

/* A region inside PARENT; PARENT and `broken` when they nest too deeply. */
uint32_t shell_region(struct shell *s, uint32_t parent, enum shell_region_kind kind);
/* Notes that NAME is given VALUE (may be empty) in REGION. */
struct shell_binding *shell_bind(struct shell *s, uint32_t region,
                                 enum shell_binding_kind kind, struct span name,
                                 struct span value);
/* Notes the commands and assignments in RANGE. False when it cannot be read. */
bool shell_read(struct shell *s, struct span range, uint32_t region);
/* The same for files in which shell text is only a part. */
void shell_make(struct shell *s);
void shell_docker(struct shell *s);
void shell_dotenv(struct shell *s);

/* Reads RANGE of OUTER as a script of its own, which sees no variable of the outer one. */
void shell_script(struct shell *outer, struct span range);

#endif
