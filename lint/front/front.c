/* Dispatch by language, and what all front ends share. */
#include "notebook.h"

#include <assert.h>

#include "../banned.h"

#define FRONT(language, name) extern const struct front front_##name;
#include "front.def"
#undef FRONT

const struct front *front_of(enum language language)
{
    switch (language) {
#define FRONT(language, name)                                                           \
    case LANGUAGE_##language:                                                           \
        return &front_##name;
#include "front.def"
#undef FRONT
    default:
        return NULL;
    }
}

static bool decodable(struct arena *a, struct document *doc)
{
    struct source *s = doc->source;
    uint32_t at = s->encoding == ENCODING_BROKEN ? s->bad_byte : 0;
    uint32_t end = at < s->text.len ? at + 1 : at;
    const char *what = NULL;
    if (s->encoding == ENCODING_BROKEN)
        what = "not UTF-8 from here on";
    else if (s->encoding != ENCODING_UTF8)
        what = "UTF-16 and UTF-32 files are not read; save the file as UTF-8";
    if (!what)
        return true;
    struct finding *f = finding_add(a, &doc->problems, s, (struct span){at, end}, "%s", what);
    f->code = STR("SYN001");
    f->rule = STR("syntax-error");
    f->severity = SEVERITY_ERROR;
    doc->broken = true;
    return false;
}

void front_parse(struct arena *a, struct source *source, struct document *doc)
{
    *doc = (struct document){.source = source};
    if (!decodable(a, doc) ||
        (source->language == LANGUAGE_NOTEBOOK && !notebook_open(a, doc)))
        return;
    const struct front *front = front_of(source->language);
    assert(front);
    front->parse(a, doc);
}

/* Blocks nest and stand in order of their start: the last that starts before OFFSET holds
 * it, or one around that does. */
uint32_t front_block_at(const struct document *doc, uint32_t offset)
{
    size_t low = 0, high = doc->blocks.len;
    while (low + 1 < high) {
        size_t middle = low + (high - low) / 2;
        if (doc->blocks.at[middle].span.from <= offset)
            low = middle;
        else
            high = middle;
    }
    uint32_t at = (uint32_t)low;
    while (at && offset >= doc->blocks.at[at].span.to)
        at = doc->blocks.at[at].parent;
    return at;
}

unsigned front_kinds_at(const struct document *doc, uint32_t offset)
{
    if (!doc->blocks.len)
        return 0;
    unsigned kinds = 0;
    for (uint32_t i = front_block_at(doc, offset);; i = doc->blocks.at[i].parent) {
        kinds |= doc->blocks.at[i].kinds;
        if (i == 0)
            return kinds;
    }
}
