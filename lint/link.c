/* The trees of all files of a run are laid over one another before anything is bound, so
 * that conditions, presets and recognition see what the program will see. The facts are
 * then led back to the settings as written, in whichever file that is. */
#include "link.h"

#include "bind_table.h"
#include "link_work.h"

#include "banned.h"

enum {
    DEEPEST = 16,     /* files that name one another */
    MOST_FILES = 128, /* of one unit */
};

/* --- which settings name files --------------------------------------------------- */

static struct str without_dashes(struct str s)
{
    while (s.len && s.at[0] == '-')
        s = str_slice(s, 1, s.len);
    return s;
}

static void gather_keys(struct linker *l)
{
    const struct pack *pack = l->c->pack;
    for (uint32_t i = 0; i < pack->frameworks.len; i++) {
        const struct framework *f = &pack->frameworks.at[i];
        for (uint32_t k = 0; k < f->links.len; k++) {
            const struct link_spec *spec = &f->links.at[k];
            struct link_key key = {spec, f, without_dashes(bind_match_last(spec->key))};
            for (unsigned language = 0; language < LANGUAGE_COUNT; language++)
                if (!f->languages || f->languages & 1u << language)
                    vec_push(l->scratch, &l->keys[language], key);
        }
    }
}

/* Most settings are told apart by the length of their key. */
static bool may_be(const struct link_key *k, struct str key)
{
    struct str word = without_dashes(key);
    return word.len == k->word.len && word.len &&
           word.at[word.len - 1] == k->word.at[word.len - 1];
}

static bool is_key(const struct link_key *k, const struct setting *s)
{
    return s->parent && may_be(k, s->key) && bind_match_key(k->spec->key, s);
}

const struct link_key *link_key_of(const struct linker *l, enum language language,
                                   const struct setting *s, enum link_how how,
                                   const struct framework *own)
{
    const struct link_keys *keys = &l->keys[language];
    for (size_t i = 0; i < keys->len; i++)
        if (keys->at[i].spec->how == how &&
            (!own || keys->at[i].owner == own || keys->at[i].owner->generic) &&
            is_key(&keys->at[i], s))
            return &keys->at[i];
    return NULL;
}

static bool has_links(const struct linker *l)
{
    const struct document *doc = &l->unit->doc;
    const struct link_keys *keys = &l->keys[doc->source->language];
    for (size_t i = 0; i < doc->tree.roots.len; i++)
        if (link_hydra_defaults(doc, doc->tree.roots.at[i]))
            return true;
    for (size_t i = 0; i < doc->tree.all.len; i++)
        for (size_t k = 0; k < keys->len; k++)
            if (is_key(&keys->at[k], doc->tree.all.at[i]))
                return true;
    return doc->source->language == LANGUAGE_YAML && link_join_in_comments(doc);
}

/* --- files ------------------------------------------------------------------------ */

static void tell(struct linker *l, const struct link_step *step, const char *code,
                 const char *rule, struct str message)
{
    struct source *source = step->doc->source;
    struct finding *f = finding_add(&l->unit->arena, &l->unit->link_problems, source,
                                    step->setting->value_span, "%.*s", STR_ARG(message));
    f->code = str_from(code);
    f->rule = str_from(rule);
    f->severity = SEVERITY_ERROR;
}

static bool is_circle(const struct link_step *step, struct str path, struct arena *a)
{
    for (; step; step = step->from)
        if (str_eq(link_path(a, step->doc->source->path), path))
            return true;
    return false;
}

static int depth_of(const struct link_step *step)
{
    int depth = 0;
    for (; step; step = step->from)
        depth++;
    return depth;
}

/* The file at PATH as one of the unit's, by way of STEP. */
static struct linked_file *take_in(struct linker *l, const struct link_step *step,
                                   struct str path)
{
    struct linked_file *f = link_file_load(&l->unit->arena, l->c, path);
    if (!f)
        return NULL;
    f->chain = step;
    vec_push(&l->unit->arena, &l->unit->links, f);
    return f;
}

/* Reads what STEP names. */
static struct linked_file *open_step(struct linker *l, const struct link_spec *spec,
                                     const struct link_step *step, struct str text, bool told)
{
    struct arena *a = &l->unit->arena;
    struct str path = link_file_find(a, l->c, step->doc->source->path, text, spec->climb);
    if (!path.len) {
        if (told && language_of_path(text) != LANGUAGE_NONE)
            tell(l, step, "LNK001", "linked-file-missing",
                 arena_printf(a, "%.*s is not there", STR_ARG(text)));
        return NULL;
    }
    if (is_circle(step, path, a)) {
        tell(l, step, "LNK002", "circular-include",
             arena_printf(a, "%.*s leads back to itself", STR_ARG(path)));
        l->circular = true;
        return NULL;
    }
    return take_in(l, step, path);
}

