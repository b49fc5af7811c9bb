/* The three edits, each one span of bytes. Nothing is laid out anew: a value is replaced
 * where it stands, a key gets a line like its sibling's, a line goes as a whole. Where the
 * place is such that more than those bytes would have to change, the edit is refused. */
#include "yaml.h"

#include <assert.h>
#include <string.h>

#include "../banned.h"

static bool refuse(const char **why_not, const char *reason)
{
    *why_not = reason;
    return false;
}

static bool accept(struct document *doc, struct edit *out, uint32_t from, uint32_t to,
                   struct str text)
{
    *out = (struct edit){doc->source, {from, to}, text};
    return true;
}

/* --- where things stand --------------------------------------------------- */

static uint32_t line_start(const struct document *doc, uint32_t at)
{
    while (at > doc->source->body && !yaml_ends_line(doc->source->text, at))
        at--;
    return at;
}

static uint32_t after_break(const struct document *doc, uint32_t at)
{
    return at + yaml_break_at(doc->source->text, at);
}

static uint32_t skip_blanks(const struct document *doc, uint32_t at)
{
    struct str text = doc->source->text;
    while (at < text.len && yaml_is_blank(text.at[at]))
        at++;
    return at;
}

static bool only_blanks(const struct document *doc, uint32_t from, uint32_t to)
{
    return skip_blanks(doc, from) >= to;
}

/* Nothing but blanks and a comment up to the end of the line. */
static bool rest_is_quiet(const struct document *doc, uint32_t at)
{
    struct str text = doc->source->text;
    at = skip_blanks(doc, at);
    return at == text.len || text.at[at] == '#' || yaml_break_at(text, at);
}

static char byte_at(const struct document *doc, uint32_t at)
{
    return at < doc->source->text.len ? doc->source->text.at[at] : '\0';
}

static bool has_comment(const struct document *doc, struct span span)
{
    for (size_t i = 0; i < doc->comments.len; i++) {
        uint32_t at = doc->comments.at[i].span.from;
        if (at >= span.from && at < span.to)
            return true;
    }
    return false;
}

static bool in_flow(const struct setting *s)
{
    for (; s; s = s->parent)
        if (s->kind != SETTING_SCALAR && s->style == STYLE_FLOW)
            return true;
    return false;
}

/* Between braces; not the one pair of [a: b], even if its key starts with one. */
static bool is_braced(const struct document *doc, const struct setting *map)
{
    uint32_t from = map->value_span.from;
    return byte_at(doc, from) == '{' && (!map->first || map->first->key_span.from > from);
}

/* The end of key and value as written here. */
static uint32_t entry_end(const struct setting *s)
{
    uint32_t end = s->flags & SETTING_ALIAS ? s->alias_span.to : s->value_span.to;
    return end > s->key_span.to ? end : s->key_span.to;
}

/* The leaf whose bytes end the value; a block of text there swallows what follows. */
static const struct setting *last_leaf(const struct setting *s)
{
    while (s->last && !(s->flags & SETTING_ALIAS))
        s = s->last;
    return s;
}

static bool is_text_block(const struct setting *s)
{
    return !(s->flags & SETTING_ALIAS) &&
           (s->style == STYLE_LITERAL || s->style == STYLE_FOLDED);
}

/* '+', '-' or '\0' of a block of text. */
static char chomping(const struct document *doc, const struct setting *s)
{
    uint32_t at = s->value_span.from + 1;
    for (; strchr("123456789+-", byte_at(doc, at)) && byte_at(doc, at); at++)
        if (byte_at(doc, at) == '+' || byte_at(doc, at) == '-')
            return byte_at(doc, at);
    return '\0';
}

static struct str newline_at(const struct document *doc, uint32_t at)
{
    uint32_t n = yaml_break_at(doc->source->text, at);
    bool usual = n && (byte_at(doc, at) == '\n' || byte_at(doc, at) == '\r');
    return usual ? str_slice(doc->source->text, at, at + n) : source_newline(doc->source);
}

/* What stands before column of AT, as blanks: the line's own where it has nothing else. */
static struct str indent_of(struct arena *a, const struct document *doc, uint32_t at)
{
    uint32_t start = line_start(doc, at);
    struct str before = str_slice(doc->source->text, start, at);
    if (only_blanks(doc, start, at))
        return before;
    struct buf b = buf_new(a);
    for (size_t i = 0; i < before.len; i++)
        if (((unsigned char)before.at[i] & 0xC0) != 0x80)
            buf_byte(&b, ' ');
    return buf_str(&b);
}

