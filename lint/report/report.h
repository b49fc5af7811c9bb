/* What is printed. A reporter computes nothing: it gets findings, estimates and facts as
 * they are and chooses words and layout. Text goes to a terminal, JSON to programs
 * (the documents of docs/JSON.md). */
#ifndef REPORT_H
#define REPORT_H

#include "../advise.h"
#include "../job.h"

struct counts {
    size_t errors, warnings, infos;
    size_t fixable, unsafe; /* findings with a safe fix; with one that is not */
    size_t fixed;
    size_t given_up; /* fixes that were to be applied and broke a law when tried */
    size_t runs;
};

struct check_report {
    const struct job *job;
    struct counts counts;
    bool color, quiet;
};

struct thumb { /* a profile's limit, what is left to say when nothing can be estimated */
    struct str name;
    double value;
    bool scaled;
};

struct thumbs VEC_BODY(struct thumb);

struct estimated { /* one run on one GPU */
    const struct job_file *file;
    const struct run *run;
    const struct target *target;
    struct estimate estimate;
    struct thumbs thumbs; /* batch limits of the profile; only without an estimate */
    struct advices advices;
};

struct estimated_list VEC_BODY(struct estimated);

/* --- fit: what fits where ----------------------------------------------------- */

struct fit_row { /* cards of one size that a run does alike on */
    const struct target *target; /* the one with the least that is usable */
    struct strs ids;
    struct estimate estimate;
    struct advise_set set; /* what would make it fit; not needed or not found: nothing */
};

struct fit_rows VEC_BODY(struct fit_row);

struct fitted_run {
    const struct job_file *file;
    const struct run *run;
    struct fit_rows rows; /* ascending by what is usable */
};

struct fit_cell {
    const struct method *method;
    struct estimate estimate; /* with one sample at a time */
};

struct fit_cells VEC_BODY(struct fit_cell);

struct fitted_model { /* one model of the catalogue on one GPU */
    const struct model *model;
    const struct target *target;
    struct fit_cells cells;
};

struct fit_report {
    struct fitted_runs VEC_BODY(struct fitted_run) runs;
    struct fitted_models VEC_BODY(struct fitted_model) models; /* by GPU, then size */
    bool color;
};

void report_fit_text(struct buf *out, const struct fit_report *r);
void report_fit_json(struct buf *out, const struct fit_report *r);
void report_check_text(struct buf *out, const struct check_report *r);
void report_check_json(struct buf *out, const struct check_report *r);
void report_estimates_text(struct buf *out, const struct estimated_list *list, bool color);
void report_estimates_json(struct buf *out, const struct estimated_list *list);
/* UNKNOWN: also keys that look like settings and gave no fact. */
void report_settings_text(struct buf *out, const struct job *job, bool unknown);
void report_settings_json(struct buf *out, const struct job *job, bool unknown);

const char *report_json_library(void); /* the version of cJSON */
/* "7.9 GiB", "512 MiB", "-" for 0. */
void report_bytes(struct buf *out, uint64_t bytes);
/* 6738415616 -> "6.74 B", 11689512 -> "11.7 M". */
void report_count(struct buf *out, uint64_t n);

#endif
