/* From text to postfix code: a tokenizer, and one function per level of precedence that
 * emits its operands first and itself last. The height of the evaluator's stack is
 * followed while emitting, so that evaluation needs no checks and no memory. */
#include "expr.h"

#include <assert.h>
#include <string.h>

#include "expr_code.h"
#include "match.h"
#include "vec.h"
#include "banned.h"

enum token {
    TOKEN_END,
    TOKEN_INT,
    TOKEN_FLOAT,
    TOKEN_STRING,
    TOKEN_NAME,
    TOKEN_SIGN, /* one or two bytes: see `sign` */
    TOKEN_BAD,
};

struct ops VEC_BODY(struct expr_op);

struct compiler {
    struct arena *arena;
    struct str text;
    size_t at; /* behind the current token */
    enum token token;
    size_t from;         /* where the current token starts */
    struct str word;     /* its bytes */
    struct value number; /* of a number or string */
    struct ops ops;
    unsigned depth, height;
    bool failed;
    size_t failed_at;
    struct err *err;
};

static void fail(struct compiler *c, size_t offset, const char *message, struct str detail)
{
    if (c->failed)
        return;
    c->failed = true;
    c->failed_at = offset;
    if (detail.len)
        err_set(c->err, "%s '%.*s'", message, detail.len > 60 ? 60 : (int)detail.len,
                detail.at);
    else
        err_set(c->err, "%s", message);
}

static void fail_plain(struct compiler *c, size_t offset, const char *message)
{
    fail(c, offset, message, (struct str){"", 0});
}

/* --- tokens -------------------------------------------------------------- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static char peek(const struct compiler *c, size_t ahead)
{
    return c->at + ahead < c->text.len ? c->text.at[c->at + ahead] : '\0';
}

static bool skip_exponent(struct compiler *c)
{
    size_t sign = peek(c, 1) == '+' || peek(c, 1) == '-';
    if ((peek(c, 0) != 'e' && peek(c, 0) != 'E') || !is_digit(peek(c, 1 + sign)))
        return false;
    for (c->at += 1 + sign; is_digit(peek(c, 0)); c->at++)
        ;
    return true;
}

static void read_number(struct compiler *c)
{
    bool real = false;
    while (is_digit(peek(c, 0)) || (peek(c, 0) == '_' && is_digit(peek(c, 1))))
        c->at++;
    if (peek(c, 0) == '.' && is_digit(peek(c, 1))) {
        real = true;
        for (c->at++; is_digit(peek(c, 0)); c->at++)
            ;
    }
    if (skip_exponent(c))
        real = true;
    struct str word = str_slice(c->text, c->from, c->at);
    int64_t integer;
    double number;
    if (!real && str_to_int(word, &integer)) {
        c->token = TOKEN_INT;
        c->number = VALUE_OF_INT(integer);
    } else if (real && str_to_float(word, &number)) {
        c->token = TOKEN_FLOAT;
        c->number = VALUE_OF_FLOAT(number);
    } else {
        fail(c, c->from, "not a number that can be held:", word);
    }
}

/* The closing mark doubled, or behind a backslash, stands for itself; any other backslash
 * stays, because these texts are mostly regular expressions. */
static void read_string(struct compiler *c, char mark)
{
    struct buf b = buf_new(c->arena);
    for (c->at++; c->at < c->text.len; c->at++) {
        bool doubled = peek(c, 0) == mark && peek(c, 1) == mark;
        if (peek(c, 0) == mark && !doubled)
            break;
        if (doubled) {
            c->at++;
        } else if (peek(c, 0) == '\\' && c->at + 1 < c->text.len) {
            if (peek(c, 1) != mark)
                buf_byte(&b, '\\');
            c->at++;
        }
        buf_byte(&b, peek(c, 0));
    }
    if (c->at >= c->text.len) {
        fail_plain(c, c->from, "text without its closing quote");
        return;
    }
    c->at++;
    c->token = TOKEN_STRING;
    c->number = VALUE_OF_STR(arena_str(c->arena, buf_str(&b)));
}

