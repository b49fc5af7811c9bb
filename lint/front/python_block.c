/* Blocks from indentation, and what each is for. A header line opens a block that goes on
 * while lines are indented deeper; only headers that say something about training become
 * blocks. What a loop is for is told by what it iterates and by what its own body does;
 * where a name could mean two things the kind is left out. */
#include "python.h"

#include <string.h>

#include "../match.h"
#include "../banned.h"

enum { MAX_DEPTH = 200, MAX_CONTEXTS = 16 };

struct open_block {
    uint32_t indent, block;
};

struct builder {
    struct python *p;
    struct open_block open[MAX_DEPTH];
    uint32_t depth;
    uint32_t decorators; /* first line of those that wait for a def */
    uint32_t before;     /* the block that ended at the current line, as deep as it */
    bool unit_tests;     /* the file imports pytest or unittest */
    struct {
        struct str name;
        unsigned kinds;
    } contexts[MAX_CONTEXTS]; /* ctx = torch.autocast(...) */
    uint32_t context_count;
};

static const char VALIDATION_NAME[] =
    "(?:^|_)(?i:valid\\w*|val|eval\\w*|infer(?:ence)?|predict\\w*|tests?|testing)(?=_|$|[A-"
    "Z])|"
    "(?<=[a-z0-9])(?:Valid(?:at\\w*)?|Val|Eval(?:uat\\w*)?|Infer(?:ence)?|Predict\\w*|Test)"
    "(?=_|$|[A-Z])";
/* Checks of arguments are called validation, too. */
static const char OTHER_VALIDATION[] =
    "(?i)^_*(?:is|has|get|make|build|create|load|parse|setup|literal|safe)_|"
    "config|arg|param|input|path|file|schema|type|option|field|value|key|url|name|shape|"
    "dtype|format|user|email|token|setting|loader|dataset|transform";
static const char TEST_NAME[] = "(?i)^_*test";
static const char LOADER_NAME[] =
    "(?i)\\b\\w*(?:loader|batches)\\b(?!\\s*\\.\\s*(?:dataset|sampler|keys))|\\b(?:\\w+_)?("
    "?:dl|data_?iter|iterloader)\\b";
static const char VALIDATION_LOADER[] =
    "(?i)\\b(?:\\w+_)?(?:val|valid|validation|eval|evaluation|test|dev)_?"
    "(?:set|data)?_?(?:loader|dataloader|dl|batches|iter)\\b";
static const char BATCH_TARGET[] =
    "^\\W*(?:(?:\\w+\\s*,\\W*)*)(?:batch|batch_idx|batch_index|batch_i|i_batch|mini_?batch|"
    "batch_data)\\b";
static const char EPOCH_TARGET[] = "(?i)\\b(?:\\w+_)?epochs?\\b|\\bep\\b";
static const char EPOCH_RANGE[] =
    "(?i)^\\s*(?:tqdm\\.)?(?:range|trange|tqdm|count)\\b.*epoch";
static const char STEP_CALL[] = "\\.\\s*backward\\s*\\(|\\b(?:\\w{0,40}optim\\w{0,40}|opt|"
                                "scaler|grad_scaler|opt_\\w+)\\s*(?:\\[[^\\]]*\\])?"
                                "\\s*\\.\\s*step\\s*\\(|\\bloss\\s*\\.\\s*item\\s*\\(";
static const char NO_GRAD[] =
    "\\bno_grad\\b(?!\\s*=)|\\binference_mode\\b(?!\\s*\\(\\s*(?:mode\\s*=\\s*)?False)|"
    "\\bset_grad_enabled\\s*\\(\\s*(?:mode\\s*=\\s*)?False\\s*\\)";
static const char AUTOCAST[] = "\\bautocast\\b(?!\\s*\\([^()]*\\benabled\\s*=\\s*False)";

static const char CONTEXT[] =
    "(?m)^[ \\t]*((?:self\\.)?\\w+)[ "
    "\\t]*=(?!=)[^\\n]*\\b(autocast|no_grad|inference_mode)\\s*\\(";

static bool matches(const char *pattern, struct str text)
{
    struct match m;
    const struct pattern *compiled = match_pattern(str_from(pattern), NULL);
    return compiled && match_find(compiled, text, 0, &m);
}

/* --- tokens --------------------------------------------------------------- */

struct str python_text(const struct python *p, uint32_t token)
{
    return str_slice(p->text, p->tokens.at[token].from, p->tokens.at[token].to);
}

