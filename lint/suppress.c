/* Ignore comments. Every one is read into entries of one rule each; an entry that hides
 * a finding is used. What remains unused is told, unless the rule may still have
 * something to say elsewhere: on another GPU, over the whole project, when selected. */
#include "suppress.h"

#include <assert.h>
#include <string.h>

#include "banned.h"

struct entry {
    struct str name;         /* as written */
    const struct rule *rule; /* NULL: no such rule */
    struct span span;        /* of the name */
    size_t comment;          /* index in `marks` */
    bool used;
};

struct mark { /* one gpulint comment that is well formed */
    const struct comment *comment;
    struct span span; /* from its comment mark to the end */
    struct span list; /* between the brackets */
    uint32_t line;    /* the line it speaks of; 0: the whole file */
    size_t first;     /* of its entries, which lie together */
};

struct state {
    const struct rule_context *c;
    struct unit *unit;
    uint32_t code; /* where the code behind the latest comment begins */
    struct {
        struct entry *at;
        size_t len, cap;
    } entries;
    struct {
        struct mark *at;
        size_t len, cap;
    } marks;
};

/* --- telling -------------------------------------------------------------- */

static struct finding *tell(struct state *s, const char *code, const char *rule,
                            struct span span, struct str message)
{
    struct unit *u = s->unit;
    const struct rule *known = pack_find_rule(s->c->pack, str_from(code));
    enum severity severity = known ? rule_severity(s->c, known) : SEVERITY_WARNING;
    if (severity == SEVERITY_OFF)
        return NULL;
    struct finding *f =
        finding_add(&u->arena, &u->findings, &u->source, span, "%.*s", STR_ARG(message));
    f->code = str_from(code);
    f->rule = str_from(rule);
    f->severity = severity;
    return f;
}

static void malformed(struct state *s, struct span span, struct str message)
{
    struct finding *f = tell(s, "SUP001", "malformed-ignore", span, message);
    if (f)
        f->help = STR("write gpulint: ignore[CODE] or gpulint: file-ignore[CODE]");
}

/* --- reading -------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static uint32_t skip_blanks(struct str text, uint32_t at, uint32_t end)
{
    while (at < end && is_blank(text.at[at]))
        at++;
    return at;
}

/* Where the comment that holds the marker at AT begins: `# tuned by hand  # gpulint:`
 * is two comments to the reader. False when no comment mark stands before it. */
static bool marker_start(const struct source *source, struct span comment, uint32_t at,
                         uint32_t *start)
{
    struct str text = source->text;
    while (at > comment.from && is_blank(text.at[at - 1]))
        at--;
    if (text.at[comment.from + 1] == '*' && at != comment.from + 2)
        return false;
    if (at > comment.from && text.at[at - 1] == '#') {
        while (at > comment.from && text.at[at - 1] == '#')
            at--;
        *start = at;
        return true;
    }
    if (source->language == LANGUAGE_JSON && at >= comment.from + 2 &&
        text.at[at - 2] == '/' && (text.at[at - 1] == '/' || text.at[at - 1] == '*')) {
        *start = at - 2;
        return true;
    }
    return false;
}

/* Where the first code behind the comment stands: neither blank nor a comment. */
static uint32_t next_code(const struct unit *u, const struct comment *c)
{
    struct str text = u->source.text;
    const struct comments *all = &u->doc.comments;
    size_t next = (size_t)(c - all->at) + 1;
    uint32_t at = c->span.to;
    for (; at < text.len; at++) {
        if (next < all->len && at == all->at[next].span.from)
            at = all->at[next++].span.to - 1;
        else if (!is_blank(text.at[at]) && text.at[at] != '\n' && text.at[at] != '\r')
            break;
    }
    return at;
}

/* The line that a comment on its own line speaks of, UINT32_MAX at the end of the file.
 * A run of comments asks once. */
static uint32_t next_code_line(struct state *s, const struct comment *c)
{
    struct unit *u = s->unit;
    if (c->span.to > s->code)
        s->code = next_code(u, c);
    return s->code < u->source.text.len ? source_place(&u->source, s->code).line
                                        : UINT32_MAX;
}

static void add_entry(struct state *s, struct span span)
{
    struct unit *u = s->unit;
    struct str name = source_quote(&u->source, span);
    const struct rule *rule = pack_find_rule(s->c->pack, name);
    if (!rule) {
        malformed(s, span,
                  arena_printf(&u->arena, "no rule is called %.*s", STR_ARG(name)));
        return;
    }
    struct entry *e = vec_add(&u->arena, &s->entries);
    *e = (struct entry){name, rule, span, s->marks.len - 1, false};
}

