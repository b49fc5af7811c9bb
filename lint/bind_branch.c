/* Settings in branches. What one way of an if says is not what the program does: it decides
 * only where every way says the same, or where a training run on a GPU takes that way. A
 * call in a branch still says with which values it is made, if it is made. */
#include "bind_table.h"

#include "banned.h"

/* The innermost block of DOC around S; 0 where S is written in another file. */
static uint32_t block_of(const struct document *doc, const struct setting *s)
{
    bool here = doc->blocks.len && front_home(doc, s)->source == doc->source;
    return here ? front_block_at(doc, s->key_span.from) : 0;
}

/* Is S, or a call around it, made in one way of `a() if x else b()` only? */
bool bind_branch_either(const struct setting *s)
{
    while (s && !(s->flags & SETTING_CONDITIONAL))
        s = s->parent;
    return s != NULL;
}

/* The innermost branch around S that may or may not be taken; 0 for none. */
static uint32_t open_branch(const struct document *doc, const struct setting *s)
{
    const struct blocks *blocks = &doc->blocks;
    uint32_t at = block_of(doc, s);
    while (at && (!(blocks->at[at].kinds & BLOCK_BRANCH) ||
                  blocks->at[at].branch & (BRANCH_TAKEN | BRANCH_LEFT)))
        at = blocks->at[at].parent;
    return at;
}

bool bind_branch_left(const struct document *doc, const struct setting *s)
{
    const struct blocks *blocks = &doc->blocks;
    uint32_t at = block_of(doc, s);
    while (at && !(blocks->at[at].branch & BRANCH_LEFT))
        at = blocks->at[at].parent;
    return at != 0;
}

/* The facts of one id that stand at places of equal weight: calls, definitions, or the
 * steps of a function. */
struct level {
    struct run *run;
    enum fact_id id;
    unsigned place;
};

static bool at_level(const struct level *l, size_t i)
{
    const struct fact *f = &l->run->facts.at[i];
    return f->id == l->id && f->weight % 4 == l->place && f->setting &&
           f->doc == l->run->doc && (!f->scope.len || f->id == FACT_eval_batch_size);
}

static uint32_t branch_of(const struct level *l, size_t i)
{
    return open_branch(l->run->doc, l->run->facts.at[i].setting);
}

static bool stands_in(const struct document *doc, uint32_t block, uint32_t outer)
{
    while (block > outer)
        block = doc->blocks.at[block].parent;
    return block == outer;
}

/* Does a fact of the level stand in BLOCK? */
static bool says(const struct level *l, uint32_t block)
{
    for (size_t i = 0; i < l->run->facts.len; i++)
        if (at_level(l, i) && stands_in(l->run->doc, branch_of(l, i), block))
            return true;
    return false;
}

/* Does every way of the choice of BLOCK say something, and is there no way besides? */
static bool is_complete(const struct level *l, uint32_t block)
{
    const struct blocks *blocks = &l->run->doc->blocks;
    bool closed = false;
    for (uint32_t i = blocks->at[block].choice; i < blocks->len; i++) {
        const struct block *b = &blocks->at[i];
        if (b->choice != blocks->at[block].choice || !(b->kinds & BLOCK_BRANCH))
            continue;
        closed |= (b->branch & BRANCH_ELSE) != 0;
        if (!(b->branch & BRANCH_LEFT) && !says(l, i))
            return false;
    }
    return closed;
}

static bool all_complete(const struct level *l, uint32_t block)
{
    const struct blocks *blocks = &l->run->doc->blocks;
    for (; block; block = blocks->at[block].parent) {
        const struct block *b = &blocks->at[block];
        bool open = b->kinds & BLOCK_BRANCH && !(b->branch & (BRANCH_TAKEN | BRANCH_LEFT));
        if (open && !is_complete(l, block))
            return false;
    }
    return true;
}

/* The last, heaviest fact of the level that stands in exactly BLOCK (0: in no branch);
 * SIZE_MAX when there is none. */
static size_t best_in(const struct level *l, uint32_t block)
{
    size_t best = SIZE_MAX;
    for (size_t i = 0; i < l->run->facts.len; i++) {
        const struct fact *f = &l->run->facts.at[i];
        bool here = at_level(l, i) && branch_of(l, i) == block;
        if (here && (best == SIZE_MAX || f->weight >= l->run->facts.at[best].weight))
            best = i;
    }
    return best;
}

/* There is no training without a loader and an optimizer: with which values they are made
 * holds wherever they are made. Clipping, autocast and adapters can be left out; what an
 * adapter is like says nothing of a run without it. */
static bool is_needed(enum fact_id id)
{
    return id == FACT_batch_size || id == FACT_eval_batch_size || id == FACT_optimizer ||
           id == FACT_learning_rate || id == FACT_weight_decay ||
           id == FACT_lora_rank || id == FACT_lora_alpha || id == FACT_lora_targets ||
           (id >= FACT_num_workers && id <= FACT_prefetch_factor);
}

static bool same_place(const struct fact *a, const struct fact *b)
{
    return str_eq(a->setting->path, b->setting->path);
}

