/* Most patterns meet files in which they cannot match, because a word that they spell out
 * is not there. Looking for a word is many times as fast as running a pattern. A regular
 * expression is read once for the words of which every match must hold one; what is not
 * understood here (case folding, conditions, verbs) leaves the pattern without any. */
#include "match_need.h"

#include <string.h>

#include "banned.h"

enum { SHORTEST = 3, LONGEST = 40, DEEPEST = 24 };

struct words {
    struct str at[MOST_NEEDS];
    unsigned len;
    size_t shortest;
};

struct reader {
    struct arena *arena;
    struct str text;
    size_t at;
    unsigned depth;
    bool failed, quoting;
};

static char peek(const struct reader *r, size_t ahead)
{
    return r->at + ahead < r->text.len ? r->text.at[r->at + ahead] : '\0';
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void skip_past(struct reader *r, char end)
{
    while (r->at < r->text.len && peek(r, 0) != end)
        r->at++;
    r->failed |= r->at >= r->text.len;
    r->at++;
}

/* --- elements ------------------------------------------------------------- */

enum repeat { REPEAT_ONCE, REPEAT_OFTEN, REPEAT_MAYBE };

static enum repeat read_braces(struct reader *r)
{
    bool zero = true;
    for (r->at++; is_digit(peek(r, 0)); r->at++)
        zero &= peek(r, 0) == '0';
    if (peek(r, 0) == ',')
        for (r->at++; is_digit(peek(r, 0)); r->at++)
            ;
    r->failed |= peek(r, 0) != '}';
    r->at++;
    return zero ? REPEAT_MAYBE : REPEAT_OFTEN;
}

static enum repeat read_repeat(struct reader *r)
{
    enum repeat repeat = REPEAT_ONCE;
    char c = peek(r, 0);
    if (r->quoting || !c || !strchr("*+?{", c))
        return repeat;
    if (c == '{') {
        repeat = read_braces(r);
    } else {
        repeat = c == '+' ? REPEAT_OFTEN : REPEAT_MAYBE;
        r->at++;
    }
    if (peek(r, 0) == '?' || peek(r, 0) == '+')
        r->at++;
    return repeat;
}

static void skip_class(struct reader *r)
{
    r->at += peek(r, 1) == '^' ? 2 : 1;
    for (bool first = true; r->at < r->text.len; first = false) {
        char c = peek(r, 0);
        if (c == ']' && !first)
            break;
        r->failed |= c == '[' || (c == '\\' && peek(r, 1) == 'Q');
        r->at += c == '\\' ? 2 : 1;
    }
    r->failed |= r->at >= r->text.len;
    r->at++;
}

/* True and *BYTE for one that stands for itself. */
static bool read_escape(struct reader *r, char *byte)
{
    char c = peek(r, 1);
    r->at += 2;
    if (c && !is_alnum(c)) {
        *byte = c;
        return true;
    }
    if (c == 'Q') {
        r->quoting = true;
    } else if (c == 'k' && peek(r, 0) == '<') {
        skip_past(r, '>');
    } else if (c >= '1' && c <= '9') {
        while (is_digit(peek(r, 0)))
            r->at++;
    } else {
        r->failed |= !c || !strchr("bBwWdDsSAzZntr", c);
    }
    return false;
}

/* --- groups --------------------------------------------------------------- */

static struct words read_alternatives(struct reader *r);

/* Behind "(?" of flags: only those that leave letters as they are. */
static bool skip_flags(struct reader *r)
{
    while (peek(r, 0) == 'm' || peek(r, 0) == 's')
        r->at++;
    char end = peek(r, 0);
    r->failed |= end != ')' && end != ':';
    if (end == ':')
        r->at++;
    return end == ':';
}

/* The start of a group; false where its contents need not be in the text. */
static bool open_group(struct reader *r)
{
    r->at++;
    r->failed |= peek(r, 0) == '*';
    if (peek(r, 0) != '?')
        return true;
    r->at++;
    char c = peek(r, 0), next = peek(r, 1);
    if (c == ':' || c == '|' || c == '>' || c == '=') {
        r->at++;
        return true;
    }
    if (c == '!' || (c == '<' && (next == '=' || next == '!'))) {
        r->at += c == '!' ? 1 : 2;
        return false;
    }
    if (c == '<') {
        skip_past(r, '>');
        return true;
    }
    return skip_flags(r);
}

static struct words read_group(struct reader *r)
{
    static const struct words none;
    r->failed |= ++r->depth > DEEPEST;
    bool counts = open_group(r);
    struct words words = r->failed ? none : read_alternatives(r);
    r->failed |= peek(r, 0) != ')';
    r->at++;
    r->depth--;
    return counts ? words : none;
}

/* --- sequences ------------------------------------------------------------ */

struct run {
    char at[LONGEST];
    size_t len;
};

static void keep_better(struct words *best, const struct words *other)
{
    if (other->len && (!best->len || other->shortest > best->shortest))
        *best = *other;
}

static void end_run(struct reader *r, struct run *run, struct words *best)
{
    struct words words = {.len = 1, .shortest = run->len};
    if (run->len >= SHORTEST && run->len > best->shortest) {
        words.at[0] = arena_str(r->arena, (struct str){run->at, run->len});
        keep_better(best, &words);
    }
    run->len = 0;
}

static void add_byte(struct reader *r, struct run *run, char byte, struct words *best)
{
    enum repeat repeat = read_repeat(r);
    if (repeat == REPEAT_MAYBE || run->len == LONGEST)
        end_run(r, run, best);
    if (repeat != REPEAT_MAYBE)
        run->at[run->len++] = byte;
    if (repeat == REPEAT_OFTEN)
        end_run(r, run, best);
}

/* One element that is no plain byte. */
static void read_other(struct reader *r, struct run *run, struct words *best)
{
    struct words words = {.len = 0};
    char c = peek(r, 0), byte;
    if (c == '\\') {
        if (read_escape(r, &byte)) {
            add_byte(r, run, byte, best);
            return;
        }
    } else if (c == '(') {
        words = read_group(r);
    } else if (c == '[') {
        skip_class(r);
    } else {
        r->failed |= !strchr(".^$", c);
        r->at++;
    }
    end_run(r, run, best);
    if (read_repeat(r) != REPEAT_MAYBE)
        keep_better(best, &words);
}

static struct words read_sequence(struct reader *r)
{
    struct words best = {.len = 0};
    struct run run = {.len = 0};
    while (!r->failed && r->at < r->text.len) {
        char c = peek(r, 0);
        if (r->quoting && c == '\\' && peek(r, 1) == 'E') {
            r->quoting = false;
            r->at += 2;
        } else if (!r->quoting && (c == '|' || c == ')')) {
            break;
        } else if (r->quoting || (c && !strchr("\\([.^$*+?{", c))) {
            r->at++;
            add_byte(r, &run, c, &best);
        } else {
            read_other(r, &run, &best);
        }
    }
    end_run(r, &run, &best);
    return best;
}

static struct words read_alternatives(struct reader *r)
{
    struct words all = {.len = 0, .shortest = SIZE_MAX};
    bool every = true;
    for (;;) {
        struct words one = read_sequence(r);
        every &= one.len > 0 && all.len + one.len <= MOST_NEEDS;
        for (unsigned i = 0; every && i < one.len; i++)
            all.at[all.len++] = one.at[i];
        if (one.shortest < all.shortest)
            all.shortest = one.shortest;
        if (r->failed || peek(r, 0) != '|')
            break;
        r->at++;
    }
    if (!every)
        all.len = 0;
    return all;
}

/* --- looking -------------------------------------------------------------- */

/* By how rare bytes are in program text. */
static size_t rarest(struct str s)
{
    static const char COMMON[] = " etaroinslcdm_pufghby.=wvk(,xTAIEz";
    size_t best = 0, best_rank = 0;
    for (size_t i = 0; i < s.len; i++) {
        const char *hit = memchr(COMMON, s.at[i], sizeof COMMON - 1);
        size_t rank = hit ? (size_t)(hit - COMMON) : sizeof COMMON;
        if (rank > best_rank) {
            best_rank = rank;
            best = i;
        }
    }
    return best;
}

void match_needs(struct arena *a, struct str regex, struct needs *out)
{
    struct reader r = {.arena = a, .text = regex};
    out->len = 0;
    struct words words = read_alternatives(&r);
    if (r.failed || r.at < regex.len)
        return;
    for (unsigned i = 0; i < words.len; i++)
        out->at[out->len++] = (struct need){words.at[i], rarest(words.at[i])};
}

static bool has(const struct need *n, struct str text, size_t from)
{
    if (text.len - from < n->text.len)
        return false;
    const char *at = text.at + from + n->rarest;
    const char *end = text.at + text.len - (n->text.len - n->rarest - 1);
    for (; at < end; at++) {
        at = memchr(at, n->text.at[n->rarest], (size_t)(end - at));
        if (!at)
            return false;
        if (memcmp(at - n->rarest, n->text.at, n->text.len) == 0)
            return true;
    }
    return false;
}

bool match_has_need(const struct needs *needs, struct str text, size_t from)
{
    for (unsigned i = 0; i < needs->len; i++)
        if (has(&needs->at[i], text, from))
            return true;
    return !needs->len;
}
