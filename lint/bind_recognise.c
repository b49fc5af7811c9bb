/* Which framework wrote the file's names: the first, by falling priority, that has
 * evidence. One pass over the settings makes a set of words, so that most evidence is
 * refused by a few hash lookups. A file that does not train is nobody's: a table without
 * keys recognises such files. */
#include "bind_table.h"

#include "glob.h"
#include "match.h"

#include "banned.h"

struct seen {
    struct document *doc;
    const struct setting *within; /* a command of a script; NULL: the whole document */
    size_t from, to;              /* its settings */
    struct str *words;            /* open addressing; "" is free */
    size_t size;                  /* a power of two */
};

static bool is_signature_or_local(const struct setting *s)
{
    return (s->parent && s->parent->shape == SHAPE_SIGNATURE) ||
           (s->flags & SETTING_STATEMENT);
}

static void see(struct seen *seen, struct str word)
{
    if (!word.len)
        return;
    size_t at = str_hash(word) & (seen->size - 1);
    while (seen->words[at].len && !str_eq(seen->words[at], word))
        at = (at + 1) & (seen->size - 1);
    seen->words[at] = word;
}

static bool has_seen(const struct seen *seen, struct str word)
{
    size_t at = str_hash(word) & (seen->size - 1);
    while (seen->words[at].len && !str_eq(seen->words[at], word))
        at = (at + 1) & (seen->size - 1);
    return seen->words[at].len > 0;
}

static void see_all(struct arena *a, struct seen *seen)
{
    const struct settings *all = &seen->doc->tree.all;
    for (seen->size = 64; seen->size < 4 * (seen->to - seen->from); seen->size *= 2)
        ;
    seen->words = arena_alloc_array(a, seen->size, sizeof *seen->words);
    for (size_t i = seen->from; i < seen->to; i++) {
        struct str last = bind_match_last(all->at[i]->key);
        see(seen, last);
        see(seen, bind_match_word(a, last));
    }
}

/* Somewhere a scalar or a list has this key; a section of that name says nothing. */
static bool has_anywhere(const struct seen *seen, struct str pattern)
{
    if (!has_seen(seen, bind_match_last(pattern)))
        return false;
    const struct settings *all = &seen->doc->tree.all;
    for (size_t i = seen->from; i < seen->to; i++)
        if (all->at[i]->kind != SETTING_MAP && !is_signature_or_local(all->at[i]) &&
            bind_match_key(pattern, all->at[i]))
            return true;
    return false;
}

/* A scalar or a list whose key the regular expression takes whole. */
static bool has_like(struct arena *a, const struct seen *seen, struct str pattern)
{
    const struct pattern *p = match_pattern(
        arena_printf(a, "(?i:%.*s)", STR_ARG(str_slice(pattern, 1, pattern.len - 1))), NULL);
    const struct settings *all = &seen->doc->tree.all;
    for (size_t i = seen->from; p && i < seen->to; i++)
        if (all->at[i]->kind != SETTING_MAP && !is_signature_or_local(all->at[i]) &&
            match_whole(p, bind_match_word(a, bind_match_last(all->at[i]->key))))
            return true;
    return false;
}

static bool has_key(struct arena *a, const struct seen *seen, struct str pattern)
{
    if (bind_match_is_regex(pattern))
        return has_like(a, seen, pattern);
    if (bind_match_is_anywhere(pattern) || seen->within)
        return has_anywhere(seen, pattern);
    if (!has_seen(seen, bind_match_last(pattern)))
        return false;
    const struct settings *roots = &seen->doc->tree.roots;
    for (size_t i = 0; i < roots->len; i++) {
        const struct setting *s = setting_find(roots->at[i], pattern);
        if (s && !is_signature_or_local(s))
            return true;
    }
    return false;
}

/* Of "examples/train.py" the file's name; of "pkg.train" all of it. */
static struct str program(struct str name)
{
    for (size_t i = name.len; i > 0; i--)
        if (name.at[i - 1] == '/')
            return str_slice(name, i, name.len);
    return name;
}

/* Is PATTERN ("train.py", "*_train.py") the file that COMMAND starts, by its path or as a
 * module? */
static bool starts(struct str pattern, struct str command)
{
    struct str name = program(command), file = STR(".py");
    if (glob_match(pattern, name))
        return true;
    return str_ends(pattern, file) && !str_ends(name, file) &&
           glob_match(str_slice(pattern, 0, pattern.len - file.len), bind_match_last(name));
}

/* A name of the program's text, whole: "DataLoader" followed by "("; of a script, a program
 * that it starts. */
static bool calls(const struct seen *seen, struct str name)
{
    for (size_t i = seen->from; i < seen->to; i++) {
        const struct setting *s = seen->doc->tree.all.at[i];
        if (s->shape == SHAPE_CALL && str_eq(bind_match_last(s->name), name))
            return true;
        if (s->shape == SHAPE_COMMAND && starts(name, s->name))
            return true;
    }
    return false;
}

