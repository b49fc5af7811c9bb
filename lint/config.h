/* .gpulint.yaml: the nearest one above a file decides for it; `extends` names another
 * whose keys it overrides. Knows no rule's meaning. */
#ifndef CONFIG_H
#define CONFIG_H

#include "cli.h"

struct file_rules { /* per-file-ignores */
    struct str glob;
    struct strs rules;
};

struct file_rules_list VEC_BODY(struct file_rules);
struct fact_values VEC_BODY(struct fact_value);

struct config {
    struct str path, folder; /* "" when there is none */
    struct strs gpus, excludes;
    struct str profile;
    struct rule_settings rules;
    struct rule_option_values options;
    struct file_rules_list file_rules;
    struct fact_values facts; /* said of every run that does not say it itself */
    bool has_fail_on, has_loader;
    enum severity fail_on;
    enum loader loader;
};

/* Reads the file at PATH. A mistake in it is ERR with line and column. */
bool config_load(struct arena *a, const char *path, struct config *out, struct err *err);

/* The nearest .gpulint.yaml in FOLDER or above it; an empty config when there is none.
 * Results are kept in CACHE (zeroed before the first call). */
struct config_cache VEC_BODY(struct config_entry);
struct config_entry {
    struct str folder;
    const struct config *config;
};
bool config_nearest(struct arena *a, struct config_cache *cache, struct str folder,
                    const struct config **out, struct err *err);

#endif
