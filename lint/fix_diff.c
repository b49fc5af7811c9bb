/* A line diff after Myers: the common head and tail are cut off, the middle is searched
 * for the shortest script up to a bound of differences; beyond it the middle is shown as
 * replaced, which is longer to read and just as right. */
#include "fix.h"

#include "banned.h"

enum { CONTEXT = 3, MOST_DIFFERENCES = 800 };

struct lines VEC_BODY(struct str); /* with their line ends */

/* A run of lines: COUNT of both texts, or of one. */
struct step {
    char what; /* ' ', '-', '+' */
    size_t count;
};

struct script VEC_BODY(struct step);

static struct lines split(struct arena *a, struct str text)
{
    struct lines out = {0};
    for (size_t from = 0; from < text.len;) {
        size_t at = str_find_byte(text, '\n', from);
        size_t to = at == SIZE_MAX ? text.len : at + 1;
        vec_push(a, &out, str_slice(text, from, to));
        from = to;
    }
    return out;
}

static void add_step(struct arena *a, struct script *s, char what, size_t count)
{
    if (!count)
        return;
    if (s->len && s->at[s->len - 1].what == what) {
        s->at[s->len - 1].count += count;
        return;
    }
    vec_push(a, s, ((struct step){what, count}));
}

/* --- Myers ---------------------------------------------------------------- */

/* For each number of differences d, the furthest x on every diagonal -d..d. */
struct search {
    const struct str *x, *y;
    long n, m;
    long *rows[MOST_DIFFERENCES + 1];
};

/* Is the furthest way to diagonal K with D differences a line of y (down)? */
static bool comes_from_above(const struct search *s, long d, long k)
{
    const long *row = s->rows[d - 1] + (d - 1);
    return k == -d || (k != d && row[k - 1] < row[k + 1]);
}

static long start_of(const struct search *s, long d, long k)
{
    if (d == 0)
        return 0;
    const long *row = s->rows[d - 1] + (d - 1);
    return comes_from_above(s, d, k) ? row[k + 1] : row[k - 1] + 1;
}

/* The number of differences, or -1 when there are too many. */
static long count_differences(struct arena *a, struct search *s)
{
    for (long d = 0; d <= MOST_DIFFERENCES; d++) {
        long *row = arena_alloc_array(a, (size_t)(2 * d + 1), sizeof *row);
        s->rows[d] = row;
        for (long k = -d; k <= d; k += 2) {
            long x = start_of(s, d, k);
            while (x < s->n && x - k < s->m && str_eq(s->x[x], s->y[x - k]))
                x++;
            row[d + k] = x;
            if (x >= s->n && x - k >= s->m)
                return d;
        }
    }
    return -1;
}

/* The way back from the end, turned round. */
static void trace(struct arena *a, const struct search *s, long d, struct script *out)
{
    struct script back = {0};
    long x = s->n, k = s->n - s->m;
    for (; d >= 0; d--) {
        long start = start_of(s, d, k);
        add_step(a, &back, ' ', (size_t)(x - start));
        if (d == 0)
            break;
        bool down = comes_from_above(s, d, k);
        add_step(a, &back, down ? '+' : '-', 1);
        x = down ? start : start - 1;
        k = down ? k + 1 : k - 1;
    }
    for (size_t i = back.len; i-- > 0;)
        add_step(a, out, back.at[i].what, back.at[i].count);
}

static void compare_middle(struct arena *a, const struct lines *x, const struct lines *y,
                           size_t head, size_t tail, struct script *out)
{
    size_t n = x->len - head - tail, m = y->len - head - tail;
    long d = -1;
    struct search *s = arena_new(a, struct search);
    if (n && m) {
        *s = (struct search){x->at + head, y->at + head, (long)n, (long)m, {NULL}};
        d = count_differences(a, s);
    }
    if (d >= 0) {
        trace(a, s, d, out);
        return;
    }
    add_step(a, out, '-', n);
    add_step(a, out, '+', m);
}

static struct script compare(struct arena *a, const struct lines *x, const struct lines *y)
{
    struct script out = {0};
    size_t shorter = x->len < y->len ? x->len : y->len, head = 0, tail = 0;
    while (head < shorter && str_eq(x->at[head], y->at[head]))
        head++;
    while (tail < shorter - head &&
           str_eq(x->at[x->len - 1 - tail], y->at[y->len - 1 - tail]))
        tail++;
    add_step(a, &out, ' ', head);
    compare_middle(a, x, y, head, tail, &out);
    add_step(a, &out, ' ', tail);
    return out;
}

