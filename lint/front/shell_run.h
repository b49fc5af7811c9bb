/* Arguments as a program gets them, and the settings that they make. Private to
 * lint/front/shell*.c. */
#ifndef SHELL_RUN_H
#define SHELL_RUN_H

#include "shell.h"

/* One argument as the program gets it. */
struct shell_char {
    struct span span; /* the bytes that stand for it */
    char c;
    uint8_t quote;    /* 0, ' or " */
    bool splits;      /* a blank that ends the argument */
    bool unknown;     /* stands for any number of characters */
    bool conditional; /* there only if a branch was taken */
    bool variable;    /* written where a variable is assigned */
};

struct shell_chars VEC_BODY(struct shell_char);

struct shell_argument {
    const struct shell_char *at;
    uint32_t len;
    struct str text;    /* without the unknown parts */
    struct span word;   /* of the command line that gave it */
    bool any;           /* "$@" and unknown arrays: any number of arguments */
};

struct shell_arguments VEC_BODY(struct shell_argument);

/* The arguments that WORD becomes for a command in REGION that LIMIT bindings precede. */
void shell_expand(struct shell *s, struct span word, uint32_t region, uint32_t limit,
                  struct shell_arguments *out);
/* What NAME holds there, as one argument; false when no assignment that stands before is
 * the last for sure. *BINDING is the newest. */
bool shell_variable(struct shell *s, struct str name, uint32_t region, uint32_t limit,
                    struct shell_argument *out, const struct shell_binding **binding);
/* The text of SPAN, a value, as one argument. */
struct shell_argument shell_value(struct shell *s, struct span span, uint32_t region,
                                  uint32_t limit);
/* The part [first, last) of ARGUMENT: its span, how it is written. */
struct span shell_span(const struct shell *s, const struct shell_argument *argument,
                       uint32_t first, uint32_t last, enum style *style);

/* An assignment before the command: NAME=value. */
struct shell_prefix {
    struct span name, value;
};

struct shell_prefixes VEC_BODY(struct shell_prefix);

/* Settings of the command that ARGUMENTS are, when it starts a program that we know. */
void shell_run(struct shell *s, const struct shell_arguments *arguments,
               const struct shell_prefixes *prefixes, uint32_t region, uint32_t limit);

/* Gathers what is exported, once all assignments are known. */
void shell_note_exports(struct shell *s);
/* The map of exported variables below MAP; NULL, and none is added, when it were empty. */
struct setting *shell_env(struct shell *s, struct setting *map, uint32_t region,
                          uint32_t limit);
/* Could TEXT hold a command that starts a program that we know? */
bool shell_may_run(struct str text);

/* The three edits of struct front. */
bool shell_replace(struct arena *a, struct document *doc, const struct setting *s,
                   struct value value, struct edit *out, const char **why_not);
bool shell_insert(struct arena *a, struct document *doc, const struct setting *map,
                  const struct setting *after, struct str key, struct value value,
                  struct edit *out, const char **why_not);
bool shell_remove(struct arena *a, struct document *doc, const struct setting *s,
                  struct edit *out, const char **why_not);

#endif
