/* The family of commands: one function each, options in, exit status out. Output is
 * built in memory and written at once; trouble goes to stderr. */
#ifndef CMD_H
#define CMD_H

#include "../fix.h"
#include "../report/report.h"

int cmd_check(struct arena *a, const struct options *o);
int cmd_estimate(struct arena *a, const struct options *o);
int cmd_settings(struct arena *a, const struct options *o);
int cmd_fit(struct arena *a, const struct options *o);
int cmd_explain(struct arena *a, const struct options *o);
int cmd_rules(struct arena *a, const struct options *o);
int cmd_gpus(struct arena *a, const struct options *o);
int cmd_models(struct arena *a, const struct options *o);
int cmd_presets(struct arena *a, const struct options *o);

/* The program, its data and the libraries it runs on. */
int cmd_version(struct arena *a);

/* Fixes what was linted: every file in memory first, verified, and only then replaced. The
 * diff or the fixed standard input is appended to OUT, what --dry-run and --show-fixes say to
 * TOLD; with --interactive every fix is asked for. Fills the counts of fixes. False when a
 * file could not be written. */
bool cmd_rewrite(struct arena *a, struct job *job, struct buf *out, struct buf *told,
                 struct counts *counts);

struct asker { /* one --interactive */
    const struct job *job;
    const struct job_file *file;
    bool all, quit;
};
/* Shows the fix with the memory before and after and reads the answer from the terminal. */
enum fix_answer cmd_ask(struct asker *asker, const struct finding *finding,
                        const struct unit *before, const struct unit *after);

/* Writes all of TEXT to stdout; false (told on stderr) when that fails. */
bool cmd_print(struct str text);
/* Prints ERR on stderr; always EXIT_TROUBLE. */
int cmd_trouble(const struct err *err);
/* One estimate per run and GPU of JOB. */
void cmd_estimates(struct arena *a, const struct job *job, struct estimated_list *out);

#endif
