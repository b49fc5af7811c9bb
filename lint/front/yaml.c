/* Settings out of libyaml's events. libyaml knows what a text means; where it stands we
 * must find out ourselves, because its marks count code points, include anchors and
 * tags, and put the end of a block at the next token. So every mark becomes a byte by a
 * cursor that walks along with the events, the ends of blocks are the end of the last
 * thing read, and comments are what is left in the gaps between scalars. */
#include "yaml.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "../banned.h"

enum { MAX_SETTINGS = 500000 };

struct anchor {
    struct str name;
    struct setting *setting; /* NULL: the anchor stands on a key or inside of one */
    enum setting_kind kind;
    enum style style;
    struct str text;
    struct span span;
    struct anchor *older; /* same bucket */
};

struct frame {
    struct setting *setting;
    struct str key; /* of a map: read, its value not yet */
    struct span key_span;
    bool have_key, merge;
};

struct parse {
    struct arena *arena;
    struct document *doc;
    struct str text;
    uint32_t base; /* byte of code point 0 */
    bool ascii;    /* code points are bytes */
    size_t index;  /* cursor: this code point ... */
    uint32_t byte; /* ... is at this byte */
    uint32_t gap;  /* bytes before are scalars or searched for comments */
    uint32_t last; /* end of the last thing that is no comment */
    struct frame stack[SETTING_MAX_DEPTH];
    size_t depth;
    size_t skip; /* open collections of a complex key, which has no settings */
    uint32_t skip_from;
    struct anchor **buckets;
    size_t bucket_count, anchor_count;
    bool cut, stop;
};

static uint32_t byte_of(struct parse *p, size_t index)
{
    if (p->ascii)
        return p->base + (uint32_t)index;
    for (; p->index < index && p->byte < p->text.len; p->index++)
        p->byte += yaml_width(p->text, p->byte);
    for (; p->index > index && p->byte > p->base; p->index--)
        do
            p->byte--;
        while (p->byte > p->base && ((unsigned char)p->text.at[p->byte] & 0xC0) == 0x80);
    return p->byte;
}

/* --- comments ------------------------------------------------------------ */

static void add_comment(struct parse *p, uint32_t from, uint32_t to)
{
    uint32_t line = from;
    while (line > p->base && yaml_is_blank(p->text.at[line - 1]))
        line--;
    bool own = line == p->base || yaml_ends_line(p->text, line);
    vec_push(p->arena, &p->doc->comments, ((struct comment){{from, to}, own}));
}

/* A '#' that continues a word (in a tag or a directive) is no comment. */
static bool continues_word(const struct parse *p, uint32_t at)
{
    if (at == p->base)
        return false;
    char c = p->text.at[at - 1];
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           c == '/' || c == '%' || c == '_';
}

static void search_gap(struct parse *p, uint32_t to)
{
    uint32_t at = p->gap;
    while (at < to) {
        char c = p->text.at[at];
        if (c == '#' && !continues_word(p, at)) {
            uint32_t end = yaml_line_end(p->text, at);
            if (end > to)
                end = to;
            add_comment(p, at, end);
            at = end;
        } else if (c == '!' || c == '&') {
            at = yaml_skip_word(p->text, at);
        } else {
            at++;
        }
    }
    if (to > p->gap)
        p->gap = to;
}

static void pass_scalar(struct parse *p, struct span span)
{
    search_gap(p, span.from);
    if (span.to > p->gap)
        p->gap = span.to;
}

/* --- spans --------------------------------------------------------------- */

/* The first byte behind at most one anchor and one tag. */
static uint32_t skip_properties(struct parse *p, uint32_t at, bool anchor, bool tag)
{
    for (;;) {
        uint32_t next = yaml_skip_space(p->text, at);
        char c = next < p->text.len ? p->text.at[next] : '\0';
        if (c == '&' && anchor)
            anchor = false;
        else if (c == '!' && tag)
            tag = false;
        else
            return next;
        at = yaml_skip_word(p->text, next);
    }
}

static bool spans_lines(struct str text, struct span span)
{
    struct str s = str_slice(text, span.from, span.to);
    return s.len && (memchr(s.at, '\n', s.len) || memchr(s.at, '\r', s.len));
}

