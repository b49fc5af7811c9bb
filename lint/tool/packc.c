/* The table writer: packc DIR prints the pack in DIR as C source. Runs at build time;
 * any mistake in the pack fails the build with its line. */
#include <stdio.h>

#include "../match.h"
#include "../pack_write.h"
#include "../banned.h"

static void print_problem(struct finding *f)
{
    struct place place = source_place(f->source, f->span.from);
    fprintf(stderr, "%.*s:%lu:%lu: %.*s\n", STR_ARG(f->source->path),
            (unsigned long)place.line, (unsigned long)place.column, STR_ARG(f->message));
}

static int write_tables(struct arena *a, const char *dir)
{
    struct pack pack;
    struct findings problems = {0};
    struct err err;
    bool fine = pack_load(a, dir, &pack, &problems, &err);
    for (size_t i = 0; i < problems.len; i++)
        print_problem(&problems.at[i]);
    if (!fine) {
        fprintf(stderr, "packc: %s\n", err.message);
        return 1;
    }
    struct buf out = buf_new(a);
    pack_write(&out, &pack);
    struct str text = buf_str(&out);
    if (fwrite(text.at, 1, text.len, stdout) != text.len || fflush(stdout) != 0) {
        fputs("packc: cannot write\n", stderr);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct arena arena = {0};
    if (argc != 2) {
        fputs("usage: packc DIR > tables.c\n", stderr);
        return 2;
    }
    int status = write_tables(&arena, argv[1]);
    arena_free(&arena);
    match_free_all();
    return status;
}
