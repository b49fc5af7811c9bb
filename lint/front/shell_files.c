/* Files that hold shell text beside other things: Makefiles, Dockerfiles, .env files. */
#include <stdlib.h>
#include <string.h>

#include "shell_run.h"
#include "../banned.h"

/* --- lines ------------------------------------------------------------------- */

struct lines {
    struct shell *s;
    uint32_t at;
    struct span line; /* without its break; holds those of continuations */
};

static uint32_t line_end(const struct shell *s, uint32_t at)
{
    size_t to = str_find_byte(s->text, '\n', at);
    return to == SIZE_MAX ? (uint32_t)s->text.len : (uint32_t)to;
}

/* The next line with what continues it. */
static bool next_line(struct lines *l)
{
    struct str text = l->s->text;
    if (l->at >= text.len)
        return false;
    uint32_t from = l->at, to = line_end(l->s, from);
    for (;;) {
        uint32_t end = to;
        while (end > from && (text.at[end - 1] == '\r' || (l->s->dialect == SHELL_DOCKER && text.at[end - 1] == ' ')))
            end--;
        if (end == from || text.at[end - 1] != '\\' || to >= text.len)
            break;
        to = line_end(l->s, to + 1);
    }
    l->at = to < text.len ? to + 1 : to;
    while (to > from && text.at[to - 1] == '\r')
        to--;
    l->line = (struct span){from, to};
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static uint32_t skip_blanks(const struct shell *s, uint32_t at, uint32_t end)
{
    while (at < end && is_blank(s->text.at[at]))
        at++;
    return at;
}

static struct span trimmed(const struct shell *s, struct span span)
{
    span.from = skip_blanks(s, span.from, span.to);
    while (span.to > span.from && (is_blank(s->text.at[span.to - 1]) || s->text.at[span.to - 1] == '\r'))
        span.to--;
    return span;
}

static void comment(struct shell *s, uint32_t from, uint32_t to, bool own_line)
{
    *vec_add(s->arena, &s->doc->comments) = (struct comment){{from, to}, own_line};
}

static struct str word_at(const struct shell *s, uint32_t at, uint32_t end)
{
    uint32_t to = at;
    while (to < end && !is_blank(s->text.at[to]))
        to++;
    return str_slice(s->text, at, to);
}

/* --- Makefiles ----------------------------------------------------------------- */

struct make {
    struct lines lines;
    uint32_t region;
    bool define;
};

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* NAME ?= value, also behind "target:". */
static void make_assignment(struct make *m, uint32_t at, uint32_t end)
{
    struct shell *s = m->lines.s;
    uint32_t equals = at;
    bool exported = false, of_target = false;
    while (equals < end && s->text.at[equals] != '=' && s->text.at[equals] != '#')
        equals++;
    if (equals >= end || s->text.at[equals] == '#')
        return;
    uint32_t to = equals;
    while (to > at && strchr(":+?!", s->text.at[to - 1]))
        to--;
    char how = to < equals ? s->text.at[to] : '=';
    struct span name = trimmed(s, (struct span){at, to});
    uint32_t first = name.to;
    while (first > name.from && is_name(s->text.at[first - 1]))
        first--;
    struct str before = str_slice(s->text, name.from, first);
    exported = str_eq(str_trim(before), STR("export"));
    of_target = str_find_byte(before, ':', 0) != SIZE_MAX;
    name.from = first;
    if (name.from == name.to || (before.len && !exported && !of_target && !str_eq(str_trim(before), STR("override"))))
        return;
    uint32_t hash = equals + 1;
    while (hash < end && s->text.at[hash] != '#')
        hash++;
    struct span value = trimmed(s, (struct span){equals + 1, hash});
    if (hash < end)
        comment(s, hash, end, false);
    enum shell_binding_kind kind = how == '+' ? SHELL_APPEND : how == '!' || of_target ? SHELL_OPAQUE : SHELL_VALUE;
    shell_bind(s, m->region, kind, name, value)->exported |= exported;
}

/* ifeq, else, endif; false when LINE is none of them. */
static bool make_condition(struct make *m, struct str word)
{
    struct shell *s = m->lines.s;
    uint32_t parent = s->regions.at[m->region].parent;
    if (str_eq(word, STR("ifeq")) || str_eq(word, STR("ifneq")) || str_eq(word, STR("ifdef")) ||
        str_eq(word, STR("ifndef"))) {
        m->region = shell_region(s, shell_region(s, m->region, SHELL_IF), SHELL_BRANCH);
    } else if (str_eq(word, STR("else"))) {
        if (m->region)
            m->region = shell_region(s, parent, SHELL_BRANCH);
    } else if (str_eq(word, STR("endif"))) {
        m->region = m->region ? s->regions.at[parent].parent : 0;
    } else {
        return false;
    }
    return true;
}

static void make_line(struct make *m)
{
    struct shell *s = m->lines.s;
    struct span line = m->lines.line;
    uint32_t at = skip_blanks(s, line.from, line.to);
    struct str word = word_at(s, at, line.to);
    if (m->define || str_eq(word, STR("define"))) {
        m->define = !str_eq(word, STR("endef"));
    } else if (line.from < line.to && s->text.at[line.from] == '\t') {
        while (at < line.to && strchr("@-+ \t", s->text.at[at]))
            at++;
        shell_read(s, (struct span){at, line.to}, shell_region(s, m->region, SHELL_BRANCH));
    } else if (at < line.to && s->text.at[at] == '#') {
        comment(s, at, line.to, true);
    } else if (!make_condition(m, word)) {
        make_assignment(m, at, line.to);
    }
}

void shell_make(struct shell *s)
{
    struct make m = {.lines = {.s = s, .at = s->doc->source->body}};
    while (!s->broken && next_line(&m.lines))
        make_line(&m);
    /* Recipes run when the whole file has been read. */
    for (size_t i = 0; i < s->commands.len; i++)
        s->commands.at[i].bindings = (uint32_t)s->bindings.len;
}

/* --- Dockerfiles ------------------------------------------------------------------ */

struct docker {
    struct lines lines;
    uint32_t stage;
    struct shell_arguments entry, command; /* in exec form */
    bool shell_form; /* the entry point is shell text: CMD is nothing to it */
};

/* ["python", "train.py"]: its strings, when none of them has an escape. */
static bool exec_form(struct shell *s, struct span span, struct shell_arguments *out)
{
    struct str text = s->text;
    out->len = 0;
    for (uint32_t at = span.from + 1; at < span.to; at++) {
        char c = text.at[at];
        if (c == ']')
            return true;
        if (strchr(" \t\r\n\\,", c))
            continue;
        if (c != '"')
            return false;
        size_t to = str_find_byte(str_slice(text, 0, span.to), '"', at + 1);
        if (to == SIZE_MAX || memchr(text.at + at, '\\', to - at))
            return false;
        struct shell_chars all = {0};
        for (uint32_t i = at + 1; i < to; i++)
            *vec_add(s->scratch, &all) = (struct shell_char){.span = {i, i + 1}, .c = text.at[i], .quote = '"'};
        struct shell_argument *a = vec_add(s->scratch, out);
        *a = (struct shell_argument){all.at, (uint32_t)all.len, str_slice(text, at + 1, to), {at, (uint32_t)to + 1}, false};
        at = (uint32_t)to;
    }
    return false;
}

/* What the image starts: the entry point with the command behind it. */
static void end_stage(struct docker *d)
{
    struct shell *s = d->lines.s;
    struct shell_arguments all = {0};
    struct shell_prefixes none = {0};
    for (size_t i = 0; i < d->entry.len; i++)
        vec_push(s->scratch, &all, d->entry.at[i]);
    for (size_t i = 0; i < d->command.len && !d->shell_form; i++)
        vec_push(s->scratch, &all, d->command.at[i]);
    shell_note_exports(s);
    if (all.len)
        shell_run(s, &all, &none, d->stage, (uint32_t)s->bindings.len);
    d->entry.len = d->command.len = 0;
    d->shell_form = false;
}

/* ENV A=b C="d e", or ENV A everything behind it. */
static void docker_env(struct docker *d, struct span rest, bool exported)
{
    struct shell *s = d->lines.s;
    uint32_t at = rest.from, n = (uint32_t)shell_name(str_slice(s->text, at, rest.to));
    if (n && at + n < rest.to && is_blank(s->text.at[at + n])) {
        struct span value = trimmed(s, (struct span){at + n, rest.to});
        shell_bind(s, d->stage, SHELL_VALUE, (struct span){at, at + n}, value)->exported = exported;
        return;
    }
    struct shell_tokens words = {0};
    if (!shell_lex(s, rest, &words))
        return;
    for (size_t i = 0; i < words.len; i++) {
        struct span w = words.at[i].span;
        n = (uint32_t)shell_name(source_quote(s->doc->source, w));
        if (words.at[i].kind != SHELL_WORD || !n || w.from + n >= w.to || s->text.at[w.from + n] != '=')
            continue;
        struct span value = {w.from + n + 1, w.to};
        shell_bind(s, d->stage, SHELL_VALUE, (struct span){w.from, w.from + n}, value)->exported |= exported;
    }
}

static void docker_run(struct docker *d, struct span rest, struct str name)
{
    struct shell *s = d->lines.s;
    bool entry = str_eq_nocase(name, STR("ENTRYPOINT")), run = str_eq_nocase(name, STR("RUN"));
    while (run && str_starts(str_slice(s->text, rest.from, rest.to), STR("--"))) {
        while (rest.from < rest.to && !is_blank(s->text.at[rest.from]))
            rest.from++;
        rest.from = skip_blanks(s, rest.from, rest.to);
    }
    if (rest.from < rest.to && s->text.at[rest.from] == '[') {
        struct shell_arguments *list = entry ? &d->entry : &d->command;
        struct shell_arguments own = {0};
        if (!exec_form(s, rest, run ? &own : list))
            list->len = 0;
        shell_note_exports(s);
        if (run && own.len)
            shell_run(s, &own, &(struct shell_prefixes){0}, d->stage, (uint32_t)s->bindings.len);
        return;
    }
    d->shell_form |= entry;
    shell_read(s, rest, shell_region(s, d->stage, SHELL_BRANCH));
}

static void docker_line(struct docker *d)
{
    struct shell *s = d->lines.s;
    struct span line = d->lines.line;
    uint32_t at = skip_blanks(s, line.from, line.to);
    struct str name = word_at(s, at, line.to);
    struct span rest = trimmed(s, (struct span){at + (uint32_t)name.len, line.to});
    if (name.len && name.at[0] == '#') {
        comment(s, at, line.to, true);
        d->lines.at = line_end(s, at) < s->text.len ? line_end(s, at) + 1 : d->lines.at;
    } else if (str_eq_nocase(name, STR("FROM"))) {
        end_stage(d);
        d->stage = shell_region(s, 0, SHELL_BRANCH);
    } else if (str_eq_nocase(name, STR("ENV")) || str_eq_nocase(name, STR("ARG"))) {
        docker_env(d, rest, name.at[0] == 'E' || name.at[0] == 'e');
    } else if (str_eq_nocase(name, STR("RUN")) || str_eq_nocase(name, STR("CMD")) ||
               str_eq_nocase(name, STR("ENTRYPOINT"))) {
        docker_run(d, rest, name);
    }
}

void shell_docker(struct shell *s)
{
    struct docker d = {.lines = {.s = s, .at = s->doc->source->body}};
    while (!s->broken && next_line(&d.lines))
        docker_line(&d);
    end_stage(&d);
}

/* --- .env -------------------------------------------------------------------------- */

/* Behind the value that starts at AT: its closing quote, or its last word. */
static uint32_t value_end(const struct shell *s, uint32_t at, uint32_t end)
{
    char quote = at < end ? s->text.at[at] : '\0';
    if (quote == '"' || quote == '\'') {
        for (uint32_t to = at + 1; to < end; to++) {
            if (s->text.at[to] == quote)
                return to + 1;
            to += s->text.at[to] == '\\' && quote == '"';
        }
        return SHELL_NOWHERE;
    }
    uint32_t to = at;
    while (to < end && !(s->text.at[to] == '#' && (to == at || is_blank(s->text.at[to - 1]))))
        to++;
    return trimmed(s, (struct span){at, to}).to;
}

static void dotenv_line(struct shell *s, struct span line)
{
    uint32_t at = skip_blanks(s, line.from, line.to);
    if (at < line.to && s->text.at[at] == '#') {
        comment(s, at, line.to, true);
        return;
    }
    if (str_eq(word_at(s, at, line.to), STR("export")))
        at = skip_blanks(s, at + (uint32_t)strlen("export"), line.to);
    uint32_t n = (uint32_t)shell_name(str_slice(s->text, at, line.to));
    uint32_t equals = skip_blanks(s, at + n, line.to);
    if (!n || equals >= line.to || s->text.at[equals] != '=')
        return;
    uint32_t from = skip_blanks(s, equals + 1, line.to), to = value_end(s, from, line.to);
    if (to == SHELL_NOWHERE)
        return; /* a quote that is not closed on its line */
    uint32_t hash = skip_blanks(s, to, line.to);
    if (hash < line.to && s->text.at[hash] == '#')
        comment(s, hash, line.to, false);
    shell_bind(s, 0, SHELL_VALUE, (struct span){at, at + n}, (struct span){from, to})->exported = true;
}

void shell_dotenv(struct shell *s)
{
    struct lines l = {.s = s, .at = s->doc->source->body};
    while (next_line(&l))
        dotenv_line(s, l.line);
    shell_note_exports(s);
    shell_env(s, s->root, 0, (uint32_t)s->bindings.len);
}
