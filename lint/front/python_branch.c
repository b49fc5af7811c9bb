/* Branches: which ways of an if belong together, and which of them a training run on a GPU
 * takes, where the condition says so itself. Anything else stays open. */
#include "python.h"

#include "../match.h"
#include "../banned.h"

enum { MAX_CONDITION = 80 };

static const char ALWAYS[] =
    "True|1|(?:torch\\.)?(?:cuda|accelerator)\\.is_available\\(\\)|"
    "(?:\\w+\\.)*(?:use_|has_|is_|with_)?(?:cuda|gpu|accel)(?:_is)?(?:_available)?(?:\\(\\)"
    ")?|"
    "(?:\\w+\\.)*device(?:\\.type|_type)?\\s*==\\s*[\"']cuda[\"']|"
    "(?:\\w+\\.)*(?:do_|is_)?train(?:ing)?|"
    "(?:\\w+\\.)*(?:mode|phase|split|stage|task|action)\\s*==\\s*[\"'](?:train|training|"
    "fit)[\"']";
static const char NEVER[] =
    "False|0|(?:typing\\.)?TYPE_CHECKING|"
    "(?:\\w+\\.)*device(?:\\.type|_type)?\\s*==\\s*[\"']cpu[\"']|"
    "(?:\\w+\\.)*(?:no_|use_|only_)?cpu(?:_only)?|(?:\\w+\\.)*no_cuda|"
    "(?:\\w+\\.)*(?:do_|is_|only_)?(?:eval|evaluate|evaluation|test|testing|inference|"
    "predict|"
    "prediction|validate|infer|val)(?:_only)?|"
    "(?:\\w+\\.)*(?:mode|phase|split|stage|task|action)\\s*==\\s*[\"'](?:test|testing|eval|"
    "val|"
    "valid|validation|evaluate|predict|infer|inference)[\"']";

static bool whole(const char *pattern, struct str text)
{
    const struct pattern *p = match_pattern(str_from(pattern), NULL);
    return p && match_whole(p, text);
}

/* What the condition [first, colon) decides. */
static unsigned decided(const struct python *p, uint32_t first, uint32_t colon)
{
    bool negated = python_is_name(p, first, "not");
    first += negated;
    if (first >= colon)
        return 0;
    struct str text =
        str_slice(p->text, p->tokens.at[first].from, p->tokens.at[colon - 1].to);
    if (text.len > MAX_CONDITION)
        return 0;
    bool yes = whole(ALWAYS, text), no = !yes && whole(NEVER, text);
    return yes != no ? (yes != negated ? BRANCH_TAKEN : BRANCH_LEFT) : 0;
}

/* `if (step + 1) % accumulation == 0:` comes round; it is no choice. */
static bool is_periodic(const struct python *p, uint32_t first, uint32_t colon)
{
    for (uint32_t i = first; i < colon; i++)
        if (python_is_op(p, i, '%') ||
            (p->tokens.at[i].kind == TOKEN_NAME &&
             str_find(python_text(p, i), STR("accum"), 0) != SIZE_MAX))
            return true;
    return false;
}

/* Does the header of BLOCK start with WORD? */
static bool starts_with(const struct python *p, const struct block *block, const char *word)
{
    struct str head = str_trim(str_slice(p->text, block->span.from, block->body.from));
    struct str w = str_from(word);
    return str_starts(head, w) &&
           (head.len == w.len || head.at[w.len] == ' ' || head.at[w.len] == '(' ||
            head.at[w.len] == ':' || head.at[w.len] == '\t');
}

/* A way besides those before it: taken when all of them are left, left when one is taken.
 */
static unsigned otherwise(const struct python *p, uint32_t choice, bool last)
{
    const struct blocks *blocks = &p->doc->blocks;
    bool all_left = true;
    for (size_t i = choice; i < blocks->len; i++) {
        if (blocks->at[i].choice != choice)
            continue;
        if (blocks->at[i].branch & BRANCH_TAKEN)
            return BRANCH_LEFT;
        all_left = all_left && blocks->at[i].branch & BRANCH_LEFT;
    }
    return all_left && last ? BRANCH_TAKEN : 0;
}

unsigned python_branch(const struct python *p, uint32_t first, uint32_t colon,
                       uint32_t before, struct block *out)
{
    const struct block *last = before ? &p->doc->blocks.at[before] : NULL;
    uint32_t fresh = (uint32_t)p->doc->blocks.len;
    bool follows = last && last->kinds & BLOCK_BRANCH;
    bool of_if = follows && (starts_with(p, last, "if") || starts_with(p, last, "elif"));
    bool is_else = python_is_name(p, first, "else");
    bool elif = python_is_name(p, first, "elif") && of_if;
    if ((is_else && !of_if) ||
        (!is_else && !elif && !python_is_name(p, first, "if") &&
         !python_is_name(p, first, "except") && !python_is_name(p, first, "case")))
        return 0;
    if (!is_else && is_periodic(p, first + 1, colon))
        return 0;
    bool except =
        follows && python_is_name(p, first, "except") && starts_with(p, last, "except");
    bool in_match =
        follows && python_is_name(p, first, "case") && starts_with(p, last, "case");
    bool joins = is_else || elif || except || in_match;
    out->choice = joins ? last->choice : fresh;
    unsigned rest = is_else || elif ? otherwise(p, out->choice, is_else) : 0;
    bool tested = elif || python_is_name(p, first, "if");
    out->branch = rest || !tested ? rest : decided(p, first + 1, colon);
    bool any = python_is_name(p, first, "case") && python_is_name(p, first + 1, "_") &&
               colon == first + 2;
    out->branch |= is_else || any ? BRANCH_ELSE : 0;
    return BLOCK_BRANCH;
}