struct linked_file *link_open_path(struct linker *l, struct document *doc,
                                   const struct setting *name, const struct link_step *from,
                                   struct str path)
{
    struct arena *a = &l->unit->arena;
    if (depth_of(from) >= DEEPEST || l->unit->links.len >= MOST_FILES)
        return NULL;
    struct link_step *step = arena_new(a, struct link_step);
    *step = (struct link_step){doc, name, from};
    path = link_file_find(a, l->c, STR("x"), path, false);
    if (!path.len || is_circle(step, path, a))
        return NULL;
    return take_in(l, step, path);
}

struct linked_file *link_open(struct linker *l, struct document *doc,
                              const struct link_spec *spec, const struct setting *name,
                              const struct link_step *from, bool told)
{
    struct str text = str_trim(name->text);
    if (!link_file_is_path(text) || depth_of(from) >= DEEPEST ||
        l->unit->links.len >= MOST_FILES)
        return NULL;
    struct link_step *step = arena_new(&l->unit->arena, struct link_step);
    *step = (struct link_step){doc, name, from};
    return open_step(l, spec, step, text, told);
}

/* --- composing --------------------------------------------------------------------- */

static bool called_base(struct str path)
{
    for (size_t from = 0; from < path.len;) {
        size_t slash = str_find_byte(path, '/', from);
        size_t to = slash == SIZE_MAX ? path.len : slash;
        struct str part = str_slice(path, from, to);
        while (part.len && part.at[0] == '_')
            part = str_slice(part, 1, part.len);
        if (part.len >= 4 && str_eq_nocase(str_slice(part, 0, 4), STR("base")))
            return true;
        from = to + 1;
    }
    return false;
}

/* The settings of the file that NAME names, under what is in NODE already. */
static void add_base(struct linker *l, struct link_node *bases, struct document *doc,
                     const struct link_spec *spec, const struct setting *name,
                     const struct link_step *from)
{
    size_t before = l->unit->links.len;
    struct linked_file *f = link_open(l, doc, spec, name, from, !spec->climb);
    if (!f || !f->doc.tree.roots.len)
        return;
    struct link_node *base =
        link_compose(l, &f->doc, f->doc.tree.roots.at[0], f->chain);
    f->part = l->unit->links.len == before + 1 || called_base(f->source.path);
    if (!base || base->kind != SETTING_MAP)
        return;
    link_tree_under(base, bases, spec->cut);
    *bases = *base;
}

static void add_bases(struct linker *l, struct link_node *node, struct document *doc,
                      const struct link_spec *spec, const struct setting *s,
                      const struct link_step *from)
{
    struct link_node bases = {.kind = SETTING_MAP};
    s = setting_resolve(s);
    if (s->kind == SETTING_SCALAR)
        add_base(l, &bases, doc, spec, s, from);
    for (const struct setting *item = s->first; s->kind == SETTING_LIST && item;
         item = item->next)
        if (item->kind == SETTING_SCALAR)
            add_base(l, &bases, doc, spec, item, from);
    if (node->doc->source->language == LANGUAGE_PYTHON)
        link_tree_refer(&l->trees, node, &bases, spec->key);
    link_tree_under(node, &bases, spec->cut);
}

static void follow(struct linker *l, struct link_node *node, const struct link_step *from)
{
    for (struct link_node *c = node->first; c && !l->trees.full; c = c->next)
        if (c->kind == SETTING_MAP)
            follow(l, c, from);
    const struct link_node *last = node->last;
    for (struct link_node *c = node->first; c && !l->trees.full;) {
        struct link_node *next = c == last ? NULL : c->next;
        const struct link_key *k =
            c->key.len ? link_key_of(l, c->doc->source->language, c->setting, LINK_BASE,
                                  NULL)
                       : NULL;
        if (k)
            add_bases(l, node, c->doc, k->spec, c->setting, from);
        if (k && c->doc->source->language == LANGUAGE_PYTHON)
            return; /* settings of NODE may have moved into the base */
        c = next;
    }
}

struct link_node *link_compose(struct linker *l, struct document *doc,
                               const struct setting *root, const struct link_step *from)
{
    if (link_hydra_defaults(doc, root))
        return link_hydra_compose(l, doc, from, NULL);
    struct link_node *node = link_tree_copy(&l->trees, doc, root);
    if (node && node->kind == SETTING_MAP)
        follow(l, node, from);
    return l->trees.full ? NULL : node;
}

/* --- back to what is written --------------------------------------------------------- */

