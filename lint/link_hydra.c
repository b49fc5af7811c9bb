/* Hydra's composition: a list of defaults names a file per group, each stands at the
 * package of its group, later over earlier, the file itself at _self_. Choices made by
 * `override` and on the command line count before anything is composed. */
#include "link_work.h"

#include "banned.h"

enum { DEEPEST = 8 };

struct entry {
    struct str group;  /* "/" separated; "" for a file beside */
    struct str option; /* file name without suffix */
    struct str package;
    bool has_package, absolute, override;
    const struct setting *setting; /* the option */
};

struct choice {
    struct str group, option;
    const struct setting *setting;
    struct document *doc;
    const struct link_step *from;
};

struct hydra {
    struct linker *l;
    struct str root; /* the folder of configs */
    struct {
        struct choice *at;
        size_t len, cap;
    } choices;
    bool visiting; /* only choices are looked for */
};

const struct setting *link_hydra_defaults(const struct document *doc,
                                          const struct setting *root)
{
    const struct setting *s =
        doc->source->language == LANGUAGE_YAML && root->kind == SETTING_MAP
            ? setting_child(root, STR("defaults"))
            : NULL;
    return s && s->kind == SETTING_LIST && s->parent == root ? s : NULL;
}

/* --- entries ---------------------------------------------------------------------- */

static struct str drop_word(struct str s, struct str word, bool *found)
{
    *found = str_starts(s, word);
    return *found ? str_trim(str_slice(s, word.len, s.len)) : s;
}

/* "override /data@train" */
static void read_group(struct entry *e, struct str key)
{
    bool optional;
    key = drop_word(str_trim(key), STR("optional "), &optional);
    key = drop_word(key, STR("override "), &e->override);
    size_t at = str_find_byte(key, '@', 0);
    e->has_package = at != SIZE_MAX;
    if (e->has_package)
        e->package = str_slice(key, at + 1, key.len);
    e->group = str_slice(key, 0, e->has_package ? at : key.len);
    e->absolute = e->group.len && e->group.at[0] == '/';
    if (e->absolute)
        e->group = str_slice(e->group, 1, e->group.len);
}

static struct str option_of(struct str text)
{
    text = str_trim(text);
    if (str_ends(text, STR(".yaml")))
        text = str_slice(text, 0, text.len - 5);
    return text;
}

/* False for what names no file: null, ???, an interpolation. */
static bool is_option(const struct setting *s)
{
    struct str text = str_trim(s->text);
    bool plain = s->style == STYLE_PLAIN || s->style == STYLE_NONE;
    bool null = plain && (!text.len || str_eq(text, STR("null")) || str_eq(text, STR("~")));
    return s->kind == SETTING_SCALAR && !null && link_file_is_path(text) &&
           !str_eq(text, STR("???"));
}

static void read_file_entry(struct entry *e, const struct setting *s)
{
    struct str text = option_of(s->text);
    size_t slash = SIZE_MAX;
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] == '/')
            slash = i;
    *e = (struct entry){.setting = s, .option = text, .group = {"", 0}};
    if (slash == SIZE_MAX)
        return;
    read_group(e, str_slice(text, 0, slash));
    e->option = str_slice(text, slash + 1, text.len);
}

/* --- packages ---------------------------------------------------------------------- */

/* What "# @package X" at the top of DOC says; "" when it is not there. */
static struct str header_of(const struct document *doc)
{
    struct str mark = STR("@package");
    for (size_t i = 0; i < doc->comments.len && i < 8; i++) {
        struct str text = source_quote(doc->source, doc->comments.at[i].span);
        size_t at = str_find(text, mark, 0);
        if (at != SIZE_MAX)
            return str_trim(str_slice(text, at + mark.len, text.len));
    }
    return (struct str){"", 0};
}

static struct str join_package(struct arena *a, struct str outer, struct str inner)
{
    if (!outer.len || !inner.len)
        return outer.len ? outer : inner;
    return arena_printf(a, "%.*s.%.*s", STR_ARG(outer), STR_ARG(inner));
}

static struct str dotted(struct arena *a, struct str group)
{
    struct str copy = arena_str(a, group);
    for (size_t i = 0; i < copy.len; i++)
        if (copy.at[i] == '/')
            ((char *)copy.at)[i] = '.';
    return copy;
}

