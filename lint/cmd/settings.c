/* What was understood of the files. */
#include "cmd.h"

#include "../banned.h"

int cmd_settings(struct arena *a, const struct options *o)
{
    struct job job;
    struct err err;
    struct buf out = buf_new(a);
    if (!job_read(a, o, &job, &err))
        return cmd_trouble(&err);
    if (o->format == FORMAT_JSON)
        report_settings_json(&out, &job, o->unknown);
    else
        report_settings_text(&out, &job, o->unknown);
    job_free(&job);
    return cmd_print(buf_str(&out)) && !job.failed ? EXIT_CLEAN : EXIT_TROUBLE;
}