/* A block scalar without the blank lines that libyaml swallows behind it. */
static struct span trim_block(struct parse *p, struct span span)
{
    uint32_t head = yaml_line_end(p->text, span.from), to = span.to;
    while (to > head) {
        uint32_t line = to;
        while (line > head && yaml_is_blank(p->text.at[line - 1]))
            line--;
        if (!yaml_ends_line(p->text, line))
            return (struct span){span.from, to};
        to = line - yaml_break_before(p->text, line);
    }
    to = span.from + 1;
    while (to < head && strchr("+-0123456789", p->text.at[to]))
        to++;
    return (struct span){span.from, to};
}

static enum style style_of(yaml_scalar_style_t style)
{
    switch (style) {
    case YAML_SINGLE_QUOTED_SCALAR_STYLE:
        return STYLE_SINGLE;
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
        return STYLE_DOUBLE;
    case YAML_LITERAL_SCALAR_STYLE:
        return STYLE_LITERAL;
    case YAML_FOLDED_SCALAR_STYLE:
        return STYLE_FOLDED;
    default:
        return STYLE_PLAIN;
    }
}

/* --- anchors ------------------------------------------------------------- */

static struct anchor *find_anchor(struct parse *p, struct str name)
{
    if (!p->bucket_count)
        return NULL;
    struct anchor *a = p->buckets[str_hash(name) % p->bucket_count];
    while (a && !str_eq(a->name, name))
        a = a->older;
    return a;
}

static void grow_buckets(struct parse *p)
{
    size_t count = p->bucket_count ? p->bucket_count * 4 : 64;
    struct anchor **fresh = arena_alloc_array(p->arena, count, sizeof *fresh);
    for (size_t i = 0; i < p->bucket_count; i++) {
        struct anchor *next;
        /* Buckets hold the newest first; pushing in reverse order would mix that up,
         * but no bucket holds a name twice (add_anchor reuses the entry). */
        for (struct anchor *a = p->buckets[i]; a; a = next) {
            next = a->older;
            size_t slot = str_hash(a->name) % count;
            a->older = fresh[slot];
            fresh[slot] = a;
        }
    }
    p->buckets = fresh;
    p->bucket_count = count;
}

static struct anchor *add_anchor(struct parse *p, const yaml_char_t *name)
{
    struct str s = str_from((const char *)name);
    struct anchor *a = find_anchor(p, s);
    if (!a) {
        if (p->anchor_count++ >= p->bucket_count)
            grow_buckets(p);
        a = arena_new(p->arena, struct anchor);
        size_t slot = str_hash(s) % p->bucket_count;
        a->older = p->buckets[slot];
        p->buckets[slot] = a;
        a->name = arena_str(p->arena, s);
    }
    a->setting = NULL;
    a->kind = SETTING_SCALAR;
    a->style = STYLE_NONE;
    a->text = (struct str){"", 0};
    return a;
}

static void forget_anchors(struct parse *p)
{
    p->buckets = NULL;
    p->bucket_count = p->anchor_count = 0;
}

/* --- tree ---------------------------------------------------------------- */

static struct frame *top(struct parse *p)
{
    return p->depth ? &p->stack[p->depth - 1] : NULL;
}

static bool wants_key(struct parse *p)
{
    struct frame *f = top(p);
    return f && f->setting->kind == SETTING_MAP && !f->have_key;
}

/* A new value: the child of the open collection, or a root. */
static struct setting *place(struct parse *p, enum setting_kind kind)
{
    struct frame *f = top(p);
    struct setting_tree *tree = &p->doc->tree;
    if (!f)
        return setting_add(p->arena, tree, NULL, kind, STR(""), (struct span){0, 0});
    struct setting *s = setting_add(p->arena, tree, f->setting, kind, f->key, f->key_span);
    if (f->merge)
        s->flags |= SETTING_MERGE;
    f->have_key = f->merge = false;
    f->key = STR("");
    f->key_span = (struct span){0, 0};
    return s;
}

static void set_key(struct parse *p, struct str key, struct span span, bool merge)
{
    struct frame *f = top(p);
    f->key = key;
    f->key_span = span;
    f->have_key = true;
    f->merge = merge;
}

static void set_tag(struct parse *p, struct setting *s, const yaml_char_t *tag)
{
    static const char core[] = "tag:yaml.org,2002:";
    struct str t = str_from((const char *)tag);
    if (str_starts(t, STR("tag:yaml.org,2002:")))
        s->tag =
            arena_printf(p->arena, "!!%.*s", STR_ARG(str_slice(t, sizeof core - 1, t.len)));
    else
        s->tag = arena_str(p->arena, t);
    s->flags |= SETTING_TAGGED;
}

/* --- events -------------------------------------------------------------- */

