/* Launch scripts: sh and bash, SLURM, Makefile recipes, Dockerfiles, .env files. What is
 * not a command that starts a training program leaves no trace, and nothing here is ever
 * a syntax finding: shells forgive too much for us to know better. */
#include "shell_run.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../banned.h"

/* --- regions and bindings --------------------------------------------------- */

struct reader {
    struct shell *s;
    uint32_t at, last; /* tokens */
    uint32_t region;
    uint32_t bindings; /* how many stand before the last simple command */
    bool function; /* the next group is a function's body */
};

uint32_t shell_region(struct shell *s, uint32_t parent, enum shell_region_kind kind)
{
    uint32_t depth = s->regions.len ? s->regions.at[parent].depth + 1 : 0;
    if (depth > SHELL_MAX_DEPTH) {
        s->broken = true;
        return parent;
    }
    struct shell_region *n = vec_add(s->scratch, &s->regions);
    *n = (struct shell_region){kind, parent, depth};
    return (uint32_t)s->regions.len - 1;
}

static void open_region(struct reader *r, enum shell_region_kind kind)
{
    r->region = shell_region(r->s, r->region, kind);
}

/* Leaves the innermost region of KIND and all in it. */
static void close_region(struct reader *r, enum shell_region_kind kind)
{
    uint32_t at = r->region;
    while (at && r->s->regions.at[at].kind != kind)
        at = r->s->regions.at[at].parent;
    if (at)
        r->region = r->s->regions.at[at].parent;
}

static bool in_chain(const struct reader *r)
{
    return r->s->regions.at[r->region].kind == SHELL_CHAIN;
}

static void end_chain(struct reader *r)
{
    if (in_chain(r))
        r->region = r->s->regions.at[r->region].parent;
}

struct shell_binding *shell_bind(struct shell *s, uint32_t region,
                                 enum shell_binding_kind kind, struct span name,
                                 struct span value)
{
    struct str text = source_quote(s->doc->source, name);
    uint32_t *bucket = &s->buckets[str_hash(text) % SHELL_BUCKETS];
    struct shell_binding *b = vec_add(s->scratch, &s->bindings);
    *b = (struct shell_binding){.name = text, .name_span = name, .value = value,
                                .region = region, .older = *bucket, .kind = (uint8_t)kind};
    unsigned steps = 0;
    for (uint32_t i = b->older; i != SHELL_NOWHERE && steps < 64; i = s->bindings.at[i].older, steps++)
        if (str_eq(s->bindings.at[i].name, text)) {
            b->exported = s->bindings.at[i].exported;
            break;
        }
    *bucket = (uint32_t)s->bindings.len - 1;
    return b;
}

static struct shell_binding *bind(struct reader *r, enum shell_binding_kind kind,
                                  struct span name, struct span value)
{
    return shell_bind(r->s, r->region, kind, name, value);
}

static const struct shell_token *token(const struct reader *r, uint32_t at)
{
    return &r->s->tokens.at[at];
}

static struct str token_text(const struct reader *r, uint32_t at)
{
    return source_quote(r->s->doc->source, token(r, at)->span);
}

/* NAME=value or NAME+=value: the length of NAME, else 0. */
static size_t assigned(struct str word)
{
    size_t n = shell_name(word);
    struct str rest = str_slice(word, n, word.len);
    return n && (str_starts(rest, STR("=")) || str_starts(rest, STR("+="))) ? n : 0;
}

static struct shell_binding *assign(struct reader *r, uint32_t at)
{
    struct str word = token_text(r, at);
    struct span span = token(r, at)->span;
    uint32_t n = (uint32_t)assigned(word);
    bool append = word.at[n] == '+';
    struct span value = {span.from + n + 1 + append, span.to};
    return bind(r, append ? SHELL_APPEND : SHELL_VALUE, (struct span){span.from, span.from + n}, value);
}

/* The array at AT; the index behind its bracket. */
static uint32_t assign_array(struct reader *r, uint32_t at)
{
    struct str word = token_text(r, at);
    struct span span = token(r, at)->span;
    uint32_t n = (uint32_t)assigned(word), to = at + 1;
    while (to < r->last && !(token(r, to)->kind == SHELL_OP && token(r, to)->op == ')'))
        to++;
    struct shell_binding *b = bind(r, word.at[n] == '+' ? SHELL_LIST_APPEND : SHELL_LIST,
                                   (struct span){span.from, span.from + n}, span);
    b->first = at + 1;
    b->last = to;
    return to + 1;
}