/* Where the file of E stands, in a config that stands at OUTER. */
static struct str package_of(struct hydra *h, const struct entry *e,
                             const struct document *doc, struct str outer)
{
    struct arena *a = &h->l->unit->arena;
    struct str header = header_of(doc), own = dotted(a, e->group);
    if (e->has_package) {
        struct str global = STR("_global_");
        if (str_starts(e->package, global))
            return str_slice(e->package, global.len + (e->package.len > global.len),
                             e->package.len);
        return str_eq(e->package, STR("_here_")) ? outer
                                                 : join_package(a, outer, e->package);
    }
    if (str_starts(header, STR("_global_")))
        return (struct str){"", 0};
    if (header.len && !str_eq(header, STR("_group_")))
        return header;
    return e->absolute ? own : join_package(a, outer, own);
}

/* --- choices ------------------------------------------------------------------------ */

static const struct choice *choice_of(const struct hydra *h, struct str group)
{
    const struct choice *found = NULL;
    for (size_t i = 0; i < h->choices.len; i++)
        if (str_eq(h->choices.at[i].group, group))
            found = &h->choices.at[i];
    return found;
}

/* The group of E from the root of all configs, for a file in FOLDER. */
static struct str full_group(struct hydra *h, const struct entry *e, struct str folder)
{
    struct arena *a = &h->l->unit->arena;
    struct str inside = {"", 0};
    if (str_starts(folder, h->root) && folder.len > h->root.len)
        inside = str_slice(folder, h->root.len + 1, folder.len);
    if (e->absolute || !inside.len || !e->group.len)
        return e->group;
    return arena_printf(a, "%.*s/%.*s", STR_ARG(inside), STR_ARG(e->group));
}

/* --- files --------------------------------------------------------------------------- */

static struct link_node *compose_file(struct hydra *h, struct document *doc,
                                      const struct link_step *from, struct str package,
                                      int depth);

static struct linked_file *open_entry(struct hydra *h, struct document *doc,
                                      const struct entry *e, struct str folder,
                                      const struct link_step *from)
{
    struct linker *l = h->l;
    struct arena *a = &l->unit->arena;
    struct str top = e->absolute ? h->root : folder;
    struct str path = link_path(a, arena_printf(a, "%.*s/%.*s/%.*s.yaml", STR_ARG(top),
                                                STR_ARG(e->group), STR_ARG(e->option)));
    return link_open_path(l, doc, e->setting, from, path);
}

/* NODE's settings in the map PACKAGE of a tree of their own. */
static struct link_node *wrap(struct hydra *h, struct link_node *node, struct str package)
{
    if (!package.len)
        return node;
    struct link_trees *t = &h->l->trees;
    struct link_node *root = link_tree_empty(t, node->doc, node->setting), *at = root;
    for (size_t from = 0; at && from <= package.len;) {
        size_t dot = str_find_byte(package, '.', from);
        size_t to = dot == SIZE_MAX ? package.len : dot;
        struct str part = str_slice(package, from, to);
        if (to == package.len) {
            node->key = part;
            link_tree_put(at, NULL, node);
        } else {
            at = link_tree_map(t, at, node, part);
        }
        from = to + 1;
    }
    return root;
}

/* Lays NEXT over what is composed so far. */
static struct link_node *over(struct link_node *so_far, struct link_node *next)
{
    if (!so_far || !next)
        return next ? next : so_far;
    link_tree_under(next, so_far, (struct str){"", 0});
    return next;
}

static struct link_node *add_entry(struct hydra *h, struct document *doc, struct entry e,
                                   const struct link_step *from, struct str package,
                                   int depth)
{
    struct str folder = link_path(&h->l->unit->arena, str_folder(doc->source->path));
    struct str group = full_group(h, &e, folder);
    const struct choice *choice = e.group.len ? choice_of(h, group) : NULL;
    if (e.override) {
        struct choice c = {group, e.option, e.setting, doc, from};
        if (h->visiting)
            vec_push(h->l->scratch, &h->choices, c);
        return NULL;
    }
    if (choice) {
        e.option = choice->option;
        e.setting = choice->setting;
    }
    struct linked_file *f =
        open_entry(h, choice ? choice->doc : doc, &e, folder, choice ? choice->from : from);
    if (!f || !f->doc.tree.roots.len || f->doc.broken)
        return NULL;
    f->part = true;
    return compose_file(h, &f->doc, f->chain, package_of(h, &e, &f->doc, package), depth + 1);
}