/* Nothing written: the place is behind the colon, or the key where there is no colon;
 * libyaml's mark may be at the next token, lines below. */
static struct span empty_place(struct parse *p, uint32_t from, uint32_t to)
{
    struct frame *f = top(p);
    if (from == to && !p->skip && f && f->have_key) {
        uint32_t colon = yaml_skip_space(p->text, f->key_span.to);
        to = f->key_span.to;
        if (colon < p->text.len && p->text.at[colon] == ':')
            to = colon + 1;
    }
    return (struct span){to, to};
}

static struct span scalar_span(struct parse *p, const yaml_event_t *e)
{
    uint32_t from = byte_of(p, e->start_mark.index), to = byte_of(p, e->end_mark.index);
    enum style style = style_of(e->data.scalar.style);
    if (style == STYLE_PLAIN && !e->data.scalar.length)
        return empty_place(p, from, to);
    from = skip_properties(p, from, true, true);
    struct span span = {from < to ? from : to, to};
    if (style == STYLE_LITERAL || style == STYLE_FOLDED)
        span = trim_block(p, span);
    return span;
}

/* The line of a '|' or '>' may end in a comment, the only one inside of a scalar. */
static void pass_block_head(struct parse *p, uint32_t from)
{
    uint32_t end = yaml_line_end(p->text, from);
    size_t mark = str_find_byte(str_slice(p->text, from, end), '#', 0);
    search_gap(p, from);
    if (mark != SIZE_MAX)
        add_comment(p, from + (uint32_t)mark, end);
    p->gap = end;
}

/* libyaml drops the tag "!", which makes a string of a scalar. */
static bool has_lone_tag(struct parse *p, uint32_t at, uint32_t to)
{
    while ((at = yaml_skip_space(p->text, at)) < to) {
        uint32_t end = yaml_skip_word(p->text, at);
        if (p->text.at[at] == '!' && end == at + 1)
            return true;
        at = end;
    }
    return false;
}

static void fill_scalar(struct parse *p, struct setting *s, const yaml_event_t *e)
{
    uint32_t start = byte_of(p, e->start_mark.index);
    if (spans_lines(p->text, s->value_span))
        s->flags |= SETTING_MULTILINE;
    if (e->data.scalar.tag)
        set_tag(p, s, e->data.scalar.tag);
    else if (start < s->value_span.from && has_lone_tag(p, start, s->value_span.from))
        set_tag(p, s, (const yaml_char_t *)"!");
}

static void on_scalar(struct parse *p, const yaml_event_t *e)
{
    struct span span = scalar_span(p, e);
    enum style style = style_of(e->data.scalar.style);
    bool block = style == STYLE_LITERAL || style == STYLE_FOLDED;
    bool nothing = style == STYLE_PLAIN && !e->data.scalar.length;
    struct str text = arena_str(
        p->arena, (struct str){(const char *)e->data.scalar.value, e->data.scalar.length});
    if (block)
        pass_block_head(p, span.from);
    if (!nothing)
        pass_scalar(p, span);
    if (span.to > p->last)
        p->last = span.to;
    struct anchor *anchor =
        e->data.scalar.anchor ? add_anchor(p, e->data.scalar.anchor) : NULL;
    if (nothing)
        style = STYLE_NONE;
    if (anchor) {
        anchor->style = style;
        anchor->text = text;
        anchor->span = span;
    }
    if (p->skip)
        return;
    if (wants_key(p)) {
        set_key(p, text, span, style == STYLE_PLAIN && str_eq(text, STR("<<")));
        return;
    }
    struct setting *s = place(p, SETTING_SCALAR);
    s->text = text;
    s->style = style;
    s->value_span = span;
    fill_scalar(p, s, e);
    if (anchor)
        anchor->setting = s;
}

static void on_alias(struct parse *p, const yaml_event_t *e)
{
    struct span span = {byte_of(p, e->start_mark.index), byte_of(p, e->end_mark.index)};
    struct str name = str_from((const char *)e->data.alias.anchor);
    struct anchor *anchor = find_anchor(p, name);
    pass_scalar(p, span);
    p->last = span.to;
    if (!anchor)
        yaml_problem(p->arena, p->doc, span, "there is no anchor &%.*s above this alias",
                     STR_ARG(name));
    if (anchor && anchor->setting)
        anchor->setting->flags |= SETTING_ANCHORED;
    if (p->skip)
        return;
    if (wants_key(p)) {
        set_key(p, anchor ? anchor->text : STR(""), span, false);
        return;
    }
    struct setting *s = place(p, anchor ? anchor->kind : SETTING_SCALAR);
    s->flags |= SETTING_ALIAS;
    s->alias_span = s->value_span = span;
    if (!anchor)
        return;
    s->text = anchor->text;
    s->style = anchor->style;
    s->value_span = anchor->span;
    struct setting *from = anchor->setting;
    if (!from)
        return;
    s->tag = from->tag;
    s->flags |= from->flags & (SETTING_TAGGED | SETTING_MULTILINE);
    if (s->kind != SETTING_SCALAR)
        s->target = from;
}

