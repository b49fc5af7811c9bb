/* What the parts of the rule engine share. Private to rule*.c. */
#ifndef RULE_EVAL_H
#define RULE_EVAL_H

#include "expr.h"
#include "match.h"
#include "rule.h"

/* The estimates of one run, one per target, made when first asked for. */
struct rule_estimates {
    struct arena *arena;
    const struct run *run;
    const struct estimate **at; /* as many as there are targets */
};

/* What one evaluation of one rule looks at; the context of its expressions. */
struct rule_view {
    const struct rule_context *c;
    const struct rule *rule;
    struct unit *unit;           /* NULL in scope project */
    const struct run *run;       /* NULL: no facts */
    const struct target *target; /* NULL only when there are no targets */
    struct rule_estimates *estimates;
    const struct setting *setting; /* scope setting */
    enum fact_id setting_fact;     /* FACT_COUNT: gives none */
    const struct pattern *pattern; /* scope source */
    const struct match *match;
    const struct units *units; /* scope project: those that count */
    struct arena *scratch;     /* released after the rule */
};

/* Where a finding is, and what the reader needs to see with it. */
struct rule_place {
    struct source *source;
    struct span span;
    const struct setting *setting; /* NULL when it is not one */
};

struct expr_scope rule_scope(const struct rule_view *v);
/* The user's value of an option, else its default. */
struct value rule_option(const struct rule_view *v, struct str name);
const struct target *rule_smallest(const struct targets *targets);

/* Does the rule concern files in LANGUAGE, runs of FRAMEWORK (NULL: none), and the
 * chosen profile? */
bool rule_concerns(const struct rule_context *c, const struct rule *rule,
                   enum language language, const struct framework *framework);

/* Key and value on one line, else the key alone. */
struct span rule_setting_span(struct source *source, const struct setting *s);
struct rule_place rule_place_of_run(const struct rule *rule, struct unit *unit,
                                    const struct run *run);

/* Adds the finding with message, help and related places; NULL when the same one is
 * there already. */
struct finding *rule_report(const struct rule_view *v, struct unit *unit,
                            struct rule_place place);
/* The fix that the rule wishes for a run; NULL when there is none. */
struct fix *rule_fix_run(const struct rule_view *v, struct unit *unit);
struct fix *rule_fix_setting(const struct rule_view *v, struct unit *unit);
struct fix *rule_fix_source(const struct rule_view *v, struct unit *unit);

void rule_check_source(const struct rule_view *v);

#endif
