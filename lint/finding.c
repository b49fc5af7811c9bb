/* Findings are sorted in place by merging with rotations: stable, and without memory
 * of its own, so that the order of two findings at one place is the order of the rules
 * that told them. */
#include "finding.h"

#include <assert.h>
#include <stdarg.h>

#include "banned.h"

static const char *const SEVERITIES[] = {"off", "info", "warning", "error"};

const char *severity_name(enum severity s)
{
    assert((size_t)s < sizeof SEVERITIES / sizeof *SEVERITIES);
    return SEVERITIES[s];
}

bool severity_parse(struct str name, enum severity *out)
{
    for (int i = 0; i < (int)(sizeof SEVERITIES / sizeof *SEVERITIES); i++) {
        if (str_eq(name, str_from(SEVERITIES[i]))) {
            *out = (enum severity)i;
            return true;
        }
    }
    return false;
}

const char *safety_name(enum safety s)
{
    static const char *const names[] = {"safe", "unsafe", "shown"};
    assert((size_t)s < sizeof names / sizeof *names);
    return names[s];
}

struct finding *finding_add(struct arena *a, struct findings *list, struct source *source,
                            struct span span, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str message = arena_vprintf(a, format, args);
    va_end(args);
    struct finding *f = vec_add(a, list);
    *f = (struct finding){.source = source, .span = span, .message = message};
    f->code = f->rule = f->help = f->run = f->gpu = (struct str){"", 0};
    return f;
}

static int compare(const struct finding *x, const struct finding *y)
{
    int c = x->source && y->source ? str_compare(x->source->path, y->source->path) : 0;
    if (c)
        return c;
    if (x->span.from != y->span.from)
        return x->span.from < y->span.from ? -1 : 1;
    return str_compare(x->code, y->code);
}

static void reverse(struct finding *at, size_t len)
{
    for (size_t i = 0, j = len; i + 1 < j; i++) {
        struct finding keep = at[i];
        at[i] = at[--j];
        at[j] = keep;
    }
}

/* The first LEFT elements change places with the RIGHT ones behind them. */
static void rotate(struct finding *at, size_t left, size_t right)
{
    reverse(at, left);
    reverse(at + left, right);
    reverse(at, left + right);
}

/* How many of AT stand before F; equals count as before when AFTER_EQUALS. */
static size_t rank(const struct finding *at, size_t len, const struct finding *f,
                   bool after_equals)
{
    size_t low = 0;
    while (low < len) {
        size_t middle = low + (len - low) / 2;
        int c = compare(&at[middle], f);
        if (c < 0 || (after_equals && c == 0))
            low = middle + 1;
        else
            len = middle;
    }
    return low;
}

static void merge(struct finding *at, size_t left, size_t right)
{
    if (!left || !right || compare(&at[left - 1], &at[left]) <= 0)
        return;
    if (left + right == 2) {
        rotate(at, 1, 1);
        return;
    }
    size_t cut_left, cut_right;
    if (left > right) {
        cut_left = left / 2;
        cut_right = rank(at + left, right, &at[cut_left], false);
    } else {
        cut_right = right / 2;
        cut_left = rank(at, left, &at[left + cut_right], true);
    }
    rotate(at + cut_left, left - cut_left, cut_right);
    size_t middle = cut_left + cut_right;
    merge(at, cut_left, cut_right);
    merge(at + middle, left - cut_left, right - cut_right);
}

static void sort(struct finding *at, size_t len)
{
    if (len < 2)
        return;
    size_t half = len / 2;
    sort(at, half);
    sort(at + half, len - half);
    merge(at, half, len - half);
}

void finding_sort(struct findings *list)
{
    sort(list->at, list->len);
}