/* Does another way than that of fact I say another thing? */
static bool is_disputed(const struct level *l, size_t i)
{
    const struct fact *f = &l->run->facts.at[i];
    if (f->value.kind == VALUE_UNKNOWN)
        return false; /* it is open as it is */
    for (size_t k = 0; k < l->run->facts.len; k++) {
        uint32_t block = at_level(l, k) ? branch_of(l, k) : 0;
        if (block && best_in(l, block) == k &&
            !value_eq(l->run->facts.at[k].value, f->value))
            return true;
    }
    return false;
}

/* The fact that decides at this level. *WHY is set when it decides nothing but that the
 * value is open. SIZE_MAX when nothing is said. */
static size_t decide(const struct level *l, const char **why)
{
    size_t sure = best_in(l, 0), last = SIZE_MAX;
    *why = NULL;
    for (size_t i = 0; i < l->run->facts.len; i++)
        last = at_level(l, i) ? i : last;
    if (last == SIZE_MAX || last == sure)
        return last;
    const struct fact *f = &l->run->facts.at[last];
    if (sure != SIZE_MAX) {
        const struct fact *s = &l->run->facts.at[sure];
        bool changed = l->place != BIND_PLACE_CALL && same_place(s, f) && last > sure &&
                       !value_eq(s->value, f->value);
        *why = changed ? "it differs between branches" : NULL;
        return changed ? last : sure;
    }
    if (is_disputed(l, last))
        *why = "it differs between branches";
    else if (f->value.kind != VALUE_UNKNOWN &&
             (l->place != BIND_PLACE_CALL || !is_needed(l->id)) &&
             !all_complete(l, branch_of(l, last)))
        *why = "it is set in one branch only";
    return last;
}

static void settle(struct run *run, enum fact_id id)
{
    size_t open = SIZE_MAX;
    const char *open_why = NULL;
    for (unsigned place = BIND_PLACE_CALL + 1; place-- > 0;) {
        struct level l = {run, id, place};
        const char *why;
        size_t hit = decide(&l, &why);
        bool known = hit != SIZE_MAX && run->facts.at[hit].value.kind != VALUE_UNKNOWN;
        if (known && !why) {
            run->best[id] = (int32_t)hit;
            return;
        }
        if (hit != SIZE_MAX && open == SIZE_MAX) {
            open = hit;
            open_why = why;
        }
    }
    if (open == SIZE_MAX)
        return;
    run->best[id] = (int32_t)open;
    if (open_why) {
        run->facts.at[open].value = VALUE_NOTHING;
        run->facts.at[open].why = str_from(open_why);
    }
}

/* What one way says and the run does not take is no claim about it. */
static void open_rest(struct run *run)
{
    for (size_t i = 0; i < run->facts.len; i++) {
        struct fact *f = &run->facts.at[i];
        struct level l = {run, f->id, f->weight % 4};
        bool call = l.place == BIND_PLACE_CALL && is_needed(f->id);
        if (!at_level(&l, i) || call || run->best[f->id] == (int32_t)i ||
            run->best[f->id] < 0 || f->value.kind == VALUE_UNKNOWN)
            continue;
        uint32_t block = branch_of(&l, i);
        if (block && !all_complete(&l, block)) {
            f->value = VALUE_NOTHING;
            f->why = STR("it is set in one branch only");
        }
    }
}

/* Which of several networks or inputs is the one that trains is not said: a teacher and
 * its student, a perceptual loss, two transforms. */
static void forget_several(struct run *run, enum fact_id id)
{
    const struct fact *best = run_fact(run, id);
    if (!best || !best->setting || best->weight % 4 != BIND_PLACE_CALL ||
        str_find(best->binding->key, STR("()"), 0) == SIZE_MAX)
        return;
    for (size_t i = 0; i < run->facts.len; i++) {
        const struct fact *f = &run->facts.at[i];
        if (f->id == id && !f->scope.len && f->weight == best->weight &&
            f->value.kind != VALUE_UNKNOWN && best->value.kind != VALUE_UNKNOWN &&
            !value_eq(f->value, best->value)) {
            run->facts.at[run->best[id]].value = VALUE_NOTHING;
            run->facts.at[run->best[id]].why = STR("several are made");
            return;
        }
    }
}

/* Replicas change nothing that counts; whether there are any is then left open. */
static void forget_replicas(struct run *run)
{
    const struct fact *f = run_fact(run, FACT_strategy);
    if (f && f->setting && f->binding && str_ends(f->binding->key, STR("()")) &&
        (run_is(run, FACT_strategy, "ddp") || run_is(run, FACT_strategy, "dp")) &&
        open_branch(f->doc, f->setting)) {
        struct fact *replicas = &run->facts.at[run->best[FACT_strategy]];
        replicas->value = VALUE_NOTHING;
        replicas->why = STR("it is set in one branch only");
        run->best[FACT_strategy] = -1;
    }
}

void bind_branch_settle(struct run *run)
{
    if (run->doc->source->language != LANGUAGE_PYTHON)
        return;
    forget_replicas(run);
    forget_several(run, FACT_model_name);
    forget_several(run, FACT_image_size);
    for (int i = 0; i < FACT_COUNT; i++) {
        const struct fact *f = run_fact(run, (enum fact_id)i);
        if (f && f->setting && f->doc == run->doc && open_branch(f->doc, f->setting))
            settle(run, (enum fact_id)i);
    }
    if (run->doc->blocks.len)
        open_rest(run);
}
