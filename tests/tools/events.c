/* Reads every file named on standard input through plain libyaml and drops the events:
 * the least that a YAML linter must do, to compare gpulint's speed with. */
#include <stdio.h>
#include <string.h>
#include <yaml.h>

static long events_of(FILE *f)
{
    yaml_parser_t parser;
    long count = 0;
    int done = 0;
    if (!yaml_parser_initialize(&parser))
        return -1;
    yaml_parser_set_input_file(&parser, f);
    while (!done) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event))
            break;
        done = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        count++;
    }
    yaml_parser_delete(&parser);
    return count;
}

int main(void)
{
    char path[4096];
    long total = 0;
    while (fgets(path, sizeof path, stdin)) {
        path[strcspn(path, "\n")] = '\0';
        FILE *f = fopen(path, "rb");
        if (!f)
            continue;
        total += events_of(f);
        fclose(f);
    }
    printf("%ld events\n", total);
    return 0;
}
