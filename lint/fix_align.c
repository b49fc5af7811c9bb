/* Comments that stand in a column stay in it when the value before them gets longer or
 * shorter, as far as the blanks between reach. Only where the line above or below has a
 * comment in the same column: one blank or three are nobody's table. */
#include "fix.h"

#include "banned.h"

static size_t width(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += ((unsigned char)s.at[i] & 0xC0) != 0x80;
    return n;
}

static bool on_one_line(struct str s)
{
    return str_find_byte(s, '\n', 0) == SIZE_MAX && str_find_byte(s, '\r', 0) == SIZE_MAX;
}

static bool has_neighbour(struct document *doc, size_t index)
{
    const struct comments *all = &doc->comments;
    struct place here = source_place(doc->source, all->at[index].span.from);
    for (int step = -1; step <= 1; step += 2) {
        if ((step < 0 && !index) || index + (size_t)step >= all->len)
            continue;
        const struct comment *c = &all->at[index + (size_t)step];
        struct place there = source_place(doc->source, c->span.from);
        if (!c->own_line && there.line + 1 - here.line <= 2 && there.column == here.column)
            return true;
    }
    return false;
}

/* The comment behind AT on its line; the document's comment count when there is none. */
static size_t comment_behind(struct document *doc, uint32_t at)
{
    uint32_t start;
    struct str line = source_line(doc->source, at, &start);
    for (size_t i = 0; i < doc->comments.len; i++) {
        uint32_t from = doc->comments.at[i].span.from;
        if (from >= at)
            return from < start + line.len ? i : doc->comments.len;
    }
    return doc->comments.len;
}

void fix_keep_column(struct arena *a, struct document *doc, struct edits *edits)
{
    struct edit e = edits->at[edits->len - 1];
    struct str old = source_quote(doc->source, e.span), text = doc->source->text;
    int64_t grown = (int64_t)width(e.text) - (int64_t)width(old);
    if (!grown || !on_one_line(old) || !on_one_line(e.text))
        return;
    size_t index = comment_behind(doc, e.span.to);
    if (index == doc->comments.len || doc->comments.at[index].own_line)
        return;
    uint32_t to = doc->comments.at[index].span.from, from = to;
    while (from > e.span.to && text.at[from - 1] == ' ')
        from--;
    bool python = doc->source->language == LANGUAGE_PYTHON;
    int64_t gap = (int64_t)(to - from) - grown;
    if (gap < (python ? 2 : 1) || !has_neighbour(doc, index))
        return;
    struct buf blanks = buf_new(a);
    buf_repeat(&blanks, ' ', (size_t)gap);
    vec_push(a, edits, ((struct edit){e.source, {from, to}, buf_str(&blanks)}));
}
