/* How the program that will load a file reads a scalar. `1e-5` is a string to
 * PyYAML and a float to OmegaConf; facts hold what the program will get. */
#ifndef LOADER_H
#define LOADER_H

#include "setting.h"

enum loader {
    LOADER_PYYAML,    /* yaml.safe_load: YAML 1.1 with PyYAML's own float pattern */
    LOADER_OMEGACONF, /* OmegaConf / Hydra: 1e-5 is a float, no dates */
    LOADER_YAML12,    /* the YAML 1.2 core schema */
    LOADER_JSON,
    LOADER_PYTHON,
    LOADER_SHELL, /* arguments: numbers and booleans where they look so, else text */
    LOADER_TOML,
};

const char *loader_name(enum loader l); /* "pyyaml", "omegaconf", "yaml-1.2", "json", "python",
                                         "shell", "toml" */
bool loader_parse(struct str name, enum loader *out);

/* What a plain (unquoted) scalar TEXT is to L. Interpolations (${...}), OmegaConf's
 * ??? and Jinja are VALUE_UNKNOWN with *WHY set (WHY may be NULL). */
struct value loader_read(enum loader l, struct str text, const char **why);
/* Sets the value of every scalar in TREE as L reads it: plain scalars by
 * loader_read, quoted ones as strings, tagged ones by their tag. Python trees
 * are left as their front end made them. */
void loader_apply(enum loader l, struct arena *a, struct setting_tree *tree);

#endif