const struct link_step *link_chain(const struct unit *u, const struct document *doc)
{
    for (size_t i = 0; i < u->links.len; i++)
        if (&u->links.at[i]->doc == doc)
            return u->links.at[i]->chain;
    return NULL;
}

/* Where S is written, and by way of which references: the last of them in *CHAIN. */
static const struct setting *place_of(struct unit *u, struct document *doc,
                                      const struct setting *s,
                                      const struct link_step **chain)
{
    for (; s->referred; s = s->referred) {
        struct link_step *step = arena_new(&u->arena, struct link_step);
        struct document *home = s->home ? s->home : doc;
        *step = (struct link_step){home, s->original ? s->original : s,
                                   *chain ? *chain : link_chain(u, home)};
        *chain = step;
    }
    return s;
}

/* The fact's setting as written: behind references, in its own file. */
static void lead_fact_back(struct unit *u, struct fact *f)
{
    const struct link_step *outside = f->chain;
    const struct setting *s = place_of(u, f->doc, f->setting, &f->chain);
    for (const struct link_step *step = f->chain; f->setting->referred && step != outside;
         step = step->from) {
        f->named = step;
        if (step->setting == f->setting || step->setting == f->setting->original)
            break;
    }
    f->doc = s->home ? s->home : f->doc;
    f->setting = s->original ? s->original : s;
    const struct link_step *chain = link_chain(u, f->doc);
    if (chain && f->origin == ORIGIN_EXPLICIT)
        f->origin = ORIGIN_INHERITED;
    if (!f->chain)
        f->chain = chain;
}

static void lead_facts_back(struct unit *u)
{
    for (size_t r = 0; r < u->runs.len; r++)
        for (size_t i = 0; i < u->runs.at[r].facts.len; i++)
            if (u->runs.at[r].facts.at[i].setting)
                lead_fact_back(u, &u->runs.at[r].facts.at[i]);
}

static void lead_back(struct unit *u, struct run *run)
{
    const struct setting *container = run->container;
    size_t root = 0;
    for (size_t i = 0; i < run->whole->tree.roots.len; i++)
        if (container && run->whole->tree.roots.at[i] == setting_root(container))
            root = i;
    run->doc = &u->doc;
    run->container = container && container->home == &u->doc ? container->original
                                                             : u->doc.tree.roots.at[root];
}

static struct document *whole_of(struct linker *l)
{
    struct unit *u = l->unit;
    struct document *whole = arena_new(&u->arena, struct document);
    *whole = u->doc;
    whole->tree = (struct setting_tree){0};
    for (size_t i = 0; i < u->doc.tree.roots.len; i++) {
        struct link_node *n = link_compose(l, &u->doc, u->doc.tree.roots.at[i], NULL);
        if (!n)
            return NULL;
        link_tree_emit(&u->arena, n, &whole->tree);
    }
    return whole;
}

void link_load(struct linker *l, struct document *whole)
{
    struct unit *u = l->unit;
    enum loader loader = bind_loader(l->c->pack, whole, l->c->loader);
    if (u->source.language == LANGUAGE_YAML)
        loader_apply(loader, &u->arena, &u->doc.tree);
    for (size_t i = 0; i < u->links.len; i++) {
        struct linked_file *f = u->links.at[i];
        if (f->source.language == LANGUAGE_YAML)
            loader_apply(loader, &u->arena, &f->doc.tree);
    }
}

static bool bind_linked(struct linker *l)
{
    struct unit *u = l->unit;
    struct document *whole = whole_of(l);
    struct facts joined = {0};
    if (!whole)
        return false;
    const struct framework *own = bind_recognise(l->c->pack, whole);
    link_join(l, whole, &whole->tree, own, &joined);
    link_join_comments(l, &u->doc, &joined);
    if (!u->links.len)
        return false;
    bind_joined(&u->arena, l->c->pack, whole, l->c->loader, &joined, &u->runs);
    for (size_t i = 0; i < u->runs.len; i++)
        lead_back(u, &u->runs.at[i]);
    for (size_t i = 0; l->circular && i < u->links.len; i++)
        u->links.at[i]->part = false; /* of files in a circle none is the whole */
    link_load(l, whole);
    return true;
}

void link_unit(const struct link_context *c, struct unit *unit)
{
    struct arena scratch = {0};
    struct linker l = {
        .c = c, .unit = unit, .scratch = &scratch, .trees = {&scratch, 0, false}};
    gather_keys(&l);
    if (unit->source.language == LANGUAGE_SHELL) {
        link_launch(&l);
    } else if (!has_links(&l) || !bind_linked(&l)) {
        unit->links.len = 0;
        bind_document(&unit->arena, c->pack, &unit->doc, c->loader, &unit->runs);
    }
    lead_facts_back(unit);
    arena_free(&scratch);
}