/* --- replace -------------------------------------------------------------- */

static const char *tag_contradicts(const struct setting *s, struct value *v)
{
    static const struct {
        const char *tag;
        enum value_kind kind;
    } fits[] = {
        {"!!str", VALUE_STRING}, {"!", VALUE_STRING},    {"!!int", VALUE_INT},
        {"!!bool", VALUE_BOOL},  {"!!null", VALUE_NULL}, {"!!float", VALUE_FLOAT},
        {"!!seq", VALUE_LIST},
    };
    if (!(s->flags & SETTING_TAGGED))
        return NULL;
    if (str_eq(s->tag, STR("!!float")) && v->kind == VALUE_INT)
        *v = VALUE_OF_FLOAT((double)v->as.integer);
    for (size_t i = 0; i < sizeof fits / sizeof *fits; i++)
        if (str_eq(s->tag, str_from(fits[i].tag)) && v->kind == fits[i].kind)
            return NULL;
    return "its tag asks for another type";
}

static bool fill_empty(struct arena *a, struct document *doc, const struct setting *s,
                       struct str text, struct edit *out, const char **why_not)
{
    uint32_t at = s->value_span.from;
    if (!s->parent)
        return refuse(why_not, "the document is empty");
    if (s->parent->kind == SETTING_MAP && at <= s->key_span.to)
        return refuse(why_not, "the key has no colon behind it");
    struct buf b = buf_new(a);
    buf_byte(&b, ' ');
    buf_add(&b, text);
    return accept(doc, out, at, at, buf_str(&b));
}

/* A list of lines stays one: same dash column, one item a line. */
static bool replace_block_list(struct arena *a, struct document *doc,
                               const struct setting *s, struct value v,
                               const struct yaml_writing *w, struct edit *out,
                               const char **why_not)
{
    if (v.kind != VALUE_LIST || !v.as.list.len)
        return refuse(why_not, "it is a list written over several lines");
    if (has_comment(doc, s->value_span))
        return refuse(why_not, "a comment stands inside the list");
    struct str indent = indent_of(a, doc, s->value_span.from);
    struct str newline =
        newline_at(doc, yaml_line_end(doc->source->text, s->value_span.from));
    struct buf b = buf_new(a);
    for (size_t i = 0; i < v.as.list.len; i++) {
        if (i) {
            buf_add(&b, newline);
            buf_add(&b, indent);
        }
        buf_cstr(&b, "- ");
        yaml_write(&b, v.as.list.at[i], w);
    }
    return accept(doc, out, s->value_span.from, s->value_span.to, buf_str(&b));
}

static bool holds_anchor(const struct setting *s)
{
    if (s->flags & SETTING_ALIAS)
        return false;
    for (const struct setting *c = s->first; c; c = c->next)
        if (c->flags & SETTING_ANCHORED || holds_anchor(c))
            return true;
    return false;
}

static const char *cannot_replace(const struct document *doc, const struct setting *s,
                                  struct value *v)
{
    if (doc->broken)
        return "the file does not parse";
    if (s->flags & SETTING_ALIAS)
        return "the value is an alias of one written elsewhere";
    if (s->flags & SETTING_MERGE)
        return "it is a merge of another map";
    if (!yaml_can_write(*v))
        return "the wanted value is not known";
    if (s->kind == SETTING_MAP)
        return "it is a map";
    if (is_text_block(s))
        return "it is written as a block of text";
    if (holds_anchor(s))
        return "an alias elsewhere refers to a part of it";
    return tag_contradicts(s, v);
}