/* --- printing ------------------------------------------------------------- */

struct printer {
    struct buf *out;
    const struct lines *x, *y;
    size_t at_x, at_y; /* lines done */
};

static void print_line(struct buf *out, char mark, struct str line)
{
    buf_byte(out, mark);
    buf_add(out, line);
    if (!str_ends(line, STR("\n")))
        buf_cstr(out, "\n\\ No newline at end of file\n");
}

/* Moves over a step; prints its lines when OUT is wanted. */
static void take(struct printer *p, char what, size_t count, bool print)
{
    for (size_t i = 0; print && i < count; i++)
        print_line(p->out, what,
                   what == '+' ? p->y->at[p->at_y + i] : p->x->at[p->at_x + i]);
    if (what != '+')
        p->at_x += count;
    if (what != '-')
        p->at_y += count;
}

/* "12,3", "12", or for no lines the line before: "11,0". */
static void print_range(struct buf *out, char mark, size_t done, size_t count)
{
    buf_printf(out, "%c%zu", mark, count ? done + 1 : done);
    if (count != 1)
        buf_printf(out, ",%zu", count);
}

/* How many steps from FIRST belong to one hunk: equal runs of up to twice the context
 * join what lies around them. */
static size_t hunk_end(const struct script *s, size_t first)
{
    size_t end = first + 1;
    while (end < s->len) {
        const struct step *step = &s->at[end];
        if (step->what == ' ' && (step->count > 2 * CONTEXT || end + 1 == s->len))
            break;
        end++;
    }
    return end;
}

static void print_hunk(struct printer *p, const struct script *s, size_t first, size_t end)
{
    size_t lead = 0, trail = 0, x = 0, y = 0;
    if (first > 0)
        lead = s->at[first - 1].count < CONTEXT ? s->at[first - 1].count : CONTEXT;
    if (end < s->len)
        trail = s->at[end].count < CONTEXT ? s->at[end].count : CONTEXT;
    for (size_t i = first; i < end; i++) {
        x += s->at[i].what != '+' ? s->at[i].count : 0;
        y += s->at[i].what != '-' ? s->at[i].count : 0;
    }
    p->at_x -= lead;
    p->at_y -= lead;
    buf_cstr(p->out, "@@ ");
    print_range(p->out, '-', p->at_x, x + lead + trail);
    buf_byte(p->out, ' ');
    print_range(p->out, '+', p->at_y, y + lead + trail);
    buf_cstr(p->out, " @@\n");
    take(p, ' ', lead, true);
    for (size_t i = first; i < end; i++)
        take(p, s->at[i].what, s->at[i].count, true);
    struct printer ahead = *p;
    take(&ahead, ' ', trail, true);
}

/* As GNU patch reads names: odd bytes quoted, a tab behind a name with blanks. */
static void print_name(struct buf *out, const char *mark, const char *side, struct str path)
{
    bool quoted = false;
    for (size_t i = 0; i < path.len; i++)
        quoted |=
            path.at[i] == '"' || path.at[i] == '\\' || (unsigned char)path.at[i] < ' ';
    buf_printf(out, "%s %s%s", mark, quoted ? "\"" : "", side);
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.at[i];
        if (quoted && (c == '"' || c == '\\' || c < ' '))
            buf_printf(out, "\\%03o", c);
        else
            buf_byte(out, (char)c);
    }
    bool blank = str_find_byte(path, ' ', 0) != SIZE_MAX;
    buf_cstr(out, quoted ? "\"\n" : blank ? "\t\n" : "\n");
}

void fix_diff(struct buf *out, struct str path, struct str before, struct str after)
{
    if (str_eq(before, after))
        return;
    struct arena scratch = {0};
    struct lines x = split(&scratch, before), y = split(&scratch, after);
    struct script script = compare(&scratch, &x, &y);
    while (str_starts(path, STR("./")) || str_starts(path, STR("/")))
        path = str_slice(path, str_starts(path, STR("/")) ? 1 : 2, path.len);
    print_name(out, "---", "a/", path);
    print_name(out, "+++", "b/", path);
    struct printer p = {out, &x, &y, 0, 0};
    for (size_t i = 0; i < script.len;) {
        if (script.at[i].what == ' ') {
            take(&p, ' ', script.at[i].count, false);
            i++;
            continue;
        }
        size_t end = hunk_end(&script, i);
        print_hunk(&p, &script, i, end);
        i = end;
    }
    arena_free(&scratch);
}
