#include "common/daemon/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/descriptor.h"

#define SECRET_FILE_MAX 4096 // a TSIG secret has at most 684 characters, a password fewer

const char *
alert_kind_word(enum alert_kind kind)
{
    static const char *const words[ALERT_KIND_COUNT] = {
        "resign", "gate",       "refresh-failed", "rrsig-expiring", "key",
        "ds",     "alias-held", "crash",          "recovered",
    };
    ENSURE((unsigned)kind < ALERT_KIND_COUNT);
    return words[kind];
}

// Reads it whole; the mode is asked of the open file, so that it cannot be changed between.
static bool
secret_read(int fd, const char *path, char *text, struct fault *fault)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return fault_set_errno(fault, errno, "%s", path);
    if (status.st_mode & S_IRWXO)
        return fault_set(fault, FAULT_REFUSED,
                         "%s: others can use this file (mode %04o); use chmod 640", path,
                         status.st_mode & 07777U);
    ssize_t got = descriptor_read(fd, text, SECRET_FILE_MAX + 1);
    if (got < 0)
        return fault_set_errno(fault, errno, "%s", path);
    size_t used = (size_t)got;
    if (used > SECRET_FILE_MAX)
        return fault_set(fault, FAULT_SYNTAX, "%s: too long for a secret of one line", path);
    while (used > 0 && (text[used - 1] == '\n' || text[used - 1] == '\r'))
        used--;
    text[used] = '\0';
    if (strlen(text) != used || strchr(text, '\n'))
        return fault_set(fault, FAULT_SYNTAX, "%s: expected one line of text", path);
    return used > 0 || fault_set(fault, FAULT_SYNTAX, "%s: empty, expected a secret", path);
}

bool
settings_secret_file(const char *path, char **ret_text, struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return fault_set_errno(fault, errno, "%s", path);
    char text[SECRET_FILE_MAX + 2];
    bool fine = secret_read(fd, path, text, fault);
    close(fd);
    if (fine)
        *ret_text = memory_text(text);
    explicit_bzero(text, sizeof text);
    return fine;
}
