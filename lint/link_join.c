/* Files with a table of their own: DeepSpeed's JSON, accelerate's YAML. Their facts are
 * bound as if they stood alone and handed to the run that names them. */
#include "bind_table.h"
#include "link_work.h"

#include "banned.h"

enum { MOST_JOINED = 8 };

static void add_file(struct linker *l, struct linked_file *f, struct facts *out)
{
    struct arena *a = &l->unit->arena;
    const struct framework *own = bind_recognise(l->c->pack, &f->doc);
    f->part = true;
    if (!own || !f->doc.tree.roots.len)
        return;
    if (f->source.language == LANGUAGE_YAML)
        loader_apply(own->loader, a, &f->doc.tree);
    size_t before = out->len;
    bind_facts(a, l->c->pack, own, &f->doc, f->doc.tree.roots.at[0], out);
    for (size_t i = before; i < out->len; i++)
        out->at[i].chain = f->chain;
    link_join(l, &f->doc, &f->doc.tree, own, out);
}

static void join_setting(struct linker *l, struct document *doc, const struct setting *s,
                         const struct link_spec *spec, struct facts *out)
{
    /* A flag that takes one argument may look as if it took all that follow it. */
    const struct setting *name = s->kind == SETTING_LIST ? s->first : s;
    const struct setting *written = name->original ? name->original : name;
    struct document *home = s->home ? s->home : doc;
    struct linked_file *f =
        link_open(l, home, spec, written, link_chain(l->unit, home), false);
    if (f)
        add_file(l, f, out);
}

void link_join(struct linker *l, struct document *doc, const struct setting_tree *tree,
               const struct framework *own, struct facts *out)
{
    int joined = 0;
    for (size_t i = 0; i < tree->all.len && joined < MOST_JOINED; i++) {
        const struct setting *s = tree->all.at[i];
        if (s->kind == SETTING_MAP || !s->key.len || (s->kind == SETTING_LIST && !s->first))
            continue;
        enum language language = (s->home ? s->home : doc)->source->language;
        if (s->home && language == LANGUAGE_SHELL)
            continue; /* joined with the command */
        const struct link_key *k = link_key_of(l, language, s, LINK_JOIN, own);
        if (!k || (!own && !k->owner->generic))
            continue;
        join_setting(l, doc, s, k->spec, out);
        joined++;
    }
}

/* --- launch lines in comments ------------------------------------------------------ */

/* The word behind FLAG in the comment SPAN; empty when it is not there. */
static struct span argument_of(const struct document *doc, struct span span, struct str flag)
{
    struct str text = source_quote(doc->source, span);
    size_t at = str_find(text, flag, 0);
    if (at == SIZE_MAX)
        return (struct span){0, 0};
    at += flag.len;
    while (at < text.len && (text.at[at] == ' ' || text.at[at] == '='))
        at++;
    size_t to = at;
    while (to < text.len && text.at[to] != ' ' && text.at[to] != '\\' && text.at[to] != '`')
        to++;
    return (struct span){span.from + (uint32_t)at, span.from + (uint32_t)to};
}

static const struct str FLAG = STR_INIT("--config_file");

bool link_join_in_comments(const struct document *doc)
{
    return doc->comments.len && str_find(doc->source->text, FLAG, 0) != SIZE_MAX &&
           str_find(doc->source->text, STR("accelerate launch"), 0) != SIZE_MAX;
}

void link_join_comments(struct linker *l, struct document *doc, struct facts *out)
{
    static const struct link_spec SPEC = {.how = LINK_JOIN, .climb = true};
    for (size_t i = 0; link_join_in_comments(doc) && i < doc->comments.len; i++) {
        struct span span = argument_of(doc, doc->comments.at[i].span, FLAG);
        if (span.from >= span.to)
            continue;
        struct setting *s = arena_new(&l->unit->arena, struct setting);
        s->key = FLAG;
        s->path = s->name = s->tag = (struct str){"", 0};
        s->text = source_quote(doc->source, span);
        s->key_span = s->value_span = span;
        struct linked_file *f = link_open(l, doc, &SPEC, s, NULL, false);
        if (f)
            add_file(l, f, out);
        return;
    }
}