static void read_name(struct compiler *c)
{
    for (;;) {
        while (is_name_start(peek(c, 0)) || is_digit(peek(c, 0)))
            c->at++;
        if (peek(c, 0) != '.' || !is_name_start(peek(c, 1)))
            break;
        c->at++;
    }
    c->token = TOKEN_NAME;
}

static void read_sign(struct compiler *c)
{
    static const char *const two[] = {"==", "!=", "<=", ">=", "//"};
    size_t len = 0;
    for (size_t i = 0; i < sizeof two / sizeof *two; i++)
        if (peek(c, 0) == two[i][0] && peek(c, 1) == two[i][1])
            len = 2;
    if (!len && peek(c, 0) && strchr("<>+-*/%()[],", peek(c, 0)))
        len = 1;
    if (!len) {
        fail(c, c->from, "unexpected", str_slice(c->text, c->from, c->from + 1));
        return;
    }
    c->at += len;
    c->token = TOKEN_SIGN;
}

static void advance(struct compiler *c)
{
    while (c->at < c->text.len && strchr(" \t\r\n", c->text.at[c->at]) && c->text.at[c->at])
        c->at++;
    c->from = c->at;
    c->token = TOKEN_BAD;
    char first = peek(c, 0);
    if (c->at >= c->text.len)
        c->token = TOKEN_END;
    else if (is_digit(first) || (first == '.' && is_digit(peek(c, 1))))
        read_number(c);
    else if (first == '\'' || first == '"')
        read_string(c, first);
    else if (is_name_start(first))
        read_name(c);
    else
        read_sign(c);
    c->word = str_slice(c->text, c->from, c->at);
}

static bool at_word(const struct compiler *c, enum token token, const char *word)
{
    return c->token == token && str_eq(c->word, str_from(word));
}

static bool accept_sign(struct compiler *c, const char *sign)
{
    if (!at_word(c, TOKEN_SIGN, sign))
        return false;
    advance(c);
    return true;
}

static bool accept_word(struct compiler *c, const char *word)
{
    if (!at_word(c, TOKEN_NAME, word))
        return false;
    advance(c);
    return true;
}

static void unexpected(struct compiler *c, const char *wanted)
{
    if (c->token == TOKEN_END)
        fail(c, c->from,
             "the expression ends where something is missing:", str_from(wanted));
    else
        fail(c, c->from,
             wanted[0] == ')' || wanted[0] == ']' ? "expected a closing bracket before"
                                                  : "unexpected",
             c->word);
}

static void expect_sign(struct compiler *c, const char *sign)
{
    if (!accept_sign(c, sign))
        unexpected(c, sign);
}

/* --- code ---------------------------------------------------------------- */

/* TAKES values leave the stack, one comes. */
static struct expr_op *emit(struct compiler *c, enum expr_code code, unsigned takes)
{
    assert(c->failed || c->height >= takes);
    if (c->ops.len >= EXPR_MAX_OPS || c->height - takes + 1 > EXPR_STACK)
        fail_plain(c, c->from, "the expression is too long");
    if (c->failed)
        return NULL;
    c->height = c->height - takes + 1;
    struct expr_op *op = vec_add(c->arena, &c->ops);
    op->code = (uint8_t)code;
    return op;
}

static void emit_push(struct compiler *c, struct value v)
{
    struct expr_op *op = emit(c, CODE_PUSH, 0);
    if (op)
        op->constant = v;
}

static void emit_ask(struct compiler *c, enum expr_question question, struct str name)
{
    struct expr_op *op = emit(c, CODE_ASK, 0);
    if (!op)
        return;
    op->function = (uint16_t)question;
    op->constant = VALUE_OF_STR(arena_str(c->arena, name));
}

static void emit_call(struct compiler *c, enum expr_function function, unsigned count)
{
    struct expr_op *op = emit(c, CODE_CALL, count);
    if (!op)
        return;
    op->function = (uint16_t)function;
    op->count = (uint8_t)count;
}

