/* Turns gpulint's JSON (standard input) into one stable line per finding or fact, with the
 * bytes of every span quoted from the file, so that an expectation can be read and reviewed.
 *
 *   lines findings   path:line:column-end_line:end_column severity CODE rule "bytes" -> message
 *   lines facts      line fact = value origin [scope] */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_all(FILE *f, size_t *len)
{
    size_t cap = 65536;
    char *at = malloc(cap);
    *len = 0;
    for (size_t n; at && (n = fread(at + *len, 1, cap - *len - 1, f)) > 0;) {
        *len += n;
        if (cap - *len < 4096)
            at = realloc(at, cap *= 2);
    }
    if (!at)
        abort();
    at[*len] = '\0';
    return at;
}

static const char *text_of(const cJSON *o, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
    return cJSON_IsString(v) ? v->valuestring : "";
}

static long number_of(const cJSON *o, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
    return cJSON_IsNumber(v) ? (long)v->valuedouble : 0;
}

static void print_quoted(const char *path, long from, long to)
{
    FILE *f = fopen(path, "rb");
    size_t len = 0;
    char *bytes = f ? read_all(f, &len) : calloc(1, 1);
    if (f)
        fclose(f);
    putchar('"');
    for (long i = from; i < to && (size_t)i < len; i++)
        switch (bytes[i]) {
        case '\n': fputs("\\n", stdout); break;
        case '\r': fputs("\\r", stdout); break;
        case '\t': fputs("\\t", stdout); break;
        default: putchar(bytes[i]);
        }
    putchar('"');
    free(bytes);
}

static void print_finding(const cJSON *f)
{
    const char *run = text_of(f, "run");
    printf("%s:%ld:%ld-%ld:%ld %s %s %s ", text_of(f, "path"), number_of(f, "line"),
           number_of(f, "column"), number_of(f, "end_line"), number_of(f, "end_column"),
           text_of(f, "severity"), text_of(f, "code"), text_of(f, "rule"));
    print_quoted(text_of(f, "path"), number_of(f, "from"), number_of(f, "to"));
    if (*run)
        printf(" [%s]", run);
    printf(" -> %s\n", text_of(f, "message"));
}

static void print_fact(const cJSON *f)
{
    char *value = cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(f, "value"));
    const char *scope = text_of(f, "scope");
    if (strcmp(text_of(f, "origin"), "explicit") == 0) {
        printf("%ld %s = %s explicit", number_of(f, "line"), text_of(f, "fact"), value);
        if (*scope)
            printf(" [%s]", scope);
        putchar('\n');
    }
    cJSON_free(value);
}

static void print_facts(const cJSON *document)
{
    const cJSON *file, *run, *fact;
    cJSON_ArrayForEach(file, cJSON_GetObjectItemCaseSensitive(document, "files"))
        cJSON_ArrayForEach(run, cJSON_GetObjectItemCaseSensitive(file, "runs"))
            cJSON_ArrayForEach(fact, cJSON_GetObjectItemCaseSensitive(run, "facts"))
                print_fact(fact);
}

int main(int argc, char **argv)
{
    size_t len;
    char *text = read_all(stdin, &len);
    cJSON *document = cJSON_Parse(text);
    if (argc != 2 || !document) {
        fprintf(stderr, "lines: %s\n", document ? "findings or facts?" : "no JSON to read");
        return 2;
    }
    const cJSON *f;
    if (strcmp(argv[1], "facts") == 0)
        print_facts(document);
    else
        cJSON_ArrayForEach(f, cJSON_GetObjectItemCaseSensitive(document, "findings"))
            print_finding(f);
    cJSON_Delete(document);
    free(text);
    return 0;
}
