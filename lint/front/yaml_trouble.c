/* What libyaml could not read, put plainly. Its words name the state its scanner was in; a
 * person wants the cause, which is a tab, a missing quote or a wrong indentation nine times
 * of ten. So each of its sentences has one of ours, and a look at the bytes decides between
 * causes that libyaml does not tell apart. */
#include "yaml.h"

#include <string.h>

#include "../banned.h"

void yaml_problem(struct arena *a, struct document *doc, struct span span,
                  const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str message = arena_vprintf(a, format, args);
    va_end(args);
    struct finding *f =
        finding_add(a, &doc->problems, doc->source, span, "%.*s", STR_ARG(message));
    f->code = STR("SYN001");
    f->rule = STR("syntax-error");
    f->severity = SEVERITY_ERROR;
    doc->broken = true;
}

enum where { HERE, AT_CONTEXT };

static const struct {
    const char *problem, *context; /* "" for any */
    enum where where;
    const char *message;
} PLAINLY[] = {
    {"could not find expected ':'", "", AT_CONTEXT,
     "a ':' is missing behind this key, or the line is indented wrongly"},
    {"found unexpected end of stream", "quoted", AT_CONTEXT,
     "the quote opened here is never closed"},
    {"found unexpected document indicator", "quoted", AT_CONTEXT,
     "the quote opened here is not closed before the document ends"},
    {"did not find expected ',' or ']'", "", AT_CONTEXT,
     "the '[' opened here is not closed, or a ',' is missing inside"},
    {"did not find expected ',' or '}'", "", AT_CONTEXT,
     "the '{' opened here is not closed, or a ',' is missing inside"},
    {"did not find expected '-' indicator", "", HERE,
     "a '-' in the column of the other items is expected here; check the indentation"},
    {"did not find expected <document start>", "", HERE,
     "the document has ended above; check the indentation, or start a new one with ---"},
    {"block sequence entries are not allowed", "", HERE,
     "a list item cannot start here; put it on its own line, below its key"},
    {"mapping keys are not allowed", "", HERE,
     "a '?' key cannot start here; quote the text"},
    {"did not find expected node content", "", HERE, "a value is expected here"},
    {"found unknown escape character", "", HERE,
     "unknown escape in double quotes; write \\\\ for a backslash, or use single quotes"},
    {"violates indentation", "", HERE, "a tab cannot indent YAML; use spaces"},
    {"where an indentation space is expected", "", HERE,
     "a tab cannot indent YAML; use spaces"},
    {"expected alphabetic or numeric character", "alias", AT_CONTEXT,
     "a value that starts with '*' must be quoted, unless it names an anchor"},
    {"expected alphabetic or numeric character", "anchor", AT_CONTEXT,
     "a value that starts with '&' must be quoted, unless it names an anchor"},
    {"found undefined tag handle", "", HERE, "this tag's handle is declared by no %TAG"},
    {"found incompatible YAML document", "", HERE, "only %YAML 1.1 and 1.2 can be read"},
    {"expected comment or line break", "block scalar", HERE,
     "the text of a '|' or '>' block starts on the next line; quote it if it is a value"},
};

static struct str line_up_to(const struct document *doc, uint32_t at)
{
    struct str text = doc->source->text;
    uint32_t from = at;
    while (from > doc->source->body && !yaml_ends_line(text, from))
        from--;
    return str_slice(text, from, at);
}

/* A byte that begins nothing in YAML. */
static const char *bad_start(struct arena *a, const struct document *doc, uint32_t at)
{
    struct str text = doc->source->text;
    char c = at < text.len ? text.at[at] : '\0';
    if (c == '\t')
        return "a tab cannot indent YAML; use spaces";
    if (c == '%' && at && text.at[at - 1] == '{')
        return "a template tag {% %}: the file is YAML only once it is rendered";
    return arena_printf(a, "a value cannot start with '%c'; quote it", c).at;
}

static const char *bad_colon(const struct document *doc, uint32_t at)
{
    struct str line = line_up_to(doc, at);
    if (str_find(line, STR(": "), 0) != SIZE_MAX)
        return "a second ': ' on the line; quote the value";
    if (line.len > 1024)
        return "a key longer than 1024 characters; write it behind '? '";
    return "a key is not expected here; check the indentation of this line and the one "
           "above";
}

/* Something stands behind a value that was complete. */
static const char *bad_key(const struct document *doc, uint32_t at)
{
    struct str line = str_trim(line_up_to(doc, at));
    char c = line.len ? line.at[line.len - 1] : '\0';
    if (c == '\'' || c == '"')
        return "text behind a closing quote; quote the whole value";
    if (c == ']' || c == '}')
        return "text behind a closing bracket; quote the whole value";
    return "a key is expected here; check the indentation";
}

static bool template_before(const struct document *doc, uint32_t at)
{
    uint32_t end = yaml_line_end(doc->source->text, at);
    struct str line = line_up_to(doc, end);
    size_t open = str_find(line, STR("{{"), 0);
    return open != SIZE_MAX && (open == 0 || !strchr("'\"", line.at[open - 1]));
}

static const char *plainly(const struct yaml_trouble *t, enum where *where)
{
    for (size_t i = 0; i < sizeof PLAINLY / sizeof *PLAINLY; i++) {
        if (!strstr(t->problem, PLAINLY[i].problem) ||
            !strstr(t->context, PLAINLY[i].context))
            continue;
        *where = PLAINLY[i].where;
        return PLAINLY[i].message;
    }
    return NULL;
}

static const char *explain(struct arena *a, const struct document *doc,
                           const struct yaml_trouble *t, enum where *where)
{
    if (strstr(t->problem, "cannot start any token"))
        return bad_start(a, doc, t->at);
    if (template_before(doc, t->at) || template_before(doc, t->context_at))
        return "an unquoted template {{ }}; quote the whole value";
    if (strstr(t->problem, "mapping values are not allowed"))
        return bad_colon(doc, t->at);
    if (strstr(t->problem, "did not find expected key"))
        return bad_key(doc, t->at);
    if (strstr(t->problem, "expected node content") && t->at >= doc->source->text.len)
        return "the file ends where a value is expected";
    const char *message = plainly(t, where);
    if (message)
        return message;
    if (!*t->context)
        return t->problem;
    return arena_printf(a, "%s: %s", t->context, t->problem).at;
}

/* A byte that can be shown: not behind the last one, nor a break if there is a text. */
static struct span visible(const struct document *doc, uint32_t at)
{
    struct str text = doc->source->text;
    if (at > text.len)
        at = (uint32_t)text.len;
    if (at == text.len)
        while (at > doc->source->body && strchr(" \t\r\n", text.at[at - 1]))
            at--;
    if (at == text.len && at > doc->source->body) {
        at--;
        while (at > doc->source->body && ((unsigned char)text.at[at] & 0xC0) == 0x80)
            at--;
    }
    return (struct span){at, at < text.len ? at + yaml_width(text, at) : at};
}

void yaml_explain(struct arena *a, struct document *doc, const struct yaml_trouble *t)
{
    enum where where = HERE;
    const char *message = explain(a, doc, t, &where);
    uint32_t at = where == AT_CONTEXT && *t->context ? t->context_at : t->at;
    yaml_problem(a, doc, visible(doc, at), "%s", message);
}
