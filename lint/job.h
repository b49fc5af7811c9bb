/* One invocation: which pack, which configuration for which file, which GPUs; files read,
 * bound and linted. Knows no report format and writes nothing. */
#ifndef JOB_H
#define JOB_H

#include "config.h"
#include "link.h"
#include "walk.h"

/* Files under the same configuration share targets and rule settings. */
struct group {
    const struct config *config;
    struct targets targets;
    struct rule_context context;
    struct rule_settings rules; /* the configuration's, then the command line's */
    enum severity fail_on;
    bool has_loader;
    enum loader loader;
};

struct groups VEC_BODY(struct group *);

struct job_file {
    struct unit *unit;
    struct group *group;
    bool standard_input;
    bool problems; /* its syntax errors are worth telling: it is a trainer's, or was named */
};

struct job_files VEC_BODY(struct job_file);

struct job {
    struct arena *arena;
    const struct options *options;
    const struct pack *pack;
    struct groups groups;
    struct job_files files; /* by path; only those with something to tell keep their trees */
    struct config_cache cache;
    size_t read, failed; /* files read; paths that could not be */
};

/* A finding with the file whose run raised it; its place may be in another file. */
struct job_finding {
    const struct job_file *file;
    struct finding *finding;
};

struct job_findings VEC_BODY(struct job_finding);

/* Loads pack and configuration and reads every file. False on wrong usage. */
bool job_read(struct arena *a, const struct options *o, struct job *job, struct err *err);
/* Rules and ignore comments over everything that was read; with --preset or
 * --fit, what these would change instead. */
void job_lint(struct job *job);
/* Frees what was read; the job's arena is the caller's. */
void job_free(struct job *job);

/* All findings by path, then offset, then code. A unit's own list holds those that its runs
 * raised, wherever they stand; of several runs that share a place, one tells it. */
void job_findings(struct arena *a, const struct job *job, struct job_findings *out);

/* The same for one text in place of a file's: reads, binds and lints it into a fresh
 * unit, as job_lint would find it (but for project rules, and for what other runs tell).
 * REPLACED (may be NULL) stands for other files that its runs take settings from, by path
 * as in their sources. The caller frees unit->arena. */
struct unit *job_relint(const struct job *job, const struct job_file *file, struct str text,
                        const struct replacements *replaced);
/* Reads and binds TEXT only. */
struct unit *job_parse(const struct job *job, const struct group *group, struct str path,
                       struct str text, enum language language,
                       const struct replacements *replaced);

/* Only the pack, for commands that read no file. */
bool job_pack(struct arena *a, const struct options *o, const struct pack **out,
              struct err *err);

#endif
