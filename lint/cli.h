/* The command line: words to options, help printed from the same table (cli.def). */
#ifndef CLI_H
#define CLI_H

#include "rule.h"

enum {
    CMD_CHECK = 1,
    CMD_ESTIMATE = 2,
    CMD_SETTINGS = 4,
    CMD_FIT = 8,
    CMD_LINT = 15, /* those that read files */
    CMD_EXPLAIN = 16,
    CMD_RULES = 32,
    CMD_GPUS = 64,
    CMD_MODELS = 128,
    CMD_PRESETS = 256,
    CMD_DATA = 496, /* those that print what is known */
    CMD_ALL = 511,
};

enum exit_status { EXIT_CLEAN = 0, EXIT_FINDINGS = 1, EXIT_TROUBLE = 2 };

enum format { FORMAT_TEXT, FORMAT_JSON };

struct strs VEC_BODY(struct str);

struct options {
    unsigned command; /* one CMD_* bit */
    struct strs paths; /* or the operands of explain and friends */
    struct strs gpus, excludes;
    struct rule_settings rules;
    struct str profile, preset, stdin_filename, config, rules_dir;
    enum severity fail_on; /* SEVERITY_OFF: never */
    bool fail_on_given;
    enum format format;
    bool color;
    bool has_loader;
    enum loader loader;
    bool dry_run, show_fixes, fix_only, interactive;
    bool fix, fit, unsafe_fixes, diff, quiet, force_exclude, no_gitignore, no_config, unknown;
    bool command_given, help, version;
    bool only_some; /* --select was given */
    bool has_memory_reserved;
    uint64_t memory_reserved; /* bytes of every GPU */
    unsigned jobs;  /* threads; 0: as many as there are cores */
};

/* Reads ARGV. On a mistake false, with the nearest option suggested. */
bool cli_parse(struct arena *a, int argc, char **argv, struct options *out, struct err *err);
/* COMMAND 0: the overview. */
void cli_help(struct buf *out, unsigned command);
/* Appends the settings of a comma-separated list of rule selectors. */
bool cli_rule_list(struct arena *a, struct rule_settings *list, struct str text, int what,
                   struct err *err);

#endif
