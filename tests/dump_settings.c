/* Prints what a front end understood of each file as JSON lines: one per setting, per
 * syntax problem and, with -b, per block. For development and for tests that compare with
 * another parser. Usage: dump_settings [-b] [-q] FILE... (-q: only a line per file) */
#include <stdio.h>
#include <string.h>

#include "../lint/front/front.h"
#include "../lint/loader.h"
#include "../lint/match.h"

static void put_string(struct str s)
{
    putchar('"');
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

static void put_key(const char *key)
{
    printf(",\"%s\":", key);
}

static void put_value(struct value v)
{
    switch (v.kind) {
    case VALUE_UNKNOWN:
        fputs("{}", stdout);
        break;
    case VALUE_NULL:
        fputs("null", stdout);
        break;
    case VALUE_BOOL:
        fputs(v.as.boolean ? "true" : "false", stdout);
        break;
    case VALUE_INT:
        printf("%lld", (long long)v.as.integer);
        break;
    case VALUE_FLOAT:
        printf("{\"float\":\"%.17g\"}", v.as.real);
        break;
    case VALUE_STRING:
        put_string(v.as.string);
        break;
    case VALUE_LIST:
        putchar('[');
        for (size_t i = 0; i < v.as.list.len; i++) {
            if (i)
                putchar(',');
            put_value(v.as.list.at[i]);
        }
        putchar(']');
        break;
    }
}

static void put_span(struct source *source, const char *key, struct span s)
{
    put_key(key);
    struct place at = source_place(source, s.from);
    printf("{\"from\":%u,\"to\":%u,\"line\":%u,\"column\":%u}", s.from, s.to, at.line,
           at.column);
}

static void put_setting(struct source *source, const struct setting *s)
{
    static const char *const kinds[] = {"scalar", "map", "list"};
    static const char *const shapes[] = {"plain",     "dict",     "call", "class",
                                         "signature", "argparse", "env",  "module"};
    static const char *const styles[] = {"none",    "plain",  "single", "double",
                                         "literal", "folded", "flow",   "code"};
    printf("{\"path\":");
    put_string(s->path);
    put_key("key");
    put_string(s->key);
    put_key("name");
    put_string(s->name);
    printf(",\"kind\":\"%s\",\"shape\":\"%s\",\"style\":\"%s\",\"flags\":%u",
           kinds[s->kind], shapes[s->shape], styles[s->style], s->flags);
    put_key("value");
    put_value(s->value);
    if (s->why) {
        put_key("why");
        put_string(str_from(s->why));
    }
    put_span(source, "key_at", s->key_span);
    put_span(source, "value_at", s->value_span);
    if (s->kind == SETTING_SCALAR) {
        put_key("written");
        put_string(source_quote(source, s->value_span));
    }
    puts("}");
}

static void put_problem(struct source *source, const struct finding *f)
{
    printf("{\"problem\":");
    put_string(f->message);
    put_span(source, "at", f->span);
    puts("}");
}

static void put_block(struct source *source, const struct block *b)
{
    printf("{\"block\":%u", b->kinds);
    put_key("name");
    put_string(b->name);
    put_span(source, "at", b->span);
    put_span(source, "body", b->body);
    puts("}");
}

static int dump(const char *path, bool blocks, bool quiet)
{
    struct arena a = {0};
    struct source source;
    struct document doc;
    struct err err = {0};
    enum language language = language_of_path(str_from(path));
    if (!source_load(&source, &a, path, language ? language : LANGUAGE_PYTHON, &err)) {
        fprintf(stderr, "%s\n", path);
        arena_free(&a);
        return 1;
    }
    front_parse(&a, &source, &doc);
    loader_apply(source.language == LANGUAGE_PYTHON ? LOADER_PYTHON
                 : source.language == LANGUAGE_JSON ? LOADER_JSON
                                                    : LOADER_PYYAML,
                 &a, &doc.tree);
    printf("{\"file\":");
    put_string(str_from(path));
    printf(
        ",\"bytes\":%zu,\"settings\":%zu,\"problems\":%zu,\"broken\":%s,\"arena\":%zu}\n",
        source.text.len, doc.tree.all.len, doc.problems.len, doc.broken ? "true" : "false",
        a.total);
    for (size_t i = 0; i < doc.problems.len; i++)
        put_problem(&source, &doc.problems.at[i]);
    for (size_t i = 0; blocks && i < doc.blocks.len; i++)
        put_block(&source, &doc.blocks.at[i]);
    for (size_t i = 0; !quiet && i < doc.tree.all.len; i++)
        put_setting(&source, doc.tree.all.at[i]);
    arena_free(&a);
    return 0;
}

int main(int argc, char **argv)
{
    bool blocks = false, quiet = false;
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-b"))
            blocks = true;
        else if (!strcmp(argv[i], "-q"))
            quiet = true;
        else
            failed |= dump(argv[i], blocks, quiet);
    }
    match_free_all();
    return failed;
}