/* A list of constants is one constant. */
static void emit_list(struct compiler *c, size_t first, unsigned count)
{
    bool constant = !c->failed && c->ops.len - first == count;
    for (size_t i = first; constant && i < c->ops.len; i++)
        constant = c->ops.at[i].code == CODE_PUSH;
    if (!constant) {
        struct expr_op *op = emit(c, CODE_LIST, count);
        if (op)
            op->count = (uint8_t)count;
        return;
    }
    struct value *items = arena_alloc_array(c->arena, count ? count : 1, sizeof *items);
    for (unsigned i = 0; i < count; i++)
        items[i] = c->ops.at[first + i].constant;
    c->ops.len = first;
    c->height -= count;
    struct value list = {.kind = VALUE_LIST};
    list.as.list.at = items;
    list.as.list.len = count;
    emit_push(c, list);
}

/* --- grammar ------------------------------------------------------------- */

static void parse_or(struct compiler *c);

static void parse_nested(struct compiler *c)
{
    if (++c->depth > EXPR_MAX_DEPTH)
        fail_plain(c, c->from, "nested too deeply");
    if (!c->failed)
        parse_or(c);
    c->depth--;
}

static unsigned parse_items(struct compiler *c, const char *close)
{
    unsigned count = 0;
    if (accept_sign(c, close))
        return 0;
    do {
        if (++count > 250)
            fail_plain(c, c->from, "too many items");
        parse_nested(c);
    } while (!c->failed && accept_sign(c, ","));
    expect_sign(c, close);
    return count;
}

