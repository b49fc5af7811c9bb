/* argv -> options -> command -> exit status. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "fix.h"
#include "match.h"
#include "banned.h"

bool cmd_print(struct str text)
{
    fwrite(text.at, 1, text.len, stdout);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return true;
    if (errno != EPIPE)
        fprintf(stderr, "gpulint: standard output: %s\n", strerror(errno));
    return false;
}

int cmd_trouble(const struct err *err)
{
    fprintf(stderr, "gpulint: %s\n", err->message);
    return EXIT_TROUBLE;
}

/* A temporary file must not outlive the program; then die as the signal would. */
static void on_signal(int number)
{
    fix_write_cleanup();
    signal(number, SIG_DFL);
    raise(number);
}

static int print_help(struct arena *a, const struct options *o)
{
    struct buf out = buf_new(a);
    cli_help(&out, o->command_given ? o->command : 0);
    return cmd_print(buf_str(&out)) ? EXIT_CLEAN : EXIT_TROUBLE;
}

static int dispatch(struct arena *a, const struct options *o)
{
    switch (o->command) {
    case CMD_ESTIMATE: return cmd_estimate(a, o);
    case CMD_SETTINGS: return cmd_settings(a, o);
    case CMD_FIT: return cmd_fit(a, o);
    case CMD_EXPLAIN: return cmd_explain(a, o);
    case CMD_RULES: return cmd_rules(a, o);
    case CMD_GPUS: return cmd_gpus(a, o);
    case CMD_MODELS: return cmd_models(a, o);
    case CMD_PRESETS: return cmd_presets(a, o);
    default: return cmd_check(a, o);
    }
}

int main(int argc, char **argv)
{
    struct arena arena = {0};
    struct options o;
    struct err err;
    int status;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    signal(SIGHUP, on_signal);
    signal(SIGPIPE, SIG_IGN);
    if (!cli_parse(&arena, argc, argv, &o, &err)) {
        status = cmd_trouble(&err);
    } else if (o.version) {
        status = cmd_version(&arena);
    } else if (o.help) {
        status = print_help(&arena, &o);
    } else {
        status = dispatch(&arena, &o);
    }
    match_free_all();
    arena_free(&arena);
    return status;
}
