/* The family of front ends: bytes in, settings, comments and syntax findings out;
 * and, the other way, the text of an edit. A front end knows no rule, no fact and
 * no framework. One line per language in front.def.
 *
 * A file that does not parse gives a finding with a span and whatever settings
 * could be read before it; `broken` is then set and nothing in it may be edited. */
#ifndef FRONT_H
#define FRONT_H

#include "../finding.h"
#include "../setting.h"

struct comment {
    struct span span; /* from the comment mark to the end of its text */
    bool own_line;
};

struct comments VEC_BODY(struct comment);

/* Where in a Python source a piece of code stands; nested, in order of start. */
enum {
    BLOCK_MODULE = 1,
    BLOCK_CLASS = 2,
    BLOCK_FUNCTION = 4,
    BLOCK_LOOP = 8,
    BLOCK_BATCH_LOOP = 16,  /* a loop over batches: iterates a loader, or steps the optimizer */
    BLOCK_EPOCH_LOOP = 32,  /* a loop over epochs */
    BLOCK_VALIDATION = 64,  /* a function or loop that evaluates */
    BLOCK_NO_GRAD = 128,    /* under torch.no_grad / inference_mode, by with or decorator */
    BLOCK_AUTOCAST = 256,
    BLOCK_DATASET = 512,    /* class that is a Dataset */
    BLOCK_GETITEM = 1024,   /* __getitem__, __iter__ of a Dataset, or a collate function */
    BLOCK_MAIN_GUARD = 2048, /* if __name__ == "__main__" */
    BLOCK_LIGHTNING = 4096, /* class derived from LightningModule */
    BLOCK_BRANCH = 8192,    /* one of the ways of an if, match or except */
};

/* What is known of a branch: nothing, or that a training run on a GPU takes it (the body of
 * `if torch.cuda.is_available():`) or never does (its else). */
enum { BRANCH_TAKEN = 1, BRANCH_LEFT = 2, BRANCH_ELSE = 4 /* no way besides is left */ };

struct block {
    unsigned kinds;
    uint32_t parent;  /* index of the enclosing block; the module is 0, its own parent */
    struct span span; /* from the start of the header line to the end of the body */
    struct span body; /* from the start of the first body line to the end */
    struct str name;  /* function or class */
    uint32_t choice;  /* of a branch: the first of those that it is one of; else 0 */
    unsigned branch;
};

struct blocks VEC_BODY(struct block);

struct document {
    struct source *source;
    struct setting_tree tree;
    struct comments comments;
    struct findings problems; /* syntax errors and what a parser warns of */
    bool broken;
    bool shared; /* runs of several files take settings from it, or may */
    struct str masked;    /* Python: same length as the text, comments and string contents
                             blanked with spaces; else "" */
    struct blocks blocks; /* Python */
};

struct front {
    enum language language;
    /* Fills DOC (zeroed, source set). Everything lives in A. */
    void (*parse)(struct arena *a, struct document *doc);

    /* The edits. Each gives the bytes to change so that the file says what is
     * wanted in the style that it is written in, or false and *WHY_NOT (a phrase that
     * completes "not rewritten: ...") when this place cannot be edited safely. */

    /* S shall hold VALUE: keeps quoting style and everything around it. */
    bool (*replace)(struct arena *a, struct document *doc, const struct setting *s,
                    struct value value, struct edit *out, const char **why_not);
    /* MAP shall have KEY with VALUE. AFTER is the sibling to stand behind, or NULL
     * for the end. MAP may be a root, in flow or block style, or empty. */
    bool (*insert)(struct arena *a, struct document *doc, const struct setting *map,
                   const struct setting *after, struct str key, struct value value,
                   struct edit *out, const char **why_not);
    /* S and its key shall be gone, with its own line and separator. */
    bool (*remove)(struct arena *a, struct document *doc, const struct setting *s,
                   struct edit *out, const char **why_not);
    /* The statement that starts on the line of AT, with its block, shall stand under
     * HEADER ("with torch.no_grad():"), one level deeper. NULL: no such thing in the
     * language. Appends one edit per line to OUT. */
    bool (*wrap)(struct arena *a, struct document *doc, uint32_t at, struct str header,
                 struct edits *out, const char **why_not);
};

const struct front *front_of(enum language language);
/* Parses SOURCE by its language. Undecodable text is a finding, too. */
void front_parse(struct arena *a, struct source *source, struct document *doc);

const char *yaml_library(void); /* the version of libyaml */
const char *toml_library(void); /* and of toml++ */

/* Where S is written: DOC, or where DOC was put together from several files its own. */
static inline const struct document *front_home(const struct document *doc,
                                                const struct setting *s)
{
    return s->home ? s->home : doc;
}

/* The innermost block that holds OFFSET; index into doc->blocks. */
uint32_t front_block_at(const struct document *doc, uint32_t offset);
/* The kinds of every block from the innermost at OFFSET up to the module. */
unsigned front_kinds_at(const struct document *doc, uint32_t offset);

#endif
