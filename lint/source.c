/* Lines are counted the way editors do (LF, CRLF, lone CR), because that is where a
 * person will look; libyaml's NEL and U+2028 breaks are its own affair. */
#include "source.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "banned.h"

static const struct {
    const char *suffix;
    enum language language;
} SUFFIXES[] = {
    {".yaml", LANGUAGE_YAML}, {".yml", LANGUAGE_YAML},    {".json", LANGUAGE_JSON},
    {".jsonc", LANGUAGE_JSON}, {".py", LANGUAGE_PYTHON},   {".sh", LANGUAGE_SHELL},
    {".bash", LANGUAGE_SHELL}, {".slurm", LANGUAGE_SHELL}, {".sbatch", LANGUAGE_SHELL},
    {".mk", LANGUAGE_SHELL},   {".env", LANGUAGE_SHELL},
    {".dockerfile", LANGUAGE_SHELL}, {".Dockerfile", LANGUAGE_SHELL},
    {".toml", LANGUAGE_TOML},  {".ipynb", LANGUAGE_NOTEBOOK},
};

const char *language_name(enum language language)
{
    static const char *const names[] = {"none", "yaml", "json", "python", "shell", "toml", "notebook"};
    assert(language < LANGUAGE_COUNT);
    return names[language];
}

/* Files that are known by their whole name. */
static enum language language_of_name(struct str path)
{
    static const char *const NAMES[] = {"Makefile", "makefile", "GNUmakefile", "Dockerfile",
                                        "Containerfile"};
    size_t from = path.len;
    while (from && path.at[from - 1] != '/')
        from--;
    struct str name = str_slice(path, from, path.len);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (str_eq(name, str_from(NAMES[i])))
            return LANGUAGE_SHELL;
    bool variant = str_starts(name, STR("Dockerfile.")) || str_starts(name, STR(".env."));
    return variant ? LANGUAGE_SHELL : LANGUAGE_NONE;
}

enum language language_of_path(struct str path)
{
    for (size_t i = 0; i < sizeof SUFFIXES / sizeof *SUFFIXES; i++)
        if (str_ends(path, str_from(SUFFIXES[i].suffix)))
            return SUFFIXES[i].language;
    return language_of_name(path);
}

enum language language_of_file(const char *path)
{
    char head[128];
    enum language language = language_of_path(str_from(path));
    int fd = language ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return language;
    ssize_t n = read(fd, head, sizeof head);
    close(fd);
    struct str line = {head, n > 0 ? (size_t)n : 0};
    size_t end = str_find_byte(line, '\n', 0);
    line = str_slice(line, 0, end);
    if (!str_starts(line, STR("#!")))
        return LANGUAGE_NONE;
    if (str_find(line, STR("python"), 0) != SIZE_MAX)
        return LANGUAGE_PYTHON;
    return str_find(line, STR("sh"), 0) != SIZE_MAX ? LANGUAGE_SHELL : LANGUAGE_NONE;
}

unsigned source_sequence(struct str text, size_t at)
{
    const unsigned char *s = (const unsigned char *)text.at + at;
    size_t left = text.len - at;
    if (s[0] < 0x80)
        return 1;
    unsigned n = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || left < n)
        return 0;
    for (unsigned i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) ||
        (s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F))
        return 0;
    return n;
}

static enum encoding detect(struct str text, uint32_t *bad_byte)
{
    const unsigned char *s = (const unsigned char *)text.at;
    if (text.len >= 4 && (!memcmp(s, "\0\0\xFE\xFF", 4) || !memcmp(s, "\xFF\xFE\0\0", 4)))
        return ENCODING_UTF32;
    if (text.len >= 2 && (!memcmp(s, "\xFF\xFE", 2) || !memcmp(s, "\xFE\xFF", 2)))
        return ENCODING_UTF16;
    for (size_t i = 0; i < text.len;) {
        unsigned n = source_sequence(text, i);
        if (!n) {
            *bad_byte = (uint32_t)i;
            return ENCODING_BROKEN;
        }
        i += n;
    }
    return ENCODING_UTF8;
}

