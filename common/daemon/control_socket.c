#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/daemon/control.h"
#include "common/daemon/log.h"

// Making the socket file. The order bind, chown, chmod, listen leaves no moment in which somebody
// could connect with the wrong mode: before listen every connect is refused.

#define BACKLOG 32

static bool
address_make(const char *path, struct sockaddr_un *address, struct fault *fault)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path)
        return fault_set(fault, FAULT_CONFIG, "control socket %s: a path of more than %zu octets",
                         path, sizeof address->sun_path - 1);
    snprintf(address->sun_path, sizeof address->sun_path, "%s", path);
    return true;
}

// Somebody's socket file is in the way: gone when nobody listens on it, else another daemon runs.
static bool
stale_remove(const struct sockaddr_un *address, struct fault *fault)
{
    struct stat status;
    const char *path = address->sun_path;
    if (lstat(path, &status) != 0 || !S_ISSOCK(status.st_mode))
        return fault_set(fault, FAULT_EXISTS,
                         "control socket %s: there is a file that is no socket", path);
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int error = 0;
    if (probe < 0 || connect(probe, (const struct sockaddr *)address, sizeof *address) != 0)
        error = errno;
    if (probe >= 0)
        close(probe);
    if (error != ECONNREFUSED)
        return fault_set(fault, FAULT_BUSY,
                         "control socket %s: another daemon answers there; stop it, or set "
                         "control.socket to another path",
                         path);
    if (unlink(path) != 0)
        return fault_set_errno(fault, errno, "control socket %s: cannot remove the stale one",
                               path);
    return true;
}

static bool
bind_there(int fd, const struct sockaddr_un *address, struct fault *fault)
{
    const struct sockaddr *generic = (const struct sockaddr *)address;
    if (bind(fd, generic, sizeof *address) == 0)
        return true;
    if (errno == EADDRINUSE) {
        if (!stale_remove(address, fault))
            return false;
        if (bind(fd, generic, sizeof *address) == 0)
            return true;
    }
    return fault_set_errno(fault, errno, "control socket %s", address->sun_path);
}

static void
group_give(const char *path, const char *group)
{
    const struct group *entry = getgrnam(group);
    if (entry && chown(path, (uid_t)-1, entry->gr_gid) != 0)
        log_debug("control socket stays with our own group", "path", path, "group", group);
}

// The folder under /run is gone after a reboot where no systemd makes it.
static void
folder_make(const char *path)
{
    char folder[sizeof((struct sockaddr_un *)0)->sun_path];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash && slash != folder) {
        *slash = '\0';
        mkdir(folder, 0755); // its failure is the bind's failure
    }
}

int
control_listen(const char *path, const char *group, struct fault *fault)
{
    struct sockaddr_un address;
    if (!address_make(path, &address, fault))
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        fault_set_errno(fault, errno, "control socket %s", path);
        return -1;
    }
    folder_make(path);
    if (!bind_there(fd, &address, fault)) {
        close(fd);
        return -1;
    }
    group_give(path, group ? group : "tandem");
    if (chmod(path, 0660) != 0 || listen(fd, BACKLOG) != 0) {
        fault_set_errno(fault, errno, "control socket %s", path);
        unlink(path);
        close(fd);
        return -1;
    }
    return fd;
}