/* One item of the list: "name", {group: option} or {group: [options]}. */
static struct link_node *add_item(struct hydra *h, struct document *doc,
                                  const struct setting *item, const struct link_step *from,
                                  struct str package, int depth)
{
    struct entry e = {.group = {"", 0}};
    struct link_node *all = NULL;
    if (item->kind == SETTING_SCALAR && is_option(item)) {
        read_file_entry(&e, item);
        return add_entry(h, doc, e, from, package, depth);
    }
    const struct setting *pair = item->kind == SETTING_MAP ? item->first : NULL;
    if (!pair)
        return NULL;
    read_group(&e, pair->key);
    struct str folder = link_path(&h->l->unit->arena, str_folder(doc->source->path));
    bool chosen = choice_of(h, full_group(h, &e, folder)) != NULL;
    const struct setting *option = pair->kind == SETTING_LIST ? pair->first : pair;
    for (; option; option = pair->kind == SETTING_LIST ? option->next : NULL) {
        e.setting = option;
        e.option = option_of(option->text);
        if (is_option(option) || chosen)
            all = over(all, add_entry(h, doc, e, from, package, depth));
    }
    return all;
}

static struct link_node *compose_file(struct hydra *h, struct document *doc,
                                      const struct link_step *from, struct str package,
                                      int depth)
{
    const struct setting *root = doc->tree.roots.at[0], *item;
    const struct setting *defaults = link_hydra_defaults(doc, root);
    struct link_node *all = NULL, *self = link_tree_copy(&h->l->trees, doc, root);
    bool placed = false;
    if (!self || self->kind != SETTING_MAP || depth > DEEPEST)
        return NULL;
    self = wrap(h, self, package);
    for (item = defaults ? defaults->first : NULL; item; item = item->next) {
        bool here = item->kind == SETTING_SCALAR && str_eq(item->text, STR("_self_"));
        if (here) {
            all = over(all, self);
            placed = true;
        } else {
            all = over(all, add_item(h, doc, item, from, package, depth));
        }
    }
    return placed ? all : over(all, self);
}

static void add_command(struct hydra *h, const struct setting *command)
{
    struct linker *l = h->l;
    for (const struct setting *s = command ? command->first : NULL; s; s = s->next) {
        struct str key = s->key;
        while (key.len && key.at[0] == '+')
            key = str_slice(key, 1, key.len);
        struct choice c = {key, option_of(s->text), s, &l->unit->doc, NULL};
        if (s->kind == SETTING_SCALAR && is_option(s))
            vec_push(l->scratch, &h->choices, c);
    }
}

/* +group=option adds a group that the list of defaults does not have. */
static struct link_node *add_more(struct hydra *h, struct document *doc,
                                  const struct setting *command, struct link_node *all)
{
    for (const struct setting *s = command ? command->first : NULL; s; s = s->next) {
        if (!s->key.len || s->key.at[0] != '+' || s->kind != SETTING_SCALAR || !is_option(s))
            continue;
        struct entry e = {.option = option_of(s->text), .absolute = true, .setting = s};
        read_group(&e, str_slice(s->key, 1, s->key.len));
        e.absolute = true;
        all = over(all, add_entry(h, doc, e, NULL, (struct str){"", 0}, 0));
    }
    return all;
}

struct link_node *link_hydra_compose(struct linker *l, struct document *doc,
                                     const struct link_step *from,
                                     const struct setting *command)
{
    struct arena *a = &l->unit->arena;
    struct hydra h = {.l = l, .root = link_path(a, str_folder(doc->source->path))};
    size_t files = l->unit->links.len, nodes = l->trees.nodes;
    add_command(&h, command);
    h.visiting = true;
    add_more(&h, doc, command, compose_file(&h, doc, from, (struct str){"", 0}, 0));
    h.visiting = false;
    add_command(&h, command); /* it has the last word */
    l->unit->links.len = files;
    l->trees.nodes = nodes;
    return add_more(&h, doc, command,
                    compose_file(&h, doc, from, (struct str){"", 0}, 0));
}