bool yaml_edit_replace(struct arena *a, struct document *doc, const struct setting *s,
                       struct value value, struct edit *out, const char **why_not)
{
    const char *reason = cannot_replace(doc, s, &value);
    if (reason)
        return refuse(why_not, reason);
    struct yaml_writing w = yaml_habits(doc, s);
    w.flow = in_flow(s->parent);
    if (s->kind == SETTING_SCALAR && s->style != STYLE_NONE)
        w.style = s->style;
    if (s->kind == SETTING_LIST && s->style != STYLE_FLOW)
        return replace_block_list(a, doc, s, value, &w, out, why_not);
    if (s->kind == SETTING_LIST && has_comment(doc, s->value_span))
        return refuse(why_not, "a comment stands inside the list");
    w.padded = s->kind == SETTING_LIST && byte_at(doc, s->value_span.from + 1) == ' ';
    if (value.kind == VALUE_LIST && s->kind == SETTING_LIST && s->first)
        w.style = s->first->style;
    struct buf b = buf_new(a);
    yaml_write(&b, value, &w);
    if (s->value_span.from == s->value_span.to)
        return fill_empty(a, doc, s, buf_str(&b), out, why_not);
    return accept(doc, out, s->value_span.from, s->value_span.to, buf_str(&b));
}

/* --- insert --------------------------------------------------------------- */

struct insertion_text {
    struct arena *arena;
    struct document *doc;
    struct yaml_writing how;
    enum style key_style;
    struct str key;
    struct value value;
    uint32_t column; /* of the siblings' values, from their keys; 0: none in particular */
};

static uint32_t code_points(struct str s)
{
    uint32_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += ((unsigned char)s.at[i] & 0xC0) != 0x80;
    return n;
}

/* Bytes from key to value, where the value stands on the key's line; else 0. */
static uint32_t value_column(const struct document *doc, const struct setting *s)
{
    struct span lead = {s->key_span.from, s->value_span.from};
    if (s->flags & SETTING_ALIAS || lead.to <= s->key_span.to ||
        yaml_line_end(doc->source->text, lead.from) < lead.to)
        return 0;
    return code_points(source_quote(doc->source, lead));
}

/* The column that the values of MAP stand in, when more than a habitual blank makes it. */
static uint32_t common_column(const struct document *doc, const struct setting *map)
{
    uint32_t column = 0;
    bool padded = false;
    for (const struct setting *s = map->first; s; s = s->next) {
        uint32_t own = value_column(doc, s);
        if (!own)
            continue;
        if (column && own != column)
            return 0;
        column = own;
        padded |= s->value_span.from - s->key_span.to > 2;
    }
    return padded ? column : 0;
}

static void add_pair(struct buf *b, const struct insertion_text *t)
{
    struct yaml_writing w = t->how;
    w.style = t->key_style;
    size_t from = b->len;
    yaml_write_string(b, t->key, &w);
    buf_cstr(b, ": ");
    uint32_t used = code_points(str_slice(buf_str(b), from, b->len));
    if (used < t->column)
        buf_repeat(b, ' ', t->column - used);
    yaml_write(b, t->value, &t->how);
}

/* A sibling's quotes are the habit for keys. */
static enum style key_style(const struct document *doc, const struct setting *sibling)
{
    char c = sibling ? byte_at(doc, sibling->key_span.from) : '\0';
    return c == '"' ? STYLE_DOUBLE : c == '\'' ? STYLE_SINGLE : STYLE_PLAIN;
}

/* Where a line may be added behind the entry, or false when the entry's text would change.
 */
static bool line_behind(const struct document *doc, const struct setting *entry,
                        uint32_t *at, const char **why_not)
{
    struct str text = doc->source->text;
    const struct setting *leaf = last_leaf(entry);
    *at = yaml_line_end(text, entry_end(entry));
    if (!is_text_block(leaf))
        return true;
    if (chomping(doc, leaf) == '+')
        for (uint32_t next; (next = after_break(doc, *at)) > *at; *at = next) {
            uint32_t end = skip_blanks(doc, next);
            if (end < text.len && !yaml_break_at(text, end))
                break;
            next = end;
        }
    if (*at == text.len && !yaml_ends_line(text, *at) && chomping(doc, leaf) != '-')
        return refuse(why_not, "a block of text ends the file without a newline");
    return true;
}

static bool insert_line(const struct insertion_text *t, const struct setting *map,
                        const struct setting *after, struct edit *out, const char **why_not)
{
    uint32_t at;
    if (!line_behind(t->doc, after, &at, why_not))
        return false;
    /* Behind the last blank line of a block of text there is no line to end. */
    bool fresh = at == t->doc->source->text.len && yaml_ends_line(t->doc->source->text, at);
    struct buf b = buf_new(t->arena);
    if (!fresh)
        buf_add(&b, newline_at(t->doc, at));
    buf_add(&b, indent_of(t->arena, t->doc, map->value_span.from));
    add_pair(&b, t);
    if (fresh)
        buf_add(&b, source_newline(t->doc->source));
    return accept(t->doc, out, at, at, buf_str(&b));
}