static void too_much(struct parse *p, uint32_t at, const char *what)
{
    uint32_t end = at < p->text.len ? at + 1 : at;
    yaml_problem(p->arena, p->doc, (struct span){at, end}, "%s", what);
    p->stop = true;
}

static void on_start(struct parse *p, const yaml_event_t *e)
{
    bool map = e->type == YAML_MAPPING_START_EVENT;
    const yaml_char_t *name =
        map ? e->data.mapping_start.anchor : e->data.sequence_start.anchor;
    const yaml_char_t *tag = map ? e->data.mapping_start.tag : e->data.sequence_start.tag;
    bool flow = map ? e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE
                    : e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE;
    uint32_t from = byte_of(p, e->start_mark.index);
    from = skip_properties(p, from, name != NULL, tag != NULL);
    struct anchor *anchor = name ? add_anchor(p, name) : NULL;
    if (anchor)
        anchor->kind = map ? SETTING_MAP : SETTING_LIST;
    if (p->skip || wants_key(p)) {
        if (!p->skip++)
            p->skip_from = from;
        if (p->skip > SETTING_MAX_DEPTH)
            too_much(p, from, "nested too deeply");
        return;
    }
    if (p->depth == SETTING_MAX_DEPTH) {
        too_much(p, from, "nested more than 200 levels deep; the rest is not read");
        return;
    }
    struct setting *s = place(p, map ? SETTING_MAP : SETTING_LIST);
    s->style = flow ? STYLE_FLOW : STYLE_NONE;
    s->value_span = (struct span){from, from};
    if (tag)
        set_tag(p, s, tag);
    if (anchor) {
        anchor->setting = s;
        anchor->style = s->style;
    }
    p->stack[p->depth++] = (struct frame){.setting = s, .key = STR("")};
}

static void on_end(struct parse *p, const yaml_event_t *e)
{
    /* A closing bracket has a width; the end of a block, or of the one pair in [a: b],
     * stands at the next token. */
    uint32_t from = byte_of(p, e->start_mark.index), to = byte_of(p, e->end_mark.index);
    char close = e->type == YAML_MAPPING_END_EVENT ? '}' : ']';
    uint32_t start = p->skip ? p->skip_from : top(p)->setting->value_span.from;
    char open = start < p->text.len ? p->text.at[start] : '\0';
    bool bracket = to > from && p->text.at[from] == close &&
                   (p->skip || (top(p)->setting->style == STYLE_FLOW &&
                                open == (close == '}' ? '{' : '[')));
    if (bracket)
        p->last = to;
    if (p->skip) {
        if (--p->skip == 0)
            set_key(p, STR(""), (struct span){p->skip_from, p->last}, false);
        return;
    }
    struct setting *s = p->stack[--p->depth].setting;
    if (p->last > start)
        s->value_span.to = p->last;
    if (spans_lines(p->text, s->value_span))
        s->flags |= SETTING_MULTILINE;
    if (s->kind == SETTING_MAP)
        yaml_mark_duplicates(p->arena, p->doc->source, s);
}

static void on_event(struct parse *p, const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        on_scalar(p, e);
        break;
    case YAML_ALIAS_EVENT:
        on_alias(p, e);
        break;
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        on_start(p, e);
        break;
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        on_end(p, e);
        break;
    case YAML_DOCUMENT_START_EVENT:
        forget_anchors(p);
        break;
    case YAML_STREAM_END_EVENT:
        search_gap(p, (uint32_t)p->text.len);
        p->stop = true;
        break;
    default:
        break;
    }
    if (p->doc->tree.all.len > MAX_SETTINGS && !p->stop)
        too_much(p, p->last, "more than 500000 values; the rest is not read");
}

/* --- the whole ----------------------------------------------------------- */

