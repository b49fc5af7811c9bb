/* .gpulint.yaml: the nearest one above a file decides for it; `extends` names another
 * whose keys it overrides. Knows no rule's meaning. */
#ifndef CONFIG_H
#define CONFIG_H

#include "cli.h"

struct file_rules { /* per-file-ignores; the glob is relative to FOLDER */
    struct str folder, glob;
    struct strs rules;
};

struct config_glob { /* exclude */
    struct str folder, glob;
};

struct file_rules_list VEC_BODY(struct file_rules);
struct config_globs VEC_BODY(struct config_glob);
struct fact_values VEC_BODY(struct fact_value);

struct config {
    struct str path, folder; /* "" when there is none */
    struct strs gpus;
    struct config_globs excludes;
    struct str profile;
    struct rule_settings rules;
    struct rule_option_values options;
    struct file_rules_list file_rules;
    struct fact_values facts; /* said of every run that does not say it itself */
    bool has_fail_on, has_loader, has_memory_reserved;
    uint64_t memory_reserved; /* bytes of every GPU that others take */
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

/* Is the file or folder at PATH left out by an `exclude` of C? */
bool config_excludes(const struct config *c, struct str path, bool is_folder);
/* Is the rule of this CODE and ID ignored in the file at PATH by `per-file-ignores`? */
bool config_ignores(const struct config *c, struct str path, struct str code,
                    struct str id);

#endif