/* Where the comma behind a flow entry stands; false when there is none. */
static bool comma_behind(const struct document *doc, uint32_t end, uint32_t *comma)
{
    *comma = yaml_skip_space(doc->source->text, end);
    return byte_at(doc, *comma) == ',';
}

static bool insert_flow_line(const struct insertion_text *t, const struct setting *after,
                             struct edit *out)
{
    struct document *doc = t->doc;
    struct str text = doc->source->text;
    uint32_t end = entry_end(after), comma, from = end;
    bool has_comma = comma_behind(doc, end, &comma);
    if (has_comma)
        from = end = comma + 1;
    uint32_t to = yaml_line_end(text, end);
    struct buf b = buf_new(t->arena);
    /* The comma goes before the comment of the line, the new line behind it. */
    if (has_comma)
        from = to;
    else
        buf_byte(&b, ',');
    buf_add(&b, str_slice(text, from, to));
    buf_add(&b, newline_at(doc, to));
    buf_add(&b, indent_of(t->arena, doc, after->key_span.from));
    add_pair(&b, t);
    if (has_comma)
        buf_byte(&b, ',');
    /* Blanks and comment are repeated as they were; without them nothing is replaced. */
    return accept(doc, out, from, to, buf_str(&b));
}

static bool insert_flow(const struct insertion_text *t, const struct setting *map,
                        const struct setting *after, struct edit *out, const char **why_not)
{
    struct document *doc = t->doc;
    uint32_t comma, at = map->value_span.from + 1;
    if (!is_braced(doc, map))
        return refuse(why_not, "the map is a single pair inside of a list");
    struct buf b = buf_new(t->arena);
    if (!map->first) {
        add_pair(&b, t);
        return accept(doc, out, at, at, buf_str(&b));
    }
    at = entry_end(after);
    bool has_comma = comma_behind(doc, at, &comma);
    bool own_line =
        only_blanks(doc, line_start(doc, after->key_span.from), after->key_span.from);
    uint32_t tail = has_comma ? comma + 1 : at;
    bool same_line = !has_comma || yaml_line_end(doc->source->text, at) > comma;
    if (own_line && same_line && rest_is_quiet(doc, tail))
        return insert_flow_line(t, after, out);
    if (has_comma && same_line) {
        buf_byte(&b, ' ');
        add_pair(&b, t);
        buf_byte(&b, ',');
        return accept(doc, out, comma + 1, comma + 1, buf_str(&b));
    }
    buf_cstr(&b, ", ");
    add_pair(&b, t);
    return accept(doc, out, at, at, buf_str(&b));
}

/* How much deeper the file writes its nested maps. */
static size_t indent_step(const struct document *doc)
{
    for (size_t i = 0; i < doc->tree.all.len; i++) {
        const struct setting *s = doc->tree.all.at[i];
        if (s->kind != SETTING_MAP || s->style == STYLE_FLOW || !s->key_span.to ||
            s->flags & SETTING_ALIAS || s->value_span.from < s->key_span.to)
            continue;
        uint32_t inner = line_start(doc, s->value_span.from);
        uint32_t outer = line_start(doc, s->key_span.from);
        size_t in = s->value_span.from - inner, by = s->key_span.from - outer;
        if (inner > outer && in > by && in - by <= 8)
            return in - by;
    }
    return 2;
}