/* What libyaml could not read, told at the byte where it stands. */
static void on_error(struct parse *p, const yaml_parser_t *parser)
{
    struct yaml_trouble t = {
        .problem = parser->problem ? parser->problem : "cannot be read",
        .context = parser->context ? parser->context : "",
    };
    if (parser->error == YAML_READER_ERROR) {
        t.at = (uint32_t)parser->problem_offset;
    } else {
        t.at = byte_of(p, parser->problem_mark.index);
        t.context_at = parser->context ? byte_of(p, parser->context_mark.index) : t.at;
    }
    search_gap(p, t.at < p->text.len ? t.at : (uint32_t)p->text.len);
    /* Where the text was cut, an end that comes too early is no trouble of its own. */
    if (!p->cut || t.at < p->text.len)
        yaml_explain(p->arena, p->doc, &t);
}

/* Open collections end where reading did. */
static void close_open(struct parse *p)
{
    while (p->depth) {
        struct setting *s = p->stack[--p->depth].setting;
        if (p->last > s->value_span.from)
            s->value_span.to = p->last;
        if (spans_lines(p->text, s->value_span))
            s->flags |= SETTING_MULTILINE;
        if (s->kind == SETTING_MAP)
            yaml_mark_duplicates(p->arena, p->doc->source, s);
    }
}

/* What an alias to a collection shows is known only when that has ended. */
static void finish_aliases(struct setting_tree *tree)
{
    for (size_t i = 0; i < tree->all.len; i++) {
        struct setting *s = tree->all.at[i];
        if (!s->target)
            continue;
        s->value_span = s->target->value_span;
        s->flags |= s->target->flags & (SETTING_MULTILINE | SETTING_TAGGED);
    }
}

static void run_parser(struct parse *p, yaml_parser_t *parser)
{
    while (!p->stop) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            on_error(p, parser);
            return;
        }
        on_event(p, &event);
        yaml_event_delete(&event);
    }
}

/* Byte of the first character that YAML does not allow, or the length. *ASCII tells
 * whether there is anything but ASCII before it. */
static uint32_t find_forbidden(struct str s, uint32_t from, bool *ascii)
{
    *ascii = true;
    for (uint32_t at = from, width; at < s.len; at += width) {
        const unsigned char *c = (const unsigned char *)s.at + at;
        width = yaml_width(s, at);
        bool control = width == 1 && (*c < 0x20 || *c == 0x7F) && !strchr("\t\n\r", *c);
        bool c1 = width == 2 && c[0] == 0xC2 && c[1] < 0xA0 && c[1] != 0x85;
        bool none = width == 3 && c[0] == 0xEF && c[1] == 0xBF && c[2] > 0xBD;
        if (control || c1 || none || !*c)
            return at;
        if (width > 1)
            *ascii = false;
    }
    return (uint32_t)s.len;
}

/* libyaml decodes far ahead and would give nothing of a file with one bad character, so it
 * gets the lines before that only. */
static void cut_at_forbidden(struct parse *p)
{
    uint32_t at = find_forbidden(p->text, p->base, &p->ascii);
    if (at == p->text.len)
        return;
    struct span span = {at, at + yaml_width(p->text, at)};
    unsigned last = (unsigned char)p->text.at[span.to - 1];
    yaml_problem(p->arena, p->doc, span, "the character U+%04X is not allowed",
                 span.to - at == 3 ? 0xFFC0 | (last & 0x3F) : last);
    p->cut = true;
    while (at > p->base && !yaml_ends_line(p->text, at))
        at--;
    p->text.len = at;
}

static void parse(struct arena *a, struct document *doc)
{
    struct source *source = doc->source;
    struct parse *p = arena_new(a, struct parse);
    p->arena = a;
    p->doc = doc;
    p->text = source->text;
    p->base = p->byte = p->gap = p->last = source->body;
    cut_at_forbidden(p);
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        too_much(p, p->base, "out of memory");
        return;
    }
    /* The BOM goes in too: libyaml strips it uncounted, and a second one it counts. */
    yaml_parser_set_input_string(&parser, (const unsigned char *)p->text.at, p->text.len);
    run_parser(p, &parser);
    yaml_parser_delete(&parser);
    close_open(p);
    finish_aliases(&doc->tree);
    if (!doc->tree.roots.len && !doc->broken) {
        struct setting *root = place(p, SETTING_SCALAR);
        uint32_t end = (uint32_t)p->text.len;
        root->value_span = (struct span){end, end};
    }
}

const struct front front_yaml = {LANGUAGE_YAML, parse, yaml_edit_replace, yaml_edit_insert,
                                 yaml_edit_remove, NULL};

const char *yaml_library(void)
{
    return yaml_get_version_string();
}
