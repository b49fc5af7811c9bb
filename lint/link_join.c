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