/* `key:` becomes the map that it may be. */
static bool insert_nested(const struct insertion_text *t, const struct setting *s,
                          struct edit *out, const char **why_not)
{
    struct document *doc = t->doc;
    uint32_t at = s->value_span.from;
    struct buf b = buf_new(t->arena);
    if (s->parent->kind == SETTING_MAP && at <= s->key_span.to)
        return refuse(why_not, "the key has no colon behind it");
    if (in_flow(s->parent)) {
        buf_cstr(&b, " {");
        add_pair(&b, t);
        buf_byte(&b, '}');
        return accept(doc, out, at, at, buf_str(&b));
    }
    if (s->parent->kind == SETTING_LIST) {
        if (byte_at(doc, at - 1) != '-')
            return refuse(why_not, "an anchor or tag stands where the map would");
        buf_byte(&b, ' ');
        add_pair(&b, t);
        return accept(doc, out, at, at, buf_str(&b));
    }
    at = yaml_line_end(doc->source->text, at);
    buf_add(&b, newline_at(doc, at));
    buf_add(&b, indent_of(t->arena, doc, s->parent->value_span.from));
    buf_repeat(&b, ' ', indent_step(doc));
    add_pair(&b, t);
    return accept(doc, out, at, at, buf_str(&b));
}

static bool insert_root(const struct insertion_text *t, const struct setting *s,
                        struct edit *out)
{
    struct document *doc = t->doc;
    uint32_t at = s->value_span.from;
    bool fresh = at == doc->source->body || yaml_ends_line(doc->source->text, at);
    struct buf b = buf_new(t->arena);
    if (!fresh)
        buf_add(&b, source_newline(doc->source));
    add_pair(&b, t);
    if (fresh)
        buf_add(&b, source_newline(doc->source));
    return accept(doc, out, at, at, buf_str(&b));
}

static const char *cannot_insert(const struct document *doc, const struct setting *map,
                                 struct str key, struct value value)
{
    if (doc->broken)
        return "the file does not parse";
    if (map->flags & SETTING_ALIAS)
        return "the map is an alias of one written elsewhere";
    if (!yaml_can_write(value))
        return "the wanted value is not known";
    if (map->flags & SETTING_TAGGED && !str_eq(map->tag, STR("!!map")))
        return "its tag asks for another type";
    if (map->kind == SETTING_LIST ||
        (map->kind == SETTING_SCALAR && map->style != STYLE_NONE))
        return "it is not a map";
    for (const struct setting *c = map->first; c; c = c->next)
        if (str_eq(c->key, key) && !(c->flags & SETTING_MERGE))
            return "the key is there already";
    return NULL;
}

bool yaml_edit_insert(struct arena *a, struct document *doc, const struct setting *map,
                      const struct setting *after, struct str key, struct value value,
                      struct edit *out, const char **why_not)
{
    const char *reason = cannot_insert(doc, map, key, value);
    if (reason)
        return refuse(why_not, reason);
    if (!after)
        after = map->last;
    assert(!after || after->parent == map);
    struct insertion_text t = {a,   doc,  yaml_habits(doc, NULL), key_style(doc, after),
                               key, value, 0};
    t.how.flow = in_flow(map);
    if (map->kind == SETTING_MAP && map->style != STYLE_FLOW)
        t.column = common_column(doc, map);
    if (map->kind == SETTING_SCALAR && !map->parent)
        return insert_root(&t, map, out);
    if (map->kind == SETTING_SCALAR) {
        t.how.flow = in_flow(map->parent);
        return insert_nested(&t, map, out, why_not);
    }
    if (map->style == STYLE_FLOW)
        return insert_flow(&t, map, after, out, why_not);
    return insert_line(&t, map, after, out, why_not);
}

/* --- remove --------------------------------------------------------------- */

/* The first byte of the entry: its key, or the mark or anchor before it. */
static bool entry_start(const struct document *doc, const struct setting *s, uint32_t *at)
{
    uint32_t line = line_start(doc, s->key_span.from);
    uint32_t first = skip_blanks(doc, line);
    char c = byte_at(doc, first);
    *at = s->key_span.from;
    if (first == *at || *at == s->parent->value_span.from)
        return true;
    if (c != '?' && c != '&' && c != '!')
        return false;
    *at = first;
    uint32_t map = s->parent->value_span.from;
    return first - line == map - line_start(doc, map);
}

/* The first of `- a: 1` goes by pulling up the second. */
static bool remove_inline(struct document *doc, const struct setting *s, uint32_t from,
                          struct edit *out, const char **why_not)
{
    uint32_t to;
    if (!s->next || !entry_start(doc, s->next, &to))
        return refuse(why_not, "the key shares its line with another one");
    uint32_t quiet = yaml_line_end(doc->source->text, entry_end(s));
    if (has_comment(doc, (struct span){quiet, to}))
        return refuse(why_not, "a comment stands between the key and the next one");
    return accept(doc, out, from, to, STR(""));
}