void source_init(struct source *s, struct arena *a, struct str path, struct str text,
                 enum language language)
{
    assert(text.len <= SOURCE_MAX_BYTES);
    *s = (struct source){.path = arena_str(a, path), .text = text, .language = language,
                         .arena = a};
    s->encoding = detect(text, &s->bad_byte);
    s->body = str_starts(text, STR("\xEF\xBB\xBF")) ? 3 : 0;
}

static bool read_all(int fd, char *at, size_t size, size_t *got)
{
    *got = 0;
    while (*got < size) {
        ssize_t n = read(fd, at + *got, size - *got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        if (n == 0)
            return true;
        *got += (size_t)n;
    }
    return true;
}

bool source_load(struct source *s, struct arena *a, const char *path,
                 enum language language, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_set(err, "%s: %s", path, strerror(errno));
    struct stat st;
    bool ok = false;
    if (fstat(fd, &st) != 0) {
        err_set(err, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        err_set(err, "%s: not a regular file", path);
    } else if (st.st_size > SOURCE_MAX_BYTES) {
        err_set(err, "%s: larger than %d MiB", path, SOURCE_MAX_BYTES / 1024 / 1024);
    } else {
        size_t size = (size_t)st.st_size, got;
        char *at = arena_alloc(a, size + 1);
        ok = read_all(fd, at, size, &got);
        if (ok)
            source_init(s, a, str_from(path), (struct str){at, got}, language);
        else
            err_set(err, "%s: %s", path, strerror(errno));
    }
    close(fd);
    return ok;
}

/* The next line start behind OFFSET, or 0 at the end. */
static uint32_t next_line(struct str text, uint32_t offset)
{
    for (size_t i = offset; i < text.len; i++) {
        if (text.at[i] == '\n')
            return (uint32_t)i + 1;
        if (text.at[i] == '\r')
            return (uint32_t)i + (i + 1 < text.len && text.at[i + 1] == '\n' ? 2 : 1);
    }
    return 0;
}

static void build_lines(struct source *s)
{
    uint32_t count = 1;
    for (uint32_t at = 0; (at = next_line(s->text, at)) != 0;)
        count++;
    s->lines = arena_alloc_array(s->arena, count, sizeof *s->lines);
    uint32_t at = 0;
    for (s->line_count = 1; (at = next_line(s->text, at)) != 0; s->line_count++)
        s->lines[s->line_count] = at;
    assert(s->line_count == count);
}

static uint32_t line_index(struct source *s, uint32_t offset)
{
    if (!s->lines)
        build_lines(s);
    uint32_t low = 0, high = s->line_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (s->lines[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

struct place source_place(struct source *s, uint32_t offset)
{
    uint32_t line = line_index(s, offset), column = 1;
    uint32_t from = s->lines[line];
    if (from < s->body)
        from = s->body;
    for (uint32_t i = from; i < offset && i < s->text.len; i++)
        if (((unsigned char)s->text.at[i] & 0xC0) != 0x80)
            column++;
    return (struct place){line + 1, column};
}

struct str source_line(struct source *s, uint32_t offset, uint32_t *start)
{
    uint32_t line = line_index(s, offset);
    uint32_t from = s->lines[line];
    uint32_t to = line + 1 < s->line_count ? s->lines[line + 1] : (uint32_t)s->text.len;
    if (from < s->body)
        from = s->body;
    while (to > from && (s->text.at[to - 1] == '\n' || s->text.at[to - 1] == '\r'))
        to--;
    *start = from;
    return str_slice(s->text, from, to);
}

struct str source_quote(const struct source *s, struct span span)
{
    return str_slice(s->text, span.from, span.to);
}

struct str source_newline(const struct source *s)
{
    for (size_t i = 0; i < s->text.len; i++) {
        if (s->text.at[i] == '\n')
            return STR("\n");
        if (s->text.at[i] == '\r')
            return i + 1 < s->text.len && s->text.at[i + 1] == '\n' ? STR("\r\n") : STR("\r");
    }
    return STR("\n");
}