/* The last simple command runs in a shell of its own: nobody else sees what it assigns. */
static void set_apart(struct reader *r)
{
    struct shell *s = r->s;
    if (r->bindings >= s->bindings.len)
        return;
    uint32_t region = shell_region(s, r->region, SHELL_BRANCH);
    for (uint32_t i = r->bindings; i < s->bindings.len; i++)
        if (s->bindings.at[i].region == r->region)
            s->bindings.at[i].region = region;
}

static void opaque(struct reader *r, struct span name)
{
    bind(r, SHELL_OPAQUE, name, (struct span){name.to, name.to});
}

/* Every name in WORD that an arithmetic expression may assign to. */
static void arithmetic(struct reader *r, struct span span)
{
    struct str text = r->s->text;
    for (uint32_t at = span.from; at < span.to;) {
        uint32_t n = (uint32_t)shell_name(str_slice(text, at, span.to));
        if (n)
            opaque(r, (struct span){at, at + n});
        at += n ? n : 1;
    }
}

/* --- simple commands ------------------------------------------------------------ */

static bool in_list(struct str word, const char *const *list)
{
    for (; *list; list++)
        if (str_eq(word, str_from(*list)))
            return true;
    return false;
}

static void export_name(struct reader *r, struct span name)
{
    struct shell *s = r->s;
    struct str text = source_quote(s->doc->source, name);
    unsigned steps = 0;
    for (uint32_t i = s->buckets[str_hash(text) % SHELL_BUCKETS];
         i != SHELL_NOWHERE && steps < 64; i = s->bindings.at[i].older, steps++)
        if (str_eq(s->bindings.at[i].name, text)) {
            s->bindings.at[i].exported = true;
            return;
        }
}

/* export, declare, local ...: the words [first, last) behind it. */
static void declare(struct reader *r, uint32_t first, uint32_t last, bool exports)
{
    for (uint32_t i = first; i < last; i++) {
        struct str word = token_text(r, i);
        struct span span = token(r, i)->span;
        struct shell_binding *b = NULL;
        if (str_starts(word, STR("-"))) {
            exports |= str_find_byte(word, 'x', 0) != SIZE_MAX;
        } else if (token(r, i)->kind == SHELL_ARRAY) {
            i = assign_array(r, i) - 1;
        } else if (assigned(word)) {
            b = assign(r, i);
        } else if (exports && shell_name(word) == word.len) {
            export_name(r, span);
        }
        if (b)
            b->exported |= exports;
    }
}

/* The line breaks from FROM to TO, at most two. */
static unsigned breaks(const struct reader *r, uint32_t from, uint32_t to)
{
    unsigned n = 0;
    for (; from < to && n < 2; from++)
        n += r->s->text.at[from] == '\n';
    return n;
}

/* `read -r -d '' NAME <<EOF` gives the text of the here-document. False when it is another
 * read. */
static bool read_here(struct reader *r, uint32_t first, uint32_t last)
{
    const struct shell_tokens *heres = &r->s->heres;
    bool whole = false;
    for (uint32_t i = first; i + 2 < last; i++)
        whole |= str_eq(token_text(r, i), STR("-d")) &&
                 str_eq(token_text(r, i + 1), STR("''"));
    if (!whole || shell_name(token_text(r, last - 1)) != token_text(r, last - 1).len)
        return false;
    struct span name = token(r, last - 1)->span;
    for (uint32_t i = 0; i < heres->len; i++)
        if (heres->at[i].span.from > name.to) {
            bool next = breaks(r, name.to, heres->at[i].span.from) == 1;
            if (next)
                bind(r, SHELL_VALUE, name, heres->at[i].span);
            return next;
        }
    return false;
}

static void builtin(struct reader *r, uint32_t first, uint32_t last, struct str name)
{
    static const char *const DECLARE[] = {"declare", "typeset", "local", "readonly", NULL};
    static const char *const OPAQUE[] = {"read", "mapfile", "readarray", "unset", "let",
                                         "printf", "getopts", NULL};
    if (str_eq(name, STR("export"))) {
        declare(r, first, last, true);
    } else if (in_list(name, DECLARE)) {
        declare(r, first, last, false);
    } else if (str_eq(name, STR("read")) && read_here(r, first, last)) {
        return;
    } else if (in_list(name, OPAQUE)) {
        bool printf_v = !str_eq(name, STR("printf")) ||
                        (first < last && str_eq(token_text(r, first), STR("-v")));
        for (uint32_t i = first; i < last && printf_v; i++) {
            uint32_t n = (uint32_t)shell_name(token_text(r, i));
            uint32_t from = token(r, i)->span.from;
            if (n)
                opaque(r, (struct span){from, from + n});
        }
    }
}