/* Would the block of text LEAF take in what stands at TO, below the lines removed? */
static bool would_grow(const struct document *doc, const struct setting *leaf,
                       const struct setting *map, uint32_t to)
{
    struct str text = doc->source->text;
    for (uint32_t n, at = to; at < text.len; at += n) {
        uint32_t column = skip_blanks(doc, at) - at;
        at += column;
        n = yaml_break_at(text, at);
        if (!n)
            return column > map->value_span.from - line_start(doc, map->value_span.from);
        if (chomping(doc, leaf) == '+')
            return true;
    }
    return false;
}

static bool remove_lines(struct document *doc, const struct setting *s,
                         const struct setting *before, uint32_t from, struct edit *out,
                         const char **why_not)
{
    struct str text = doc->source->text;
    uint32_t start = line_start(doc, from), end;
    if (!line_behind(doc, s, &end, why_not))
        end = (uint32_t)text.len;
    const struct setting *leaf = before ? last_leaf(before) : NULL;
    bool text_before = leaf && is_text_block(leaf);
    uint32_t to = after_break(doc, end);
    if (text_before && would_grow(doc, leaf, s->parent, to))
        return refuse(why_not, "a block of text before it would grow");
    /* The last line of a file without a final newline takes the break before it along. */
    if (to == end && !yaml_ends_line(text, to) && !text_before)
        start -= start > doc->source->body ? yaml_break_before(text, start) : 0;
    return accept(doc, out, start, to, STR(""));
}

static bool remove_flow(struct document *doc, const struct setting *s,
                        const struct setting *before, struct edit *out,
                        const char **why_not)
{
    struct str text = doc->source->text;
    uint32_t from = s->key_span.from, end = entry_end(s), comma, edge;
    uint32_t floor = before ? entry_end(before) : s->parent->value_span.from + 1;
    bool has_comma = comma_behind(doc, end, &comma);
    edge = before && comma_behind(doc, floor, &edge) ? edge + 1 : floor;
    if (yaml_skip_space(text, edge) != from)
        return refuse(why_not, "something else stands before the key");
    if (has_comma && has_comment(doc, (struct span){end, comma}))
        return refuse(why_not, "a comment stands before the comma");
    uint32_t tail = has_comma ? comma + 1 : end, line = line_start(doc, from);
    uint32_t line_end = yaml_line_end(text, tail);
    if (only_blanks(doc, line, from) && rest_is_quiet(doc, tail) && line_end < text.len)
        return accept(doc, out, line, after_break(doc, line_end), STR(""));
    if (has_comma && before && !s->next && only_blanks(doc, edge, from))
        return accept(doc, out, edge, tail, STR(""));
    if (has_comma)
        return accept(doc, out, from, skip_blanks(doc, tail), STR(""));
    /* The last one takes the comma before it along, if nothing is between. */
    if (before && only_blanks(doc, edge, from))
        from = floor;
    return accept(doc, out, from, end, STR(""));
}

bool yaml_edit_remove(struct arena *a, struct document *doc, const struct setting *s,
                      struct edit *out, const char **why_not)
{
    (void)a;
    const struct setting *before = NULL;
    uint32_t from;
    if (doc->broken)
        return refuse(why_not, "the file does not parse");
    if (!s->parent || s->parent->kind != SETTING_MAP)
        return refuse(why_not, "it is not a key of a map");
    if (s->parent->first == s->parent->last)
        return refuse(why_not, "it is the only key of its map");
    if (s->flags & SETTING_ANCHORED || holds_anchor(s))
        return refuse(why_not, "an alias elsewhere refers to it");
    for (const struct setting *c = s->parent->first; c != s; c = c->next)
        before = c;
    if (s->parent->style == STYLE_FLOW)
        return is_braced(doc, s->parent)
                   ? remove_flow(doc, s, before, out, why_not)
                   : refuse(why_not, "the map is a single pair inside of a list");
    if (!entry_start(doc, s, &from))
        return refuse(why_not, "something else stands before the key");
    if (!only_blanks(doc, line_start(doc, from), from))
        return remove_inline(doc, s, from, out, why_not);
    return remove_lines(doc, s, before, from, out, why_not);
}
