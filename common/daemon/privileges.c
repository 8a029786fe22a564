// The order is the point, because each step takes away what an earlier one needs: names are looked
// up while there are files; the bounding set is cut while CAP_SETPCAP is there; groups before the
// user; the root directory before the user; the capability sets last. no_new_privs closes the way
// back by a set-user-id program. Then the way back is tried: if setuid(0) still works, the daemon
// does not start.
//
// Not dumpable: another process of the same user can neither trace this one nor read its memory,
// and no core file holds a key. Builds with sanitizers stay dumpable: the leak check traces its own
// process.
#include "common/daemon/privileges.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/daemon/log.h"

#define CAPABILITIES 64  // the kernel's sets have two words of 32
#define UNCHANGED    ~0u // what setresuid takes for "leave it": never an id

static bool
is_given(const char *text)
{
    return text && text[0] != '\0';
}

bool
privileges_is_root(void)
{
    return geteuid() == 0;
}

bool
privileges_find_user(const char *user, uid_t *ret_uid, gid_t *ret_gid, struct fault *fault)
{
    errno = 0;
    const struct passwd *entry = getpwnam(user);
    if (!entry)
        return fault_set(
            fault, FAULT_NOT_FOUND,
            "user %s: no such user; make it with: useradd --system --no-create-home %s", user,
            user);
    *ret_uid = entry->pw_uid;
    *ret_gid = entry->pw_gid;
    return true;
}

static bool
find_group(const char *group, gid_t *ret_gid, struct fault *fault)
{
    const struct group *entry = getgrnam(group);
    if (!entry)
        return fault_set(fault, FAULT_NOT_FOUND,
                         "group %s: no such group; make it with: groupadd --system %s", group,
                         group);
    *ret_gid = entry->gr_gid;
    return true;
}

static bool
is_empty_directory(int fd)
{
    bool empty = true;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
    if (!directory) {
        if (copy >= 0)
            close(copy);
        return false;
    }
    for (const struct dirent *entry = readdir(directory); entry; entry = readdir(directory))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            empty = false;
    closedir(directory);
    return empty;
}

// A root directory that the process could write, or with anything in it, is no prison.
static bool
check_root(int fd, const char *root, struct fault *fault)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return fault_set_errno(fault, errno, "root directory %s", root);
    if (status.st_uid != 0 || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return fault_set(fault, FAULT_CONFIG,
                         "root directory %s: others than root can write it; chown root and chmod "
                         "755 it",
                         root);
    if (!is_empty_directory(fd))
        return fault_set(fault, FAULT_CONFIG,
                         "root directory %s: not empty; name a directory of its own", root);
    return true;
}

static bool
change_root(const char *root, struct fault *fault)
{
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fault_set_errno(fault, errno, "root directory %s", root);
    bool good = check_root(fd, root, fault);
    // By descriptor, so that what was checked is what is entered.
    if (good && (fchdir(fd) != 0 || chroot(".") != 0 || chdir("/") != 0))
        good = fault_set_errno(fault, errno, "root directory %s: chroot", root);
    close(fd);
    return good;
}

static bool
limit_bounding_set(uint64_t keep, struct fault *fault)
{
    for (unsigned long capability = 0; capability < CAPABILITIES; capability++) {
        if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) != 1 || (keep >> capability & 1) != 0)
            continue;
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0)
            continue;
        if (errno == EPERM && !privileges_is_root())
            return true; // only its holder may cut it; without root it gives nothing anyway
        return fault_set_errno(fault, errno, "capability %lu: drop from the bounding set",
                               capability);
    }
    return true;
}

static bool
set_capabilities(uint64_t keep, struct fault *fault)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2];
    memset(sets, 0, sizeof(sets));
    if (syscall(SYS_capget, &header, sets) != 0)
        return fault_set_errno(fault, errno, "capabilities: read");
    for (unsigned i = 0; i < 2; i++) {
        sets[i].permitted &= (uint32_t)(keep >> (32 * i));
        sets[i].effective = sets[i].permitted;
        sets[i].inheritable = 0;
    }
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capset, &header, sets) != 0)
        return fault_set_errno(fault, errno, "capabilities: drop");
    return true;
}

static bool
change_user(const char *user, uid_t uid, gid_t gid, struct fault *fault)
{
    if (setresgid(gid, gid, gid) != 0)
        return fault_set_errno(fault, errno, "user %s: setresgid %u", user, gid);
    if (setresuid(uid, uid, uid) != 0)
        return fault_set_errno(fault, errno, "user %s: setresuid %u", user, uid);
    return true;
}

static bool
close_way_back(const char *user, uid_t uid, uint64_t keep, struct fault *fault)
{
    bool may_change = (keep >> CAP_SETUID & 1) != 0;
    if (uid != 0 && !may_change && setresuid(0, 0, 0) == 0)
        return fault_set(fault, FAULT_IO, "user %s: root can be had back; this is a bug", user);
    return true;
}

// Only when started as root and a user is named.
static bool
become(const struct privileges_options *options, struct fault *fault)
{
    uid_t uid = UNCHANGED;
    gid_t gid = UNCHANGED;
    if (!privileges_find_user(options->user, &uid, &gid, fault) ||
        (is_given(options->group) && !find_group(options->group, &gid, fault)))
        return false;
    ENSURE(uid != UNCHANGED && gid != UNCHANGED);
    if (initgroups(options->user, gid) != 0)
        return fault_set_errno(fault, errno, "user %s: initgroups", options->user);
    if (is_given(options->root) && !change_root(options->root, fault))
        return false;
    if (!limit_bounding_set(options->keep_capabilities, fault))
        return false;
    if (options->keep_capabilities != 0)
        prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
    bool good = change_user(options->user, uid, gid, fault) &&
                set_capabilities(options->keep_capabilities, fault) &&
                close_way_back(options->user, uid, options->keep_capabilities, fault);
    prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
    return good;
}

static bool
stay(const struct privileges_options *options, struct fault *fault)
{
    if (is_given(options->user) && !privileges_is_root())
        log_debug("not started as root: user and root directory stay as they are", "user",
                  options->user);
    if (privileges_is_root() && is_given(options->root) && !change_root(options->root, fault))
        return false;
    return limit_bounding_set(options->keep_capabilities, fault) &&
           set_capabilities(options->keep_capabilities, fault);
}

static bool
keep_to_itself(struct fault *fault)
{
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return fault_set_errno(fault, errno, "core files: setrlimit");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fault_set_errno(fault, errno, "no_new_privs");
#ifndef TANDEM_SANITIZED
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return fault_set_errno(fault, errno, "not dumpable");
#endif
    return true;
}

bool
privileges_drop(const struct privileges_options *options, struct fault *fault)
{
    bool change = privileges_is_root() && is_given(options->user);
    if (!(change ? become(options, fault) : stay(options, fault)))
        return false;
    return keep_to_itself(fault);
}
