/* Values that are another setting's: OmegaConf's ${a.b}, HyperPyYAML's !ref <a>, MONAI's
 * @a#b. Only where the whole value is one reference and its target is in the same tree;
 * what needs a program (other resolvers, arithmetic) or the environment of the run stays
 * unknown, but for a default that is given. */
#include "bind_table.h"

#include "banned.h"

enum { DEEPEST = 16 }; /* references to references */

struct reference {
    enum loader loader;
    struct value value;
    struct setting *target; /* NULL: VALUE is written in the reference itself */
};

static bool resolve(enum loader loader, struct setting *s, int depth);

/* --- paths -------------------------------------------------------------------- */

static const struct setting *child_at(const struct setting *s, struct str part)
{
    int64_t n;
    s = setting_resolve(s);
    if (s->kind == SETTING_MAP)
        return setting_child(s, part);
    if (s->kind != SETTING_LIST || !str_to_int(part, &n) || n < 0)
        return NULL;
    const struct setting *item = s->first;
    while (item && n-- > 0)
        item = item->next;
    return item;
}

static bool separates(char c)
{
    return c == '.' || c == '[' || c == ']' || c == '#';
}

/* "a.b[0].c" below S. */
static const struct setting *walk(const struct setting *s, struct str path)
{
    for (size_t from = 0; s && from < path.len;) {
        size_t to = from;
        while (to < path.len && !separates(path.at[to]))
            to++;
        if (to > from)
            s = child_at(s, str_trim(str_slice(path, from, to)));
        from = to + 1;
    }
    return s;
}

/* From the root, or with leading dots from the container of S and those around it. */
static const struct setting *target_of(const struct setting *s, struct str path)
{
    if (!path.len || path.at[0] != '.')
        return walk(setting_root(s), path);
    const struct setting *from = s;
    size_t dots = 0;
    for (; dots < path.len && path.at[dots] == '.'; dots++)
        from = from ? from->parent : NULL;
    return from ? walk(from, str_slice(path, dots, path.len)) : NULL;
}

/* --- references ----------------------------------------------------------------- */

static bool refer_to(struct reference *r, const struct setting *s, struct str path,
                     int depth)
{
    struct setting *target = (struct setting *)target_of(s, path);
    if (!target || target == s || target->kind == SETTING_MAP)
        return false;
    if (target->value.kind == VALUE_UNKNOWN && !resolve(r->loader, target, depth + 1))
        return false;
    r->value = target->value;
    r->target = target;
    return true;
}

/* The end of the reference that TEXT starts with "${": behind its brace. */
static size_t end_of(struct str text)
{
    int open = 0;
    for (size_t i = 0; i < text.len; i++) {
        open += text.at[i] == '{';
        if (text.at[i] == '}' && --open == 0)
            return i + 1;
    }
    return 0;
}

static bool read_text(struct reference *r, const struct setting *s, struct str text,
                      int depth);

static bool is_one_of(struct str name, const char *const *names)
{
    for (; *names; names++)
        if (str_eq(name, str_from(*names)))
            return true;
    return false;
}

/* "oc.env:NAME,default" and its like. */
static bool read_resolver(struct reference *r, const struct setting *s, struct str name,
                          struct str arguments, int depth)
{
    static const char *const ENVIRONMENT[] = {"oc.env", "env", NULL};
    static const char *const SELECT[] = {"oc.select", NULL};
    size_t comma = str_find_byte(arguments, ',', 0);
    bool given = comma != SIZE_MAX;
    struct str first = str_trim(str_slice(arguments, 0, given ? comma : arguments.len));
    struct str fallback = str_trim(str_slice(arguments, given ? comma + 1 : 0, given ? arguments.len : 0));
    bool selects = is_one_of(name, SELECT);
    if (!selects && !is_one_of(name, ENVIRONMENT))
        return false;
    if (selects && refer_to(r, s, first, depth))
        return true;
    return given && read_text(r, s, fallback, depth);
}

static bool read_text(struct reference *r, const struct setting *s, struct str text,
                      int depth)
{
    if (!str_starts(text, STR("${"))) {
        r->value = loader_read(r->loader, text, NULL);
        return r->value.kind != VALUE_UNKNOWN;
    }
    if (end_of(text) != text.len)
        return false;
    struct str inner = str_trim(str_slice(text, 2, text.len - 1));
    size_t colon = str_find_byte(inner, ':', 0);
    if (str_starts(inner, STR("${")))
        return false;
    if (colon == SIZE_MAX)
        return refer_to(r, s, inner, depth);
    return read_resolver(r, s, str_slice(inner, 0, colon),
                         str_slice(inner, colon + 1, inner.len), depth);
}

static bool is_ref_tag(const struct setting *s)
{
    return (s->flags & SETTING_TAGGED) && str_eq(s->tag, STR("!ref"));
}

static bool read_reference(struct reference *r, const struct setting *s, int depth)
{
    struct str text = str_trim(s->text);
    if (is_ref_tag(s))
        return text.len > 2 && text.at[0] == '<' &&
               str_find_byte(text, '>', 0) == text.len - 1 &&
               refer_to(r, s, str_slice(text, 1, text.len - 1), depth);
    if (text.len > 1 && text.at[0] == '@')
        return refer_to(r, s, str_slice(text, 1, text.len), depth);
    return str_starts(text, STR("${")) && read_text(r, s, text, depth);
}

/* Could the value of S be a reference at all? */
static bool may_refer(const struct setting *s)
{
    if (s->kind != SETTING_SCALAR || !s->text.len || s->referred)
        return false;
    return s->value.kind == VALUE_UNKNOWN
               ? s->text.at[0] == '$' || is_ref_tag(s)
               : s->value.kind == VALUE_STRING && s->text.at[0] == '@';
}

static bool resolve(enum loader loader, struct setting *s, int depth)
{
    struct reference r = {.loader = loader};
    if (depth > DEEPEST || !may_refer(s) || !read_reference(&r, s, depth))
        return false;
    s->value = r.value;
    s->referred = r.target;
    if (r.target)
        s->why = NULL;
    return true;
}

void bind_refer(enum loader loader, struct setting_tree *tree)
{
    for (size_t i = 0; i < tree->all.len; i++)
        resolve(loader, tree->all.at[i], 0);
}
