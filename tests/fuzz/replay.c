/* Runs the fuzz target over the files named on the command line, with any compiler. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LONGEST = 1 << 20 };

static int replay(const char *path, uint8_t *room)
{
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return 2;
    }
    size_t size = fread(room, 1, LONGEST, f);
    fclose(f);
    /* Told before, so that the file whose law breaks is the last one named. */
    printf("%s: %zu bytes\n", path, size);
    fflush(stdout);
    (void)LLVMFuzzerTestOneInput(room, size);
    return 0;
}

int main(int argc, char **argv)
{
    int status = 0;
    uint8_t *room = malloc(LONGEST);
    if (!room)
        return 2;
    for (int i = 1; i < argc; i++)
        status |= replay(argv[i], room);
    free(room);
    return status;
}
