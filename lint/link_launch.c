/* A command of a script starts a program: what it reads is the config that it is given, or
 * else its own defaults, and over those stands what the command says. The launcher in front
 * of it says how many processes there are. */
#include "bind_table.h"
#include "link_work.h"

#include "banned.h"

struct launch {
    struct linker *l;
    const struct setting *command;
    struct facts launcher; /* what stands in front of the program */
    struct facts files;    /* facts of files that flags name */
    bool named;            /* its name or its options say whose program it is */
};

/* --- the launcher --------------------------------------------------------------- */

static void add_launcher(struct launch *x)
{
    struct linker *l = x->l;
    const struct pack *pack = l->c->pack;
    for (uint32_t i = 0; i < pack->frameworks.len; i++) {
        const struct framework *f = &pack->frameworks.at[i];
        if (f->generic && f->languages == 1u << LANGUAGE_SHELL)
            bind_facts(&l->unit->arena, pack, f, &l->unit->doc, x->command, &x->launcher);
    }
}

static bool is_below(const struct setting *s, const struct setting *map)
{
    while (s && s != map)
        s = s->parent;
    return s != NULL;
}

/* The part of a tree that is below a command, as a list to be looked through. */
static struct setting_tree command_tree(struct launch *x)
{
    struct setting_tree out = {0};
    const struct settings *all = &x->l->unit->doc.tree.all;
    for (size_t i = x->command->id; i < all->len && is_below(all->at[i], x->command); i++)
        vec_push(x->l->scratch, &out.all, all->at[i]);
    return out;
}

/* --- what the command says -------------------------------------------------------- */

/* "--batch-size" as a config writes it: batch_size. */
static struct str plain_key(struct linker *l, struct str flag)
{
    struct str key = flag;
    while (key.len && (key.at[0] == '-' || key.at[0] == '+'))
        key = str_slice(key, 1, key.len);
    key = arena_str(&l->unit->arena, key);
    for (size_t i = 0; i < key.len; i++)
        if (key.at[i] == '-')
            ((char *)key.at)[i] = '_';
    return key;
}

static bool is_said(const struct setting *s)
{
    return s->kind != SETTING_MAP && !(s->flags & (SETTING_POSITIONAL | SETTING_OVERRIDDEN));
}

/* The command's flags and overrides over ROOT, a config. */
static void say_to_config(struct launch *x, struct link_node *root)
{
    struct linker *l = x->l;
    for (const struct setting *s = x->command->first; s; s = s->next) {
        struct link_node *n = is_said(s) ? link_tree_copy(&l->trees, &l->unit->doc, s) : NULL;
        if (n)
            link_tree_put_path(&l->trees, root, plain_key(l, s->key), n);
    }
}

static bool same_word(struct str a, struct str b)
{
    while (a.len && a.at[0] == '-')
        a = str_slice(a, 1, a.len);
    while (b.len && b.at[0] == '-')
        b = str_slice(b, 1, b.len);
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (a.at[i] != b.at[i] && !((a.at[i] == '-' || a.at[i] == '_') &&
                                    (b.at[i] == '-' || b.at[i] == '_')))
            return false;
    return a.len > 0;
}

/* Where a program declares the option FLAG: a parser's, or a field of a class. */
static struct link_node *declared(struct link_node *map, struct str flag,
                                  struct link_node **parent)
{
    enum shape shape = setting_resolve(map->setting)->shape;
    for (struct link_node *c = map->first; c; c = c->next) {
        bool here = shape == SHAPE_ARGPARSE || shape == SHAPE_CLASS;
        if (here && same_word(c->key, flag)) {
            *parent = map;
            return c;
        }
        struct link_node *below =
            c->kind == SETTING_MAP ? declared(c, flag, parent) : NULL;
        if (below)
            return below;
    }
    return NULL;
}

static struct link_node *parser_of(struct link_node *root)
{
    for (struct link_node *c = root->first; c; c = c->next)
        if (c->kind == SETTING_MAP && setting_resolve(c->setting)->shape == SHAPE_ARGPARSE)
            return c;
    return root;
}

/* The command's flags over ROOT, a program. */
static void say_to_program(struct launch *x, struct link_node *root)
{
    struct linker *l = x->l;
    for (const struct setting *s = x->command->first; s; s = s->next) {
        struct link_node *n = is_said(s) ? link_tree_copy(&l->trees, &l->unit->doc, s) : NULL;
        struct link_node *parent = parser_of(root);
        if (!n)
            continue;
        struct link_node *old = declared(root, s->key, &parent);
        if (old)
            n->key = old->key;
        link_tree_put(parent, old, n);
    }
}