static const struct {
    const char *name;
    uint8_t least, most;
} FUNCTIONS[] = {
#define FUNCTION(name, least, most) {#name, least, most},
    EXPR_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

static int function_named(struct str name)
{
    for (int i = 0; i < CALL_COUNT; i++)
        if (str_eq(name, str_from(FUNCTIONS[i].name)))
            return i;
    return -1;
}

static void parse_about(struct compiler *c, enum expr_function function)
{
    struct str name = c->word;
    if (c->token != TOKEN_NAME) {
        unexpected(c, "a name");
        return;
    }
    advance(c);
    expect_sign(c, ")");
    if (function == CALL_key || function == CALL_value) {
        emit_ask(c, function == CALL_key ? EXPR_KEY : EXPR_TEXT, name);
        return;
    }
    emit_ask(c, EXPR_ORIGIN, name);
    emit_call(c, function, 1);
}

/* Only a constant pattern can be checked here: the last argument, or the one before the
 * replacement. */
static void check_regex(struct compiler *c, size_t offset, unsigned behind)
{
    if (c->failed || c->ops.len < behind + 1)
        return;
    for (size_t i = c->ops.len - behind; i < c->ops.len; i++)
        if (c->ops.at[i].code != CODE_PUSH)
            return;
    const struct expr_op *op = &c->ops.at[c->ops.len - behind - 1];
    struct err err;
    if (op->code == CODE_PUSH && op->constant.kind == VALUE_STRING &&
        !match_pattern(op->constant.as.string, &err))
        fail(c, offset, "in a regular expression:", str_from(err.message));
}

static void parse_call(struct compiler *c, struct str name, size_t offset)
{
    int function = function_named(name);
    if (function < 0) {
        fail(c, offset, "there is no function called", name);
        return;
    }
    if (FUNCTIONS[function].least == ARITY_NAME) {
        parse_about(c, (enum expr_function)function);
        return;
    }
    unsigned count = parse_items(c, ")");
    if (count < FUNCTIONS[function].least || count > FUNCTIONS[function].most)
        fail(c, offset, "wrong number of arguments to", name);
    if (function == CALL_matches || function == CALL_sub)
        check_regex(c, offset, function == CALL_sub ? 1 : 0);
    emit_call(c, (enum expr_function)function, count);
}

static void parse_name(struct compiler *c)
{
    struct str name = c->word;
    size_t offset = c->from;
    advance(c);
    if (accept_sign(c, "("))
        parse_call(c, name, offset);
    else if (str_eq(name, STR("true")) || str_eq(name, STR("false")))
        emit_push(c, VALUE_OF_BOOL(name.at[0] == 't'));
    else if (str_eq(name, STR("null")))
        emit_push(c, (struct value){.kind = VALUE_NULL});
    else if (str_eq(name, STR("and")) || str_eq(name, STR("or")) ||
             str_eq(name, STR("in")) || str_eq(name, STR("not")))
        fail(c, offset, "unexpected", name);
    else
        emit_ask(c, EXPR_VALUE, name);
}

static void parse_primary(struct compiler *c)
{
    size_t first = c->ops.len;
    if (c->token == TOKEN_INT || c->token == TOKEN_FLOAT || c->token == TOKEN_STRING) {
        emit_push(c, c->number);
        advance(c);
    } else if (c->token == TOKEN_NAME) {
        parse_name(c);
    } else if (accept_sign(c, "(")) {
        parse_nested(c);
        expect_sign(c, ")");
    } else if (accept_sign(c, "[")) {
        emit_list(c, first, parse_items(c, "]"));
    } else {
        unexpected(c, "a value");
    }
}

static void parse_unary(struct compiler *c)
{
    unsigned signs = 0;
    while (!c->failed && accept_sign(c, "-"))
        signs++;
    if (!c->failed)
        parse_primary(c);
    if (signs % 2)
        emit(c, CODE_NEGATE, 1);
}

struct operator
{
    const char *sign;
    enum expr_code code;
};

static void parse_level(struct compiler *c, const struct operator* table,
                        void (*operand)(struct compiler *))
{
    operand(c);
    while (!c->failed) {
        const struct operator* o = table;
        while (o->sign && !at_word(c, TOKEN_SIGN, o->sign))
            o++;
        if (!o->sign)
            return;
        advance(c);
        operand(c);
        if (!c->failed)
            emit(c, o->code, 2);
    }
}

static void parse_product(struct compiler *c)
{
    static const struct operator table[] = {{"*", CODE_MUL},
                                            {"/", CODE_DIV},
                                            {"//", CODE_FLOORDIV},
                                            {"%", CODE_MOD},
                                            {NULL, CODE_MOD}};
    parse_level(c, table, parse_unary);
}

static void parse_sum(struct compiler *c)
{
    static const struct operator table[] = {
        {"+", CODE_ADD}, {"-", CODE_SUB}, {NULL, CODE_SUB}};
    parse_level(c, table, parse_product);
}

/* The comparison at the current token, taken; false when there is none. */
static bool accept_comparison(struct compiler *c, enum expr_code *code, bool *negated)
{
    static const struct operator table[] = {{"==", CODE_EQ}, {"!=", CODE_NE},
                                            {"<", CODE_LT},  {"<=", CODE_LE},
                                            {">", CODE_GT},  {">=", CODE_GE}};
    *negated = accept_word(c, "not");
    *code = CODE_IN;
    if (accept_word(c, "in"))
        return true;
    if (*negated) {
        unexpected(c, "in");
        return false;
    }
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (accept_sign(c, table[i].sign)) {
            *code = table[i].code;
            return true;
        }
    }
    return false;
}

static void parse_comparison(struct compiler *c)
{
    enum expr_code code;
    bool negated;
    parse_sum(c);
    if (c->failed || !accept_comparison(c, &code, &negated))
        return;
    parse_sum(c);
    if (!c->failed)
        emit(c, code, 2);
    if (!c->failed && negated)
        emit(c, CODE_NOT, 1);
    size_t second = c->from;
    if (!c->failed && accept_comparison(c, &code, &negated))
        fail_plain(c, second, "comparisons do not chain; write `a < b and b < c`");
}

static void parse_not(struct compiler *c)
{
    unsigned words = 0;
    while (!c->failed && accept_word(c, "not"))
        words++;
    if (!c->failed)
        parse_comparison(c);
    if (!c->failed && words % 2)
        emit(c, CODE_NOT, 1);
}

/* A chain of `and` or `or`. Where the left side decides, the right one is not run: most
 * conditions of most rules end at their first word. */
