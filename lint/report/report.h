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