/* The words [first, last) of one command. */
static void simple(struct reader *r, uint32_t first, uint32_t last)
{
    uint32_t i = first;
    struct shell *s = r->s;
    r->bindings = (uint32_t)s->bindings.len;
    while (i < last && token(r, i)->kind == SHELL_WORD && assigned(token_text(r, i)))
        i++;
    struct shell_command *c = vec_add(s->scratch, &s->commands);
    *c = (struct shell_command){first, last, r->region, (uint32_t)s->bindings.len};
    if (i == last || token(r, i)->kind == SHELL_ARRAY) {
        s->commands.len--;
        for (uint32_t k = first; k < last;)
            if (token(r, k)->kind == SHELL_ARRAY)
                k = assign_array(r, k);
            else if (assigned(token_text(r, k)))
                assign(r, k++);
            else
                k++;
        return;
    }
    struct str word = token_text(r, i);
    if (str_starts(word, STR("((")))
        arithmetic(r, token(r, i)->span);
    else
        builtin(r, i + 1, last, word);
}

/* --- compound commands ------------------------------------------------------------ */

static bool is_op(const struct reader *r, uint32_t at, char op)
{
    return at < r->last && token(r, at)->kind == SHELL_OP && token(r, at)->op == op;
}

static bool is_end(const struct reader *r, uint32_t at)
{
    return at >= r->last || token(r, at)->kind == SHELL_NEWLINE ||
           token(r, at)->kind == SHELL_OP;
}

/* The patterns of a branch of `case`, up to their bracket. */
static void case_branch(struct reader *r)
{
    close_region(r, SHELL_BRANCH);
    while (r->at < r->last && token(r, r->at)->kind == SHELL_NEWLINE)
        r->at++;
    if (r->at < r->last && str_eq(token_text(r, r->at), STR("esac")))
        return;
    while (r->at < r->last && !is_op(r, r->at, ')') && !is_op(r, r->at, SHELL_CASE_END))
        r->at++;
    r->at++;
    open_region(r, SHELL_BRANCH);
}

static void for_loop(struct reader *r)
{
    open_region(r, SHELL_LOOP);
    if (r->at < r->last && token(r, r->at)->kind == SHELL_WORD) {
        struct span span = token(r, r->at)->span;
        if (str_starts(token_text(r, r->at), STR("((")))
            arithmetic(r, span);
        else
            opaque(r, span);
    }
    while (!is_end(r, r->at))
        r->at++;
}

static void function(struct reader *r)
{
    r->at++;
    r->function = true;
    while (is_op(r, r->at, '(') || is_op(r, r->at, ')') ||
           (r->at < r->last && token(r, r->at)->kind == SHELL_NEWLINE))
        r->at++;
}

/* A reserved word at the start of a command; false when WORD is none. */
static bool keyword(struct reader *r, struct str word)
{
    static const char *const NOTHING[] = {"!", "do", "time", NULL};
    if (str_eq(word, STR("if"))) {
        open_region(r, SHELL_IF);
    } else if (str_eq(word, STR("then")) || str_eq(word, STR("else"))) {
        if (r->s->regions.at[r->region].kind == SHELL_BRANCH)
            close_region(r, SHELL_BRANCH);
        open_region(r, SHELL_BRANCH);
    } else if (str_eq(word, STR("elif"))) {
        close_region(r, SHELL_BRANCH);
    } else if (str_eq(word, STR("fi")) || str_eq(word, STR("esac"))) {
        close_region(r, SHELL_IF);
    } else if (str_eq(word, STR("while")) || str_eq(word, STR("until"))) {
        open_region(r, SHELL_LOOP);
    } else if (str_eq(word, STR("for")) || str_eq(word, STR("select"))) {
        r->at++;
        for_loop(r);
        return true;
    } else if (str_eq(word, STR("done"))) {
        close_region(r, SHELL_LOOP);
    } else if (str_eq(word, STR("{"))) {
        open_region(r, r->function ? SHELL_FUNCTION : SHELL_PLAIN);
        r->function = false;
    } else if (str_eq(word, STR("}"))) {
        close_region(r, r->s->regions.at[r->region].kind == SHELL_PLAIN ? SHELL_PLAIN
                                                                       : SHELL_FUNCTION);
    } else if (str_eq(word, STR("case"))) {
        open_region(r, SHELL_IF);
        while (!is_end(r, r->at) && !str_eq(token_text(r, r->at), STR("in")))
            r->at++;
        r->at++;
        case_branch(r);
        return true;
    } else if (str_eq(word, STR("function"))) {
        r->at++;
        function(r);
        return true;
    } else if (!in_list(word, NOTHING)) {
        return false;
    }
    r->at++;
    return true;
}