/* --- what the program reads --------------------------------------------------------- */

static struct str script_path(struct launch *x)
{
    struct linker *l = x->l;
    struct str name = x->command->name, from = l->unit->source.path;
    struct arena *a = &l->unit->arena;
    if (str_ends(name, STR(".py")))
        return link_file_is_path(name) ? link_file_find(a, l->c, from, name, true)
                                       : (struct str){"", 0};
    if (str_find_byte(name, '.', 0) == SIZE_MAX || str_find_byte(name, '/', 0) != SIZE_MAX)
        return (struct str){"", 0};
    struct str path = arena_printf(a, "%.*s.py", STR_ARG(name));
    for (size_t i = 0; i + 3 < path.len; i++)
        if (path.at[i] == '.')
            ((char *)path.at)[i] = '/';
    return link_file_find(a, l->c, from, path, true);
}

static struct linked_file *open_script(struct launch *x)
{
    struct linker *l = x->l;
    struct str path = script_path(x);
    struct linked_file *f = path.len ? link_file_load(&l->unit->arena, l->c, path) : NULL;
    if (!f || f->doc.broken)
        return NULL;
    struct link_step *step = arena_new(&l->unit->arena, struct link_step);
    *step = (struct link_step){&l->unit->doc, x->command, NULL};
    f->chain = step;
    f->part = true;
    vec_push(&l->unit->arena, &l->unit->links, f);
    return f;
}

/* The config among the command's arguments; the last one given counts. */
static struct linked_file *open_config(struct launch *x)
{
    struct linker *l = x->l;
    struct linked_file *found = NULL;
    for (const struct setting *s = x->command->first; s; s = s->next) {
        const struct link_key *k =
            s->kind != SETTING_MAP
                ? link_key_of(l, LANGUAGE_SHELL, s, LINK_CONFIG, NULL)
                : NULL;
        const struct setting *name = s->kind == SETTING_LIST ? s->first : s;
        struct linked_file *f =
            k && name ? link_open(l, &l->unit->doc, k->spec, name, NULL, false) : NULL;
        if (f && !f->doc.broken && f->doc.tree.roots.len)
            found = f;
    }
    return found;
}

/* --- runs ------------------------------------------------------------------------------ */

/* A document of NODE's settings that is read as LIKE is. */
static struct document *document_of(struct launch *x, const struct document *like,
                                    struct link_node *node)
{
    struct arena *a = &x->l->unit->arena;
    struct document *whole = arena_new(a, struct document);
    *whole = *like;
    whole->tree = (struct setting_tree){0};
    link_tree_emit(a, node, &whole->tree);
    return whole;
}

static bool bind_whole(struct launch *x, struct document *whole)
{
    struct linker *l = x->l;
    struct facts joined = {0};
    for (size_t i = 0; i < x->launcher.len; i++)
        vec_push(&l->unit->arena, &joined, x->launcher.at[i]);
    for (size_t i = 0; i < x->files.len; i++)
        vec_push(&l->unit->arena, &joined, x->files.at[i]);
    const struct framework *own = bind_recognise(l->c->pack, whole);
    /* A program of many files tells less of itself than a table that knows its options. */
    bool vague = own && own->generic && whole->source->language == LANGUAGE_PYTHON;
    if (!own || (vague && x->named))
        return false;
    size_t before = l->unit->runs.len;
    link_join(l, whole, &whole->tree, own, &joined);
    bind_joined(&l->unit->arena, l->c->pack, whole, l->c->loader, &joined, &l->unit->runs);
    link_load(l, whole);
    for (size_t i = before; i < l->unit->runs.len; i++) {
        struct run *run = &l->unit->runs.at[i];
        run->doc = &l->unit->doc;
        run->container = x->command;
        if (!run->name.len)
            run->name = x->command->name;
    }
    return l->unit->runs.len > before;
}

static bool run_of_config(struct launch *x)
{
    struct linker *l = x->l;
    struct linked_file *f = open_config(x);
    if (!f)
        return false;
    struct link_node *node = link_compose(l, &f->doc, f->doc.tree.roots.at[0], f->chain);
    if (!node || node->kind != SETTING_MAP)
        return false;
    say_to_config(x, node);
    f->part = bind_whole(x, document_of(x, &f->doc, node));
    return f->part;
}

