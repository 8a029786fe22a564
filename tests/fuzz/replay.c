// Runs a fuzz target over every file of a corpus folder, as a plain test: replay FOLDER. Exits 1
// when the folder is missing or holds no file, so that a lost corpus does not look like a passed
// test.
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define FILE_SIZE_MAX (1L << 20) // a corpus file is small; a larger one is there by mistake

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Memory of exactly the file's size, so that AddressSanitizer sees a read one octet past its end.
static uint8_t *
file_read(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    if (!file || fstat(fileno(file), &status) != 0 || status.st_size > FILE_SIZE_MAX) {
        fprintf(stderr, "replay: cannot read %s, or it is over 1 MiB\n", path);
        exit(1);
    }
    size_t size = (size_t)status.st_size;
    uint8_t *data = malloc(size ? size : 1);
    if (!data || fread(data, 1, size, file) != size) {
        fprintf(stderr, "replay: cannot read %s\n", path);
        exit(1);
    }
    fclose(file);
    *ret_size = size;
    return data;
}

static void
file_replay(const char *path)
{
    size_t size;
    uint8_t *data = file_read(path, &size);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

int
main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    struct dirent **entries;
    int count = scandir(argv[1], &entries, NULL, alphasort);
    unsigned files = 0;
    for (int i = 0; i < count; i++) {
        char path[4096];
        struct stat status;
        snprintf(path, sizeof path, "%s/%s", argv[1], entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && stat(path, &status) == 0 && S_ISREG(status.st_mode)) {
            file_replay(path);
            files++;
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    printf("%s: %u files replayed\n", argv[1], files);
    return files ? 0 : 1;
}
