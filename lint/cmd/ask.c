/* --interactive: one fix at a time, with its change and what it does to the memory. */
#include <stdio.h>

#include "../source_cells.h"
#include "cmd.h"

#include "../banned.h"

/* The run of UNIT that is called NAME; the first one where none is. */
static const struct run *run_called(const struct unit *unit, struct str name)
{
    for (size_t i = 0; i < unit->runs.len; i++)
        if (str_eq(unit->runs.at[i].name, name))
            return &unit->runs.at[i];
    return unit->runs.len ? &unit->runs.at[0] : NULL;
}

static void print_memory(struct arena *a, struct buf *out, const struct asker *asker,
                         const struct run *before, const struct run *after)
{
    const struct targets *targets = &asker->file->group->targets;
    for (size_t i = 0; before && after && i < targets->len; i++) {
        const struct target *t = &targets->at[i];
        struct estimate was, is;
        memory_estimate(a, asker->job->pack, before, t, &was);
        memory_estimate(a, asker->job->pack, after, t, &is);
        if (!was.known || !is.known) {
            buf_cstr(out, "    memory: not known for this model\n");
            return;
        }
        buf_cstr(out, "    memory: ");
        report_bytes(out, was.total);
        buf_cstr(out, " -> ");
        report_bytes(out, is.total);
        buf_cstr(out, " of ");
        report_bytes(out, is.usable);
        buf_printf(out, " (%.*s)\n", STR_ARG(t->name));
    }
}

static void print_fix(struct arena *a, struct buf *out, const struct asker *asker,
                      const struct finding *f, const struct unit *before,
                      const struct unit *after)
{
    struct place p = source_place(f->source, f->span.from);
    buf_printf(out, "%.*s:%u:%u: %.*s %.*s: %.*s\n", STR_ARG(f->source->path), p.line,
               p.column, STR_ARG(f->code), STR_ARG(f->rule), STR_ARG(f->message));
    buf_printf(out, "    fix: %.*s\n", STR_ARG(f->fix->description));
    if (f->fix->safety != FIX_SAFE)
        buf_printf(out, "    not safe: %.*s\n", STR_ARG(f->fix->reason));
    print_memory(a, out, asker, run_called(before, f->run), run_called(after, f->run));
    fix_diff(out, before->source.path, source_cells_file(&before->source),
             source_cells_file(&after->source));
}

/* The first letter of a line; 'q' at the end of input. */
static int read_letter(void)
{
    int first = 0, c;
    while ((c = getchar()) != '\n' && c != EOF)
        if (!first && c != ' ' && c != '\t')
            first = c;
    return c == EOF && !first ? 'q' : first;
}

enum fix_answer cmd_ask(struct asker *asker, const struct finding *finding,
                        const struct unit *before, const struct unit *after)
{
    if (asker->all)
        return FIX_YES;
    struct arena scratch = {0};
    struct buf out = buf_new(&scratch);
    print_fix(&scratch, &out, asker, finding, before, after);
    bool shown = cmd_print(buf_str(&out));
    arena_free(&scratch);
    while (shown) {
        if (!cmd_print(STR("apply? [y]es, [n]o, [a]ll, [q]uit: ")))
            break;
        switch (read_letter()) {
        case 'y': return FIX_YES;
        case 'n': return FIX_NO;
        case 'a': asker->all = true; return FIX_YES;
        case 'q': asker->quit = true; return FIX_QUIT;
        default: break;
        }
    }
    asker->quit = true;
    return FIX_QUIT;
}