static void command(struct reader *r)
{
    uint32_t first = r->at;
    if (token(r, first)->kind == SHELL_WORD) {
        if (is_op(r, first + 1, '(') && is_op(r, first + 2, ')')) {
            function(r);
            return;
        }
        if (keyword(r, token_text(r, first)))
            return;
    }
    while (!is_end(r, r->at)) {
        bool array = token(r, r->at++)->kind == SHELL_ARRAY;
        while (array && r->at < r->last && !is_op(r, r->at, ')'))
            r->at++;
        r->at += array;
    }
    r->at = r->at < r->last ? r->at : r->last;
    simple(r, first, r->at);
}

static void operator(struct reader *r)
{
    char op = token(r, r->at++)->op;
    switch (op) {
    case SHELL_AND:
        if (!in_chain(r))
            open_region(r, SHELL_CHAIN);
        break;
    case '|':
        set_apart(r);
        end_chain(r);
        open_region(r, SHELL_CHAIN);
        break;
    case SHELL_OR:
        end_chain(r);
        open_region(r, SHELL_CHAIN);
        break;
    case '&':
        set_apart(r);
        end_chain(r);
        break;
    case '(':
        end_chain(r);
        open_region(r, r->function ? SHELL_FUNCTION : SHELL_BRANCH);
        r->function = false;
        break;
    case ')':
        end_chain(r);
        close_region(r, r->s->regions.at[r->region].kind == SHELL_FUNCTION ? SHELL_FUNCTION
                                                                          : SHELL_BRANCH);
        break;
    case SHELL_CASE_END:
        end_chain(r);
        case_branch(r);
        break;
    default:
        end_chain(r);
    }
}

bool shell_read(struct shell *s, struct span range, uint32_t region)
{
    struct reader r = {.s = s,
                       .at = (uint32_t)s->tokens.len,
                       .region = region,
                       .bindings = (uint32_t)s->bindings.len};
    if (!shell_lex(s, range, &s->tokens)) {
        s->broken = true;
        return false;
    }
    r.last = (uint32_t)s->tokens.len;
    while (r.at < r.last && !s->broken) {
        if (token(&r, r.at)->kind == SHELL_NEWLINE) {
            end_chain(&r);
            r.at++;
        } else if (token(&r, r.at)->kind == SHELL_OP) {
            operator(&r);
        } else {
            command(&r);
        }
    }
    return !s->broken;
}

/* --- the second reading -------------------------------------------------------------- */

static void run_command(struct shell *s, const struct shell_command *c)
{
    struct shell_arguments arguments = {0};
    struct shell_prefixes prefixes = {0};
    struct arena_mark mark = arena_mark(s->scratch);
    uint32_t i = c->first;
    for (; i < c->last; i++) {
        struct span span = s->tokens.at[i].span;
        uint32_t n = (uint32_t)assigned(source_quote(s->doc->source, span));
        if (!n || s->tokens.at[i].kind != SHELL_WORD)
            break;
        *vec_add(s->scratch, &prefixes) =
            (struct shell_prefix){{span.from, span.from + n}, {span.from + n + 1, span.to}};
    }
    for (; i < c->last; i++)
        if (s->tokens.at[i].kind == SHELL_WORD)
            shell_expand(s, s->tokens.at[i].span, c->region, c->bindings, &arguments);
    if (arguments.len)
        shell_run(s, &arguments, &prefixes, c->region, c->bindings);
    arena_release(s->scratch, mark);
}

static void run_commands(struct shell *s)
{
    shell_note_exports(s);
    for (size_t i = 0; i < s->commands.len; i++)
        run_command(s, &s->commands.at[i]);
}

static void start(struct shell *s)
{
    for (size_t i = 0; i < SHELL_BUCKETS; i++)
        s->buckets[i] = SHELL_NOWHERE;
    shell_region(s, 0, SHELL_PLAIN);
}

