#include "secondary/cookie_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <sodium.h>

#define LINE_MAX_OCTETS 256

static bool
read_line(const char *line, struct cookie_secrets *secrets)
{
    size_t length = 0;
    return sodium_hex2bin(secrets->secret[secrets->count], COOKIE_SECRET_SIZE, line, strlen(line),
                          " \t\r\n", &length, NULL) == 0 &&
           length == COOKIE_SECRET_SIZE;
}

static bool
read_lines(FILE *file, const char *path, struct cookie_secrets *secrets, struct fault *fault)
{
    char line[LINE_MAX_OCTETS];
    for (unsigned number = 1; fgets(line, sizeof line, file) != NULL; number++) {
        if (line[strspn(line, " \t\r\n")] == '\0' || line[0] == '#') {
            continue;
        }
        if (secrets->count == 2) {
            return fault_set(fault, FAULT_CONFIG,
                             "%s:%u: a third cookie secret; two are valid at once", path, number);
        }
        if (!read_line(line, secrets)) {
            return fault_set(fault, FAULT_CONFIG,
                             "%s:%u: expected a cookie secret of 32 hexadecimal digits, as made by "
                             "\"openssl rand "
                             "-hex 16\"",
                             path, number);
        }
        secrets->count++;
    }
    if (secrets->count == 0) {
        return fault_set(fault, FAULT_CONFIG,
                         "%s: no cookie secret in it; make one by \"openssl rand -hex 16\"", path);
    }
    return true;
}

static bool
check_mode(FILE *file, const char *path, struct fault *fault)
{
    struct stat status;
    if (fstat(fileno(file), &status) != 0) {
        return fault_set_errno(fault, errno, "%s", path);
    }
    if ((status.st_mode & S_IRWXO) != 0) {
        return fault_set(fault, FAULT_CONFIG, "%s: others can read this secret; chmod 0640 it",
                         path);
    }
    return true;
}

bool
cookie_file_secrets(const char *path, struct cookie_secrets *ret_secrets, struct fault *fault)
{
    struct cookie_secrets secrets = {0};
    if (path[0] == '\0') {
        secrets.count = 1;
        randombytes_buf(secrets.secret[0], COOKIE_SECRET_SIZE);
        *ret_secrets = secrets;
        return true;
    }
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return fault_set_errno(fault, errno, "server.cookie-secret-file: %s", path);
    }
    bool good = check_mode(file, path, fault) && read_lines(file, path, &secrets, fault);
    fclose(file);
    if (!good) {
        return fault_wrap(fault, "server.cookie-secret-file");
    }
    *ret_secrets = secrets;
    return true;
}

bool
cookie_file_again(const char *former_path, const char *path, struct cookie_secrets *secrets,
                  struct fault *fault)
{
    bool were_drawn = former_path[0] == '\0' && path[0] == '\0';
    return were_drawn || cookie_file_secrets(path, secrets, fault);
}
