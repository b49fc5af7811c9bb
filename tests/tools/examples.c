/* Writes the examples of every rule below DIR, one case folder each, so that fixtures can
 * be made from them and compared with them: DIR/<pack>/<id>/<kind>[-n]/{FILE,args}. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pack.h"

static void make_folder(const char *path)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        fprintf(stderr, "examples: %s: %s\n", path, strerror(errno));
        exit(2);
    }
}

/* mkdir -p for everything before the last "/" of PATH. */
static void make_folders(char *path)
{
    for (char *p = path + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            make_folder(path);
            *p = '/';
        }
}

static void write_text(char *path, struct str text)
{
    make_folders(path);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(text.at, 1, text.len, f) != text.len || fclose(f) != 0) {
        fprintf(stderr, "examples: %s: %s\n", path, strerror(errno));
        exit(2);
    }
}

static void write_example(const char *folder, const struct rule *r, uint32_t index)
{
    static const char *const kinds[] = {"bad", "good", "near_miss"};
    const struct rule_example *e = &r->examples.at[index];
    char path[4096], number[16] = "";
    unsigned same = 1;
    for (uint32_t i = 0; i < index; i++)
        same += r->examples.at[i].kind == e->kind;
    if (same > 1)
        snprintf(number, sizeof number, "-%u", same);
    snprintf(path, sizeof path, "%s/%.*s/%.*s/%s%s/%.*s", folder, STR_ARG(r->pack),
             STR_ARG(r->id), kinds[e->kind], number, STR_ARG(e->file));
    write_text(path, e->text);
    if (!e->args.len)
        return;
    snprintf(path, sizeof path, "%s/%.*s/%.*s/%s%s/args", folder, STR_ARG(r->pack),
             STR_ARG(r->id), kinds[e->kind], number);
    write_text(path, e->args);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: examples DIR\n");
        return 2;
    }
    const struct pack *pack = pack_builtin();
    for (uint32_t i = 0; i < pack->rules.len; i++)
        for (uint32_t k = 0; k < pack->rules.at[i].examples.len; k++)
            write_example(argv[1], &pack->rules.at[i], k);
    return 0;
}
