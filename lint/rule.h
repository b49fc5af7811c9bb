/* (Names that rules may use, such as settings.KEY and conflicts.FACT, are listed in
 * docs/FORMATS.md.)
 * All rules over runs, settings, sources and the project. Knows no language and no
 * report format; turns a rule's wishes into fixes through fix.h. */
#ifndef RULE_H
#define RULE_H

#include "memory.h"
#include "unit.h"

struct rule_setting { /* a user's word on one rule, from config or command line */
    struct str selector; /* code, id, family "MEM", or "ALL" */
    enum { RULE_SELECT, RULE_IGNORE, RULE_SEVERITY } what;
    enum severity severity;
};

struct rule_settings VEC_BODY(struct rule_setting);

struct rule_option_value {
    struct str rule, name;
    struct value value;
};

struct rule_option_values VEC_BODY(struct rule_option_value);

struct rule_context {
    const struct pack *pack;
    const struct profile *profile;
    bool profile_chosen; /* by flag or config: rules of thumb become warnings */
    const struct targets *targets;
    const struct rule_settings *settings;
    const struct rule_option_values *options;
    const enum loader *loader; /* what the user says reads the files; NULL: the frameworks' */
    bool only_some; /* a --select left rules out: unused ignores are not reported */
};

/* Adds the findings of scopes setting, run and source to UNIT's list. */
void rule_check_unit(const struct rule_context *c, struct unit *unit);
/* Adds findings of scope project, each to the unit it is reported in. */
void rule_check_project(const struct rule_context *c, struct units *units);
/* Severity after the user's settings; SEVERITY_OFF when not selected. */
enum severity rule_severity(const struct rule_context *c, const struct rule *rule);
/* Of a fix that makes WISHES of RUN: where they change batch or accumulation and that is
 * another training, lowers a safe SAFETY to unsafe and puts why before REASON ("" is none).
 * The text lies in A. */
void rule_batch_safety(struct arena *a, const struct rule_context *c, const struct run *run,
                       const struct wishes *wishes, enum safety *safety,
                       struct str *reason);
/* A profile's limit for a card, scaled where the profile has none for its class. */
bool rule_limit(const struct profile *p, const struct target *t, struct str name,
                double *out, bool *scaled);

#endif