static void parse_logic(struct compiler *c, const char *word, enum expr_code code,
                        void (*operand)(struct compiler *))
{
    operand(c);
    while (!c->failed && accept_word(c, word)) {
        size_t skip = c->ops.len;
        emit(c, code == CODE_AND ? CODE_AND_THEN : CODE_OR_ELSE, 1);
        operand(c);
        if (c->failed || !emit(c, code, 2))
            return;
        c->ops.at[skip].function = (uint16_t)(c->ops.len - 1 - skip);
    }
}

static void parse_and(struct compiler *c)
{
    parse_logic(c, "and", CODE_AND, parse_not);
}

static void parse_or(struct compiler *c)
{
    parse_logic(c, "or", CODE_OR, parse_and);
}

bool expr_compile(struct arena *a, struct str text, struct expr *out, size_t *offset,
                  struct err *err)
{
    struct compiler c = {.arena = a, .text = text, .err = err};
    advance(&c);
    if (!c.failed && c.token == TOKEN_END)
        fail_plain(&c, 0, "an empty expression");
    if (!c.failed)
        parse_or(&c);
    if (!c.failed && c.token != TOKEN_END)
        unexpected(&c, "");
    if (c.failed) {
        if (offset)
            *offset = c.failed_at;
        return false;
    }
    assert(c.height == 1);
    *out = (struct expr){c.ops.at, (uint32_t)c.ops.len};
    return true;
}

void expr_names(const struct expr *e, void (*fn)(void *context, struct str name),
                void *context)
{
    for (uint32_t i = 0; i < e->len; i++)
        if (e->at[i].code == CODE_ASK)
            fn(context, e->at[i].constant.as.string);
}

/* --- phrases ------------------------------------------------------------- */

/* Behind the closing brace of the expression that starts at FROM, or SIZE_MAX. */
static size_t brace_end(struct str text, size_t from)
{
    char mark = 0;
    for (size_t i = from; i < text.len; i++) {
        char c = text.at[i];
        if (mark && c == '\\')
            i++;
        else if (mark)
            mark = c == mark ? 0 : mark;
        else if (c == '\'' || c == '"')
            mark = c;
        else if (c == '}')
            return i + 1;
    }
    return SIZE_MAX;
}

struct pieces VEC_BODY(struct piece);

static bool braces_wrong(struct err *err, size_t *offset, size_t at, const char *message)
{
    if (offset)
        *offset = at;
    return err_set(err, "%s", message);
}

static bool phrase_expression(struct arena *a, struct str text, size_t *at,
                              struct expr *out, size_t *offset, struct err *err)
{
    size_t open = *at, end = brace_end(text, open + 1);
    if (end == SIZE_MAX)
        return braces_wrong(err, offset, open,
                            "'{' without its '}'; write '{{' for a brace");
    *at = end;
    if (expr_compile(a, str_slice(text, open + 1, end - 1), out, offset, err))
        return true;
    if (offset)
        *offset += open + 1;
    return false;
}

bool phrase_compile(struct arena *a, struct str text, struct phrase *out, size_t *offset,
                    struct err *err)
{
    struct pieces pieces = {0};
    struct buf b = buf_new(a);
    for (size_t i = 0; i < text.len;) {
        char c = text.at[i], next = i + 1 < text.len ? text.at[i + 1] : '\0';
        if ((c == '{' || c == '}') && c == next) {
            buf_byte(&b, c);
            i += 2;
        } else if (c == '}') {
            return braces_wrong(err, offset, i,
                                "'}' without its '{'; write '}}' for a brace");
        } else if (c == '{') {
            struct piece p = {.text = arena_str(a, buf_str(&b))};
            if (!phrase_expression(a, text, &i, &p.expr, offset, err))
                return false;
            vec_push(a, &pieces, p);
            b = buf_new(a);
        } else {
            buf_byte(&b, c);
            i++;
        }
    }
    if (buf_str(&b).len || !pieces.len)
        vec_push(a, &pieces, ((struct piece){.text = arena_str(a, buf_str(&b))}));
    *out = (struct phrase){pieces.at, (uint32_t)pieces.len};
    return true;
}