static void read_list(struct state *s, struct span list)
{
    struct str text = s->unit->source.text;
    for (uint32_t from = list.from; from <= list.to;) {
        uint32_t to = from;
        while (to < list.to && text.at[to] != ',')
            to++;
        struct span name = {skip_blanks(text, from, to), to};
        while (name.to > name.from && is_blank(text.at[name.to - 1]))
            name.to--;
        if (name.to > name.from)
            add_entry(s, name);
        else
            malformed(s, list, STR("a rule is missing between the brackets"));
        from = to + 1;
    }
}

/* What stands behind "gpulint:". */
static void read_order(struct state *s, const struct comment *c, struct span span,
                       uint32_t at)
{
    struct unit *u = s->unit;
    struct str text = u->source.text;
    at = skip_blanks(text, at, c->span.to);
    struct str order = str_slice(text, at, c->span.to);
    bool whole_file = str_starts(order, STR("file-ignore"));
    if (!whole_file && !str_starts(order, STR("ignore"))) {
        malformed(s, span, STR("this gpulint comment is not understood"));
        return;
    }
    at = skip_blanks(text, at + (whole_file ? 11 : 6), c->span.to);
    size_t close = str_find_byte(text, ']', at);
    if (at >= c->span.to || text.at[at] != '[' || close >= c->span.to) {
        malformed(s, span, STR("an ignore names its rules in brackets"));
        return;
    }
    struct mark *m = vec_add(&u->arena, &s->marks);
    *m = (struct mark){c, span, {at + 1, (uint32_t)close}, 0, s->entries.len};
    if (!whole_file)
        m->line = c->own_line ? next_code_line(s, c)
                              : source_place(&u->source, c->span.from).line;
    read_list(s, m->list);
}

static void read_comment(struct state *s, const struct comment *c)
{
    struct str text = source_quote(&s->unit->source, c->span);
    const struct str marker = STR("gpulint:");
    for (size_t at = 0; (at = str_find(text, marker, at)) != SIZE_MAX; at += marker.len) {
        struct span span = {0, c->span.to};
        if (marker_start(&s->unit->source, c->span, c->span.from + (uint32_t)at,
                         &span.from)) {
            read_order(s, c, span, c->span.from + (uint32_t)(at + marker.len));
            return;
        }
    }
}

/* --- hiding --------------------------------------------------------------- */

static bool hides(struct state *s, const struct entry *e, const struct finding *f)
{
    if (!str_eq(f->code, e->rule->code))
        return false;
    uint32_t line = s->marks.at[e->comment].line;
    if (!line)
        return true;
    struct source *source = &s->unit->source;
    uint32_t last = f->span.to > f->span.from ? f->span.to - 1 : f->span.from;
    return source_place(source, f->span.from).line == line ||
           source_place(source, last).line == line;
}

static bool is_hidden(struct state *s, const struct finding *f)
{
    bool hidden = false;
    bool here = str_eq(f->source->path, s->unit->source.path);
    for (size_t i = 0; here && i < s->entries.len; i++)
        if (hides(s, &s->entries.at[i], f))
            s->entries.at[i].used = hidden = true;
    return hidden;
}

static void drop_hidden(struct state *s)
{
    struct findings *all = &s->unit->findings;
    size_t kept = 0;
    for (size_t i = 0; i < all->len; i++)
        if (!is_hidden(s, &all->at[i]))
            all->at[kept++] = all->at[i];
    all->len = kept;
}

/* --- what hid nothing ----------------------------------------------------- */

/* A card that happens to be in this machine says nothing of the others. */
static bool gpus_were_detected(const struct rule_context *c)
{
    for (size_t i = 0; c->targets && i < c->targets->len; i++)
        if (str_eq(c->targets->at[i].how, STR("detected")))
            return true;
    return false;
}

/* Could the rule still speak here under another invocation? Then nothing is said. */
static bool is_unused(const struct state *s, const struct entry *e)
{
    const struct rule *r = e->rule;
    if (s->unit->part && r->scope == RULE_RUN)
        return false; /* it hides what other files' runs raise here */
    return !e->used && r->scope != RULE_PROJECT && !r->preview && !r->profiles.len &&
           !str_starts(r->code, STR("SUP")) && rule_severity(s->c, r) != SEVERITY_OFF &&
           !(r->per_gpu && gpus_were_detected(s->c));
}

/* The whole comment: with its line when it stands alone, else with the blanks before. */
static struct span comment_with_space(const struct state *s, const struct mark *m)
{
    struct str text = s->unit->source.text;
    struct span out = m->span;
    while (out.from > s->unit->source.body && is_blank(text.at[out.from - 1]))
        out.from--;
    if (!m->comment->own_line || m->span.from != m->comment->span.from)
        return out;
    while (out.to < text.len && is_blank(text.at[out.to]))
        out.to++;
    if (out.to < text.len && text.at[out.to] == '\r')
        out.to++;
    if (out.to < text.len && text.at[out.to] == '\n')
        out.to++;
    return out;
}