void shell_script(struct shell *outer, struct span range)
{
    struct shell *s = arena_new(outer->scratch, struct shell);
    if (outer->nested >= 4)
        return;
    *s = (struct shell){.arena = outer->arena, .scratch = outer->scratch, .doc = outer->doc,
                        .text = outer->text, .dialect = outer->dialect, .crlf = outer->crlf,
                        .root = outer->root, .nested = outer->nested + 1, .work = outer->work};
    start(s);
    size_t comments = s->doc->comments.len;
    if (shell_read(s, range, 0))
        run_commands(s);
    s->doc->comments.len = comments; /* in quotes: no comments of this file */
    outer->work = s->work;
}

/* --- the whole file --------------------------------------------------------------------- */

static struct setting *add_root(struct shell *s)
{
    struct setting *root = setting_add(s->arena, &s->doc->tree, NULL, SETTING_MAP,
                                       (struct str){"", 0}, (struct span){0, 0});
    root->value_span = (struct span){s->doc->source->body, (uint32_t)s->text.len};
    return root;
}

static int by_place(const void *x, const void *y)
{
    struct span a = (*(struct setting *const *)x)->value_span;
    struct span b = (*(struct setting *const *)y)->value_span;
    if (a.from != b.from)
        return a.from < b.from ? -1 : 1;
    return a.to < b.to ? -1 : a.to > b.to;
}

/* What several settings take from one variable. */
static void mark_shared(struct shell *s)
{
    struct settings all = {0};
    for (size_t i = 0; i < s->doc->tree.all.len; i++) {
        struct setting *x = s->doc->tree.all.at[i];
        if (x->kind == SETTING_SCALAR && x->value_span.to > x->value_span.from)
            vec_push(s->scratch, &all, x);
    }
    if (all.len)
        qsort(all.at, all.len, sizeof *all.at, by_place);
    for (size_t i = 1; i < all.len; i++)
        if (all.at[i]->value_span.from < all.at[i - 1]->value_span.to) {
            all.at[i]->flags |= SETTING_ANCHORED;
            all.at[i - 1]->flags |= SETTING_ANCHORED;
        }
}

static enum shell_dialect dialect_of(struct str path)
{
    size_t from = path.len;
    while (from && path.at[from - 1] != '/')
        from--;
    struct str name = str_slice(path, from, path.len);
    if (str_ends(name, STR(".env")) || str_starts(name, STR(".env.")))
        return SHELL_DOTENV;
    if (str_ends(name, STR(".mk")) || str_ends(name, STR("akefile")))
        return SHELL_MAKE;
    return str_starts(name, STR("Dockerfile")) || str_starts(name, STR("Containerfile")) ||
                   str_ends(name, STR("ockerfile"))
               ? SHELL_DOCKER
               : SHELL_SCRIPT;
}

/* Are most lines from a Windows editor? Then a CR before a break was not meant. */
static bool has_crlf(struct str text)
{
    size_t lines = 0, with = 0;
    for (size_t at = 0; (at = str_find_byte(text, '\n', at)) != SIZE_MAX; at++) {
        lines++;
        with += at && text.at[at - 1] == '\r';
    }
    return with * 2 > lines;
}

static void parse(struct arena *a, struct document *doc)
{
    struct arena scratch = {0};
    struct shell *s = arena_new(&scratch, struct shell);
    *s = (struct shell){.arena = a, .scratch = &scratch, .doc = doc, .text = doc->source->text};
    start(s);
    s->root = add_root(s);
    s->dialect = dialect_of(doc->source->path);
    s->crlf = s->dialect != SHELL_SCRIPT || has_crlf(s->text);
    if (s->dialect == SHELL_DOTENV) {
        shell_dotenv(s);
    } else if (shell_may_run(s->text)) {
        if (s->dialect == SHELL_MAKE)
            shell_make(s);
        else if (s->dialect == SHELL_DOCKER)
            shell_docker(s);
        else
            shell_read(s, (struct span){doc->source->body, (uint32_t)s->text.len}, 0);
        if (!s->broken)
            run_commands(s);
        mark_shared(s);
    }
    doc->broken = s->broken;
    arena_free(&scratch);
}

const struct front front_shell = {
    .language = LANGUAGE_SHELL,
    .parse = parse,
    .replace = shell_replace,
    .insert = shell_insert,
    .remove = shell_remove,
};