/* The text between quotes behind NAME= in TEXT; "" when there is none. */
static struct str quoted(struct str text, struct str name)
{
    size_t at = str_find(text, name, 0);
    if (at == SIZE_MAX)
        return (struct str){"", 0};
    at += name.len;
    while (at < text.len && (text.at[at] == ' ' || text.at[at] == '='))
        at++;
    char quote = at < text.len ? text.at[at] : 0;
    size_t to = quote == '"' || quote == '\'' ? str_find_byte(text, quote, at + 1) : SIZE_MAX;
    return to == SIZE_MAX ? (struct str){"", 0} : str_slice(text, at + 1, to);
}

/* The config that @hydra.main of the script F names. */
static struct str hydra_config(struct launch *x, const struct linked_file *f)
{
    struct arena *a = &x->l->unit->arena;
    size_t at = str_find(f->source.text, STR("hydra.main("), 0);
    size_t to = at == SIZE_MAX ? at : str_find(f->source.text, STR("\ndef "), at);
    if (to == SIZE_MAX)
        return (struct str){"", 0};
    struct str call = str_slice(f->source.text, at, to);
    struct str folder = quoted(call, STR("config_path")), name = quoted(call, STR("config_name"));
    if (str_ends(name, STR(".yaml")))
        name = str_slice(name, 0, name.len - strlen(".yaml"));
    if (!name.len)
        return name;
    return link_path(a, arena_printf(a, "%.*s/%.*s/%.*s.yaml",
                                     STR_ARG(str_folder(f->source.path)), STR_ARG(folder),
                                     STR_ARG(name)));
}

static bool run_of_hydra(struct launch *x, struct linked_file *script)
{
    struct linker *l = x->l;
    struct str path = hydra_config(x, script);
    struct linked_file *f =
        path.len ? link_open_path(l, &l->unit->doc, x->command, NULL, path) : NULL;
    if (!f || f->doc.broken || !f->doc.tree.roots.len)
        return false;
    struct link_node *node = link_hydra_compose(l, &f->doc, f->chain, x->command);
    if (!node || l->trees.full)
        return false;
    say_to_config(x, node);
    f->part = bind_whole(x, document_of(x, &f->doc, node));
    return f->part;
}

static bool run_of_script(struct launch *x)
{
    struct linker *l = x->l;
    struct linked_file *f = open_script(x);
    if (!f || !f->doc.tree.roots.len)
        return false;
    if (run_of_hydra(x, f))
        return true;
    struct link_node *node = link_compose(l, &f->doc, f->doc.tree.roots.at[0], f->chain);
    if (!node)
        return false;
    say_to_program(x, node);
    f->part = bind_whole(x, document_of(x, &f->doc, node));
    return f->part;
}

static void run_command(struct linker *l, const struct setting *command)
{
    struct launch x = {.l = l, .command = command};
    struct setting_tree said = command_tree(&x);
    size_t end = command->id + said.all.len;
    const struct framework *own =
        bind_recognise_command(l->c->pack, &l->unit->doc, command, end);
    x.named = own && !own->generic;
    add_launcher(&x);
    link_join(l, &l->unit->doc, &said, NULL, &x.files);
    size_t before = l->unit->runs.len;
    if (run_of_config(&x) || run_of_script(&x))
        return;
    /* Nothing is known of the program but its name and what it is told. */
    bind_command(&l->unit->arena, l->c->pack, &l->unit->doc, command, &x.files,
                 &l->unit->runs);
    for (size_t i = before; i < l->unit->runs.len; i++)
        if (!l->unit->runs.at[i].name.len)
            l->unit->runs.at[i].name = command->name;
}

/* Several runs of one name are told apart by their lines. */
static void name_runs(struct unit *u)
{
    for (size_t i = 0; i < u->runs.len; i++)
        for (size_t k = 0; k < i; k++) {
            struct run *run = &u->runs.at[i];
            if (!str_eq(run->name, u->runs.at[k].name) || !run->container)
                continue;
            struct place p = source_place(&u->source, run->container->key_span.from);
            run->name = arena_printf(&u->arena, "%.*s, line %u", STR_ARG(run->name), p.line);
            break;
        }
    if (u->runs.len == 1)
        u->runs.at[0].name = (struct str){"", 0};
}

void link_launch(struct linker *l)
{
    const struct settings *roots = &l->unit->doc.tree.roots;
    for (size_t r = 0; r < roots->len; r++)
        for (const struct setting *s = roots->at[r]->first; s; s = s->next)
            if (s->shape == SHAPE_COMMAND && s->kind == SETTING_MAP && !l->trees.full)
                run_command(l, s);
    name_runs(l->unit);
}