static bool of_mark(const struct state *s, size_t entry, size_t mark)
{
    return entry < s->entries.len && s->entries.at[entry].comment == mark;
}

/* The list without the unused names; empty when none is left. */
static struct str list_left(struct state *s, size_t mark)
{
    struct buf b = buf_new(&s->unit->arena);
    for (size_t i = s->marks.at[mark].first; of_mark(s, i, mark); i++) {
        const struct entry *e = &s->entries.at[i];
        if (is_unused(s, e))
            continue;
        if (b.len)
            buf_cstr(&b, ", ");
        buf_add(&b, e->name);
    }
    return buf_str(&b);
}

static struct fix *removal(struct state *s, size_t mark, bool depends_on_gpu)
{
    struct arena *a = &s->unit->arena;
    const struct mark *m = &s->marks.at[mark];
    struct str left = list_left(s, mark);
    struct fix *fix = arena_new(a, struct fix);
    fix->safety = depends_on_gpu ? FIX_UNSAFE : FIX_SAFE;
    fix->reason = depends_on_gpu ? STR("it may be needed for another GPU") : STR("");
    fix->description =
        left.len ? STR("shorten the ignore comment") : STR("remove the ignore comment");
    struct edit *e = vec_add(a, &fix->edits);
    *e = (struct edit){&s->unit->source, m->list, left};
    if (!left.len)
        e->span = comment_with_space(s, m);
    return fix;
}

static void tell_unused(struct state *s, size_t mark)
{
    struct unit *u = s->unit;
    struct buf names = buf_new(&u->arena);
    struct span span = {0, 0};
    bool depends_on_gpu = false;
    for (size_t i = s->marks.at[mark].first; of_mark(s, i, mark); i++) {
        const struct entry *e = &s->entries.at[i];
        if (!is_unused(s, e))
            continue;
        if (!names.len)
            span.from = e->span.from;
        span.to = e->span.to;
        depends_on_gpu |= e->rule->per_gpu;
        buf_printf(&names, "%s%.*s", names.len ? ", " : "", STR_ARG(e->name));
    }
    if (!names.len)
        return;
    struct finding *f = tell(s, "SUP002", "unused-ignore", span,
                             arena_printf(&u->arena, "the ignore of %.*s hides nothing%s",
                                          STR_ARG(buf_str(&names)),
                                          depends_on_gpu ? " on the GPUs checked" : ""));
    if (f && !u->doc.broken)
        f->fix = removal(s, mark, depends_on_gpu);
}

/* file-ignore[SUP001] and the like: is there one? */
static bool ignores_comments(const struct state *s)
{
    for (size_t i = 0; i < s->entries.len; i++)
        if (str_starts(s->entries.at[i].rule->code, STR("SUP")))
            return true;
    return false;
}

/* What comments in the files that UNIT's runs include hide; the comments themselves are
 * judged where those files are linted. */
static void apply_linked(const struct rule_context *c, struct unit *unit)
{
    for (size_t i = 0; i < unit->links.len; i++) {
        const struct linked_file *f = unit->links.at[i];
        if (str_find(f->source.text, STR("gpulint:"), 0) == SIZE_MAX)
            continue;
        struct unit other = {.source = f->source, .doc = f->doc};
        struct state s = {.c = c, .unit = &other};
        for (size_t k = 0; k < f->doc.comments.len; k++)
            read_comment(&s, &f->doc.comments.at[k]);
        other.findings = unit->findings;
        drop_hidden(&s);
        unit->findings.len = other.findings.len;
        arena_free(&other.arena);
    }
}

void suppress_apply(const struct rule_context *c, struct unit *unit)
{
    apply_linked(c, unit);
    if (str_find(unit->source.text, STR("gpulint:"), 0) == SIZE_MAX)
        return;
    struct state s = {.c = c, .unit = unit};
    struct findings found = unit->findings;
    unit->findings = (struct findings){0};
    for (size_t i = 0; i < unit->doc.comments.len; i++)
        read_comment(&s, &unit->doc.comments.at[i]);
    struct findings about_comments = unit->findings;
    unit->findings = found;
    drop_hidden(&s);
    for (size_t i = 0; i < about_comments.len; i++)
        vec_push(&unit->arena, &unit->findings, about_comments.at[i]);
    bool complete = !c->only_some && !unit->doc.broken && !unit->failed;
    for (size_t i = 0; complete && i < s.marks.len; i++)
        tell_unused(&s, i);
    if (ignores_comments(&s))
        drop_hidden(&s);
}