bool python_is_name(const struct python *p, uint32_t token, const char *name)
{
    /* Asked often, and nearly always answered by the first byte. */
    return token < p->tokens.len && p->tokens.at[token].kind == TOKEN_NAME &&
           p->text.at[p->tokens.at[token].from] == name[0] &&
           str_eq(python_text(p, token), str_from(name));
}

bool python_is_op(const struct python *p, uint32_t token, char op)
{
    return token < p->tokens.len && p->tokens.at[token].kind == TOKEN_OP &&
           p->tokens.at[token].op == op;
}

bool python_is_keyword(struct str name)
{
    static const char *const words[] = {
        "and",      "as",     "assert", "async",    "await", "break",  "class",
        "continue", "def",    "del",    "elif",     "else",  "except", "False",
        "finally",  "for",    "from",   "global",   "if",    "import", "in",
        "is",       "lambda", "None",   "nonlocal", "not",   "or",     "pass",
        "raise",    "return", "True",   "try",      "while", "with",   "yield"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (name.at[0] == words[i][0] && str_eq(name, str_from(words[i])))
            return true;
    return false;
}

uint32_t python_step(const struct python *p, uint32_t token, uint32_t last)
{
    uint32_t match = p->tokens.at[token].match;
    return match > token && match < last ? match + 1 : token + 1;
}

uint32_t python_colon(const struct python *p, uint32_t first, uint32_t last)
{
    uint32_t lambdas = 0;
    for (uint32_t i = first; i < last; i = python_step(p, i, last)) {
        if (python_is_name(p, i, "lambda"))
            lambdas++;
        else if (python_is_op(p, i, ':') && lambdas-- == 0)
            return i;
    }
    return last;
}

bool python_is_header(const struct python *p, uint32_t first, uint32_t last)
{
    static const char *const words[] = {"if",     "elif",    "else",  "for",
                                        "while",  "try",     "with",  "def",
                                        "except", "finally", "class", "async"};
    if (first >= last || p->tokens.at[first].kind != TOKEN_NAME)
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (python_is_name(p, first, words[i]))
            return true;
    if (!python_is_name(p, first, "match") && !python_is_name(p, first, "case"))
        return false;
    bool plain = first + 1 >= last || python_is_op(p, first + 1, '=') ||
                 python_is_op(p, first + 1, '.') || python_is_op(p, first + 1, ':') ||
                 python_is_op(p, first + 1, ',') ||
                 python_is_op(p, first + 1, OP_AUGMENTED);
    return !plain && python_colon(p, first, last) < last;
}

uint32_t python_statement_end(const struct python *p, uint32_t first, uint32_t last)
{
    uint32_t i = first;
    while (i < last && !python_is_op(p, i, ';'))
        i = python_step(p, i, last);
    return i;
}

/* The masked text of [first, last). */
static struct str masked(const struct python *p, uint32_t first, uint32_t last)
{
    if (first >= last)
        return (struct str){"", 0};
    return str_slice(p->doc->masked, p->tokens.at[first].from, p->tokens.at[last - 1].to);
}

/* --- what a header says --------------------------------------------------- */

static bool is_validation_name(const struct builder *b, struct str name)
{
    if (b->unit_tests && matches(TEST_NAME, name))
        return false;
    return matches(VALIDATION_NAME, name) && !matches(OTHER_VALIDATION, name);
}

static unsigned for_kinds(const struct builder *b, uint32_t first, uint32_t colon)
{
    const struct python *p = b->p;
    uint32_t in = first;
    while (in < colon && !python_is_name(p, in, "in"))
        in = python_step(p, in, colon);
    struct str target = masked(p, first + 1, in);
    struct str over = masked(p, in + 1 < colon ? in + 1 : colon, colon);
    unsigned kinds = BLOCK_LOOP;
    bool of_loaders = matches(LOADER_NAME, target);
    if (!of_loaders && (matches(LOADER_NAME, over) || matches(BATCH_TARGET, target)))
        kinds |= BLOCK_BATCH_LOOP;
    if (!of_loaders && matches(VALIDATION_LOADER, over))
        kinds |= BLOCK_VALIDATION;
    if (!(kinds & BLOCK_BATCH_LOOP) &&
        (matches(EPOCH_TARGET, target) || matches(EPOCH_RANGE, over)))
        kinds |= BLOCK_EPOCH_LOOP;
    return kinds;
}

static bool is_main_guard(const struct python *p, uint32_t first, uint32_t colon)
{
    if (colon - first != 4 || !python_is_name(p, first + 1, "__name__") ||
        p->tokens.at[first + 3].kind != TOKEN_STRING)
        return false;
    return str_find(python_text(p, first + 3), STR("__main__"), 0) != SIZE_MAX;
}

static bool any_base(const struct python *p, uint32_t open, struct str suffix)
{
    if (!python_is_op(p, open, '('))
        return false;
    uint32_t close = p->tokens.at[open].match;
    for (uint32_t i = open + 1; i < close; i = python_step(p, i, close)) {
        bool ends = i + 1 >= close || !python_is_op(p, i + 1, '.');
        if (p->tokens.at[i].kind == TOKEN_NAME && ends && !python_is_op(p, i + 1, '=') &&
            str_ends(python_text(p, i), suffix))
            return true;
    }
    return false;
}

static bool decorated(const struct builder *b, uint32_t line, const char *pattern)
{
    const struct python *p = b->p;
    for (uint32_t i = b->decorators; i < line; i++)
        if (matches(pattern, masked(p, p->lines.at[i].first, p->lines.at[i].last)))
            return true;
    return false;
}

static unsigned function_kinds(const struct builder *b, uint32_t line, struct str name)
{
    const struct python *p = b->p;
    unsigned kinds = BLOCK_FUNCTION;
    const struct open_block *up = b->depth ? &b->open[b->depth - 1] : NULL;
    unsigned around = up ? p->doc->blocks.at[up->block].kinds : 0;
    if (is_validation_name(b, name))
        kinds |= BLOCK_VALIDATION;
    if (decorated(b, line, NO_GRAD))
        kinds |= BLOCK_NO_GRAD;
    if (decorated(b, line, AUTOCAST))
        kinds |= BLOCK_AUTOCAST;
    bool item = str_eq(name, STR("__getitem__")) || str_eq(name, STR("__iter__"));
    if ((item && around & BLOCK_DATASET) || str_find(name, STR("collate"), 0) != SIZE_MAX)
        kinds |= BLOCK_GETITEM;
    return kinds;
}

static void find_contexts(struct builder *b)
{
    const struct pattern *p = match_pattern(str_from(CONTEXT), NULL);
    struct str text = b->p->doc->masked;
    struct match m;
    for (size_t at = 0; p && b->context_count < MAX_CONTEXTS && match_find(p, text, at, &m);
         at = m.group[0].to) {
        bool autocast = text.at[m.group[2].from] == 'a';
        b->contexts[b->context_count].name =
            str_slice(text, m.group[1].from, m.group[1].to);
        b->contexts[b->context_count++].kinds = autocast ? BLOCK_AUTOCAST : BLOCK_NO_GRAD;
    }
}

/* with ctx: */
static unsigned context_kinds(const struct builder *b, struct str rest)
{
    unsigned kinds = 0;
    for (uint32_t i = 0; i < b->context_count; i++)
        if (str_eq(str_trim(rest), b->contexts[i].name))
            kinds |= b->contexts[i].kinds;
    return kinds;
}

/* The kinds of the block that the header [first, colon) opens; 0 for none. */
static unsigned header_kinds(const struct builder *b, uint32_t line, uint32_t first,
                             uint32_t colon, struct str *name)
{
    const struct python *p = b->p;
    if (python_is_name(p, first, "async"))
        first++;
    bool named = first + 1 < colon && p->tokens.at[first + 1].kind == TOKEN_NAME;
    if (named)
        *name = python_text(p, first + 1);
    if (python_is_name(p, first, "def") && named)
        return function_kinds(b, line, *name);
    if (python_is_name(p, first, "class") && named)
        return BLOCK_CLASS | (any_base(p, first + 2, STR("Dataset")) ? BLOCK_DATASET : 0) |
               (any_base(p, first + 2, STR("LightningModule")) ? BLOCK_LIGHTNING : 0);
    *name = (struct str){"", 0};
    if (python_is_name(p, first, "for"))
        return for_kinds(b, first, colon);
    struct str rest = masked(p, first + 1 < colon ? first + 1 : colon, colon);
    if (python_is_name(p, first, "while"))
        return BLOCK_LOOP | (matches(EPOCH_TARGET, rest) ? BLOCK_EPOCH_LOOP : 0);
    if (python_is_name(p, first, "with"))
        return (matches(NO_GRAD, rest) ? BLOCK_NO_GRAD : 0) |
               (matches(AUTOCAST, rest) ? BLOCK_AUTOCAST : 0) | context_kinds(b, rest);
    if (python_is_name(p, first, "if") && is_main_guard(p, first, colon))
        return BLOCK_MAIN_GUARD;
    return 0;
}

/* --- the tree of blocks --------------------------------------------------- */

static uint32_t top(const struct builder *b)
{
    return b->depth ? b->open[b->depth - 1].block : 0;
}

static void close_blocks(struct builder *b, uint32_t indent)
{
    b->before = 0;
    while (b->depth && b->open[b->depth - 1].indent >= indent) {
        const struct open_block *last = &b->open[--b->depth];
        b->before = last->indent == indent ? last->block : 0;
    }
}

/* Every open block reaches at least to END. */
static void extend(struct builder *b, uint32_t end)
{
    for (uint32_t i = 0; i < b->depth; i++) {
        struct block *block = &b->p->doc->blocks.at[b->open[i].block];
        block->span.to = block->body.to = end;
    }
}

static void open_header(struct builder *b, uint32_t index)
{
    struct python *p = b->p;
    struct line *line = &p->lines.at[index];
    struct str name = {"", 0};
    uint32_t colon = python_colon(p, line->first, line->last);
    unsigned kinds =
        colon < line->last ? header_kinds(b, index, line->first, colon, &name) : 0;
    struct block way = {0};
    if (!kinds && colon < line->last)
        kinds = python_branch(p, line->first, colon, b->before, &way);
    if (!kinds || b->depth == MAX_DEPTH)
        return;
    struct block *block = vec_add(p->arena, &p->doc->blocks);
    bool inline_body = colon + 1 < line->last;
    uint32_t body = inline_body ? p->tokens.at[colon + 1].from : line->end;
    *block = (struct block){.kinds = kinds,
                            .parent = top(b),
                            .span = {line->start, line->end},
                            .body = {body, line->end},
                            .name = name,
                            .choice = way.choice,
                            .branch = way.branch};
    line->header = true;
    line->block = (uint32_t)p->doc->blocks.len - 1;
    b->open[b->depth++] = (struct open_block){line->indent, line->block};
}

static bool imports_tests(const struct python *p, const struct line *line)
{
    if (!python_is_name(p, line->first, "import") &&
        !python_is_name(p, line->first, "from"))
        return false;
    return matches("\\b(?:pytest|unittest)\\b", masked(p, line->first, line->last));
}

static void take_line(struct builder *b, uint32_t index)
{
    struct python *p = b->p;
    struct line *line = &p->lines.at[index];
    close_blocks(b, line->indent);
    line->block = top(b);
    extend(b, line->end);
    if (python_is_op(p, line->first, '@'))
        return;
    if (python_is_header(p, line->first, line->last))
        open_header(b, index);
    b->decorators = index + 1;
}

/* --- what a loop's own body does ------------------------------------------ */

static uint32_t innermost_loop(const struct document *doc, uint32_t block)
{
    while (block && !(doc->blocks.at[block].kinds & (BLOCK_LOOP | BLOCK_FUNCTION)))
        block = doc->blocks.at[block].parent;
    return block;
}

static void mark_steps(struct python *p)
{
    struct document *doc = p->doc;
    const struct pattern *step = match_pattern(str_from(STEP_CALL), NULL);
    struct match m;
    uint32_t line = 0;
    for (size_t at = 0; step && match_find(step, doc->masked, at, &m); at = m.group[0].to) {
        while (line < p->lines.len && p->lines.at[line].end <= m.group[0].from)
            line++;
        if (line == p->lines.len)
            return;
        uint32_t loop = innermost_loop(doc, p->lines.at[line].block);
        struct block *b = &doc->blocks.at[loop];
        if (b->kinds & BLOCK_LOOP && m.group[0].from >= b->body.from)
            b->kinds |= BLOCK_BATCH_LOOP;
    }
}

void python_block(struct python *p)
{
    struct builder *b = arena_new(p->scratch, struct builder);
    b->p = p;
    struct block *module = vec_add(p->arena, &p->doc->blocks);
    uint32_t end = (uint32_t)p->text.len;
    *module = (struct block){
        .kinds = BLOCK_MODULE, .span = {0, end}, .body = {0, end}, .name = {"", 0}};
    for (uint32_t i = 0; i < p->lines.len && !b->unit_tests; i++)
        b->unit_tests = imports_tests(p, &p->lines.at[i]);
    find_contexts(b);
    for (uint32_t i = 0; i < p->lines.len; i++)
        take_line(b, i);
    mark_steps(p);
}