static bool imports(struct arena *a, const struct document *doc, struct str module)
{
    struct str text =
        arena_printf(a, "(?m)^[ \\t]*(?:import|from)[ \\t]+\\Q%.*s\\E\\b", STR_ARG(module));
    const struct pattern *p = match_pattern(text, NULL);
    struct match m;
    return p && match_find(p, doc->masked, 0, &m);
}

static bool text_has(const struct document *doc, struct str regex)
{
    const struct pattern *p = match_pattern(regex, NULL);
    struct match m;
    struct str text =
        doc->source->language == LANGUAGE_PYTHON ? doc->masked : doc->source->text;
    return p && match_find(p, text, 0, &m);
}

static bool path_has(const struct document *doc, struct str regex)
{
    const struct pattern *p = match_pattern(regex, NULL);
    struct match m;
    return p && match_find(p, doc->source->path, 0, &m);
}

static bool has_more(const struct seen *seen, uint32_t most)
{
    uint32_t values = 0;
    for (size_t i = seen->from; i < seen->to && values <= most; i++)
        values += seen->doc->tree.all.at[i]->kind == SETTING_SCALAR;
    return values > most;
}

static bool keys_hold(struct arena *a, const struct seen *seen, const struct evidence *e)
{
    for (uint32_t i = 0; i < e->all_keys.len; i++)
        if (!has_key(a, seen, e->all_keys.at[i]))
            return false;
    uint32_t found = 0, needed = e->at_least ? e->at_least : 1;
    for (uint32_t i = 0; i < e->any_keys.len && found < needed; i++)
        found += has_key(a, seen, e->any_keys.at[i]);
    if (e->any_keys.len && found < needed)
        return false;
    for (uint32_t i = 0; i < e->no_keys.len; i++)
        if (has_key(a, seen, e->no_keys.at[i]))
            return false;
    return !e->at_most || !has_more(seen, e->at_most);
}

static bool code_holds(struct arena *a, const struct seen *seen, const struct evidence *e)
{
    bool called = !e->calls.len, imported = !e->imports.len;
    bool python = seen->doc->source->language == LANGUAGE_PYTHON;
    if ((e->imports.len && !python) || (e->calls.len && !python && !seen->within))
        return false;
    for (uint32_t i = 0; i < e->calls.len && !called; i++)
        called = calls(seen, e->calls.at[i]);
    for (uint32_t i = 0; i < e->imports.len && called && !imported; i++)
        imported = imports(a, seen->doc, e->imports.at[i]);
    return called && imported;
}

static bool holds(struct arena *a, const struct seen *seen, const struct evidence *e)
{
    return keys_hold(a, seen, e) && code_holds(a, seen, e) &&
           (!e->file.len || path_has(seen->doc, e->file)) &&
           (!e->text.len || text_has(seen->doc, e->text));
}

static bool recognises(struct arena *a, const struct seen *seen, const struct framework *f)
{
    if (f->languages && !(f->languages & 1u << seen->doc->source->language))
        return false;
    for (uint32_t i = 0; i < f->evidence.len; i++)
        if (holds(a, seen, &f->evidence.at[i]))
            return true;
    return false;
}

static const struct framework *best_of(struct arena *a, const struct pack *pack,
                                       const struct seen *seen)
{
    const struct framework *best = NULL;
    for (uint32_t i = 0; i < pack->frameworks.len; i++) {
        const struct framework *f = &pack->frameworks.at[i];
        if ((!best || f->priority > best->priority) && recognises(a, seen, f))
            best = f;
    }
    return best && best->bindings.len ? best : NULL;
}

const struct framework *bind_recognise(const struct pack *pack, struct document *doc)
{
    struct arena scratch = {0};
    struct seen seen = {.doc = doc, .to = doc->tree.all.len};
    const struct framework *best = NULL;
    if (doc->source->language == LANGUAGE_SHELL)
        return NULL; /* every command for itself */
    see_all(&scratch, &seen);
    best = best_of(&scratch, pack, &seen);
    if (best && bind_train_shown(&scratch, doc) == BIND_TRAIN_NOT)
        best = NULL;
    arena_free(&scratch);
    return best;
}

const struct framework *bind_recognise_command(const struct pack *pack,
                                               struct document *doc,
                                               const struct setting *command, size_t end)
{
    struct arena scratch = {0};
    struct seen seen = {.doc = doc, .within = command, .from = command->id, .to = end};
    const struct framework *best = NULL;
    if (bind_train_command(command)) {
        see_all(&scratch, &seen);
        best = best_of(&scratch, pack, &seen);
    }
    arena_free(&scratch);
    return best;
}
