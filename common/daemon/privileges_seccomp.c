// Which system calls each role makes once it has started, as one table: a row for each call, a
// column for each group of calls, and a profile is a set of groups. A call that is in no group of
// the profile ends the whole process with SIGSYS; the supervisor sees it, counts it and restarts
// the role.
//
// Some calls are told apart by an argument that the filter can see: mmap and mprotect without
// PROT_EXEC, clone for a thread only, socket for the families that a role speaks, ioctl for the two
// requests that mean "non-blocking" and "how much", prctl to name a thread. clone3 and
// io_uring_setup have their arguments in memory, out of the filter's sight: they are answered with
// ENOSYS, and the C library and libuv fall back to calls that can be judged.
//
// A library may open a file at its first use of a function (time zones, for example). So
// privileges_seccomp first uses what all roles use, and each role uses its own libraries once
// before.
//
// Sanitizers read /proc, start a tracing thread at exit and map as they please; a build with them
// has the group SANITIZERS in every profile. So has a build that counts executed lines, which
// writes its counts into files at exit. Neither replaces the test of the release build.
#include "common/daemon/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#define BASE       1u  // memory, time, the loop, reading and writing what is open
#define ANSWERING  2u  // sockets that others opened: accept, batches
#define ASKING     4u  // new sockets, IPv4 and IPv6
#define FILES      8u  // paths: reading, writing, renaming
#define THREADS    16u // more threads of this process
#define RESOLVING  32u // the C library's name look-up and its modules
#define SANITIZERS 64u

struct call_row {
    const char *name; // names that this architecture or kernel does not have are passed over
    unsigned groups;
};

static const struct call_row calls[] = {
    {"read", BASE},
    {"write", BASE},
    {"readv", BASE},
    {"writev", BASE},
    {"pread64", BASE},
    {"close", BASE},
    {"fstat", BASE},
    {"newfstatat", BASE}, // fstat of newer C libraries
    {"lseek", BASE},
    {"dup", BASE},
    {"fcntl", BASE},
    {"brk", BASE},
    {"munmap", BASE},
    {"mremap", BASE},
    {"madvise", BASE},
    {"mlock", BASE}, // libsodium's guarded memory
    {"mlock2", BASE},
    {"munlock", BASE},
    {"futex", BASE},
    {"set_robust_list", BASE},
    {"rseq", BASE},
    {"sched_yield", BASE},
    {"sched_getaffinity", BASE},
    {"getcpu", BASE},
    {"membarrier", BASE},
    {"getpid", BASE},
    {"gettid", BASE},
    {"getppid", BASE},
    {"getuid", BASE},
    {"geteuid", BASE},
    {"getgid", BASE},
    {"getegid", BASE},
    {"uname", BASE},
    {"sysinfo", BASE}, // the C library's qsort
    {"getrusage", BASE},
    {"prlimit64", BASE},
    {"tgkill", BASE}, // abort
    {"rt_sigaction", BASE},
    {"rt_sigprocmask", BASE},
    {"rt_sigreturn", BASE},
    {"sigreturn", BASE},
    {"sigaltstack", BASE},
    {"restart_syscall", BASE},
    {"exit", BASE},
    {"exit_group", BASE},
    {"clock_gettime", BASE},
    {"clock_gettime64", BASE},
    {"clock_getres", BASE},
    {"clock_nanosleep", BASE},
    {"nanosleep", BASE},
    {"gettimeofday", BASE},
    {"time", BASE},
    {"getrandom", BASE},
    {"epoll_create1", BASE},
    {"epoll_ctl", BASE},
    {"epoll_wait", BASE},
    {"epoll_pwait", BASE},
    {"eventfd2", BASE},
    {"pipe2", BASE},
    {"poll", BASE},
    {"ppoll", BASE},
    {"memfd_create", BASE}, // long messages between roles
    {"ftruncate", BASE},
    {"recvmsg", BASE},
    {"recvfrom", BASE},
    {"shutdown", BASE},
    {"getsockopt", BASE},
    {"setsockopt", BASE},
    {"getsockname", BASE},
    {"getpeername", BASE},

    {"accept4", ANSWERING},
    {"accept", ANSWERING},
    {"recvmmsg", ANSWERING},

    {"connect", ASKING},
    {"bind", ASKING},
    {"listen", ASKING},
    {"select", ASKING},
    {"pselect6", ASKING},

    {"open", FILES | SANITIZERS},
    {"openat", FILES | SANITIZERS},
    {"stat", FILES | SANITIZERS},
    {"lstat", FILES | SANITIZERS},
    {"statx", FILES | SANITIZERS},
    {"access", FILES | SANITIZERS},
    {"faccessat", FILES | SANITIZERS},
    {"faccessat2", FILES | SANITIZERS},
    {"readlink", FILES | SANITIZERS},
    {"readlinkat", FILES | SANITIZERS},
    {"getdents", SANITIZERS},
    {"getdents64", FILES | SANITIZERS},
    {"getcwd", FILES | SANITIZERS},
    {"umask", FILES},
    {"pwrite64", FILES},
    {"pwritev", FILES},
    {"preadv", FILES},
    {"fsync", FILES},
    {"fdatasync", FILES},
    {"sync_file_range", FILES},
    {"syncfs", FILES},
    {"fallocate", FILES},
    {"fadvise64", FILES},
    {"msync", FILES},
    {"flock", FILES},
    {"statfs", FILES},
    {"fstatfs", FILES},
    {"rename", FILES},
    {"renameat", FILES},
    {"renameat2", FILES},
    {"link", FILES},
    {"linkat", FILES},
    {"unlink", FILES},
    {"unlinkat", FILES},
    {"mkdir", FILES | SANITIZERS},
    {"mkdirat", FILES},
    {"rmdir", FILES},
    {"chmod", FILES},
    {"fchmod", FILES},
    {"fchmodat", FILES},
    {"chown", FILES},
    {"fchown", FILES},
    {"fchownat", FILES},
    {"utimensat", FILES},
    {"copy_file_range", FILES},
    {"sendfile", FILES},

    {"sched_setscheduler", THREADS},
    {"sched_getparam", THREADS},
    {"sched_getscheduler", THREADS},
    {"setpriority", THREADS},

    {"socketpair", RESOLVING}, // libcurl wakes its threads with one
    {"getgroups", RESOLVING},

    {"clone", SANITIZERS},
    {"mmap", SANITIZERS},
    {"mprotect", SANITIZERS},
    {"prctl", SANITIZERS},
    {"ptrace", SANITIZERS},
    {"wait4", SANITIZERS},
    {"kill", SANITIZERS},
    {"process_vm_readv", SANITIZERS},
    {"personality", SANITIZERS},
    {"sched_setaffinity", SANITIZERS},
    {"ioctl", SANITIZERS},
};

static unsigned
profile_groups(enum privileges_profile profile)
{
    unsigned groups = BASE;
    switch (profile) {
    case PRIVILEGES_SERVER:
        groups |= ANSWERING;
        break;
    case PRIVILEGES_FETCHER:
        groups |= ANSWERING | ASKING | THREADS;
        break;
    case PRIVILEGES_SIGNER:
        groups |= FILES | THREADS;
        break;
    case PRIVILEGES_DESK:
    case PRIVILEGES_PRIMARY:
        groups |= ANSWERING | ASKING | FILES | THREADS | RESOLVING;
        break;
    }
#if defined(TANDEM_SANITIZED) || defined(TANDEM_COVERAGE)
    groups |= SANITIZERS;
#endif
    return groups;
}

// 0, or the negative error of libseccomp. A name that it does not know is not an error: the kernel
// of this machine does not have it either.
static int
allow(scmp_filter_ctx filter, const char *name)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR)
        return 0;
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
}

static int
allow_if(scmp_filter_ctx filter, const char *name, struct scmp_arg_cmp condition)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR)
        return 0;
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 1, &condition);
}

static int
answer_enosys(scmp_filter_ctx filter, const char *name)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR)
        return 0;
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), number, 0);
}

static int
add_table(scmp_filter_ctx filter, unsigned groups)
{
    int error = 0;
    for (size_t i = 0; error == 0 && i < sizeof(calls) / sizeof(calls[0]); i++)
        if ((calls[i].groups & groups) != 0)
            error = allow(filter, calls[i].name);
    return error;
}

// Code only where the name look-up may load a module of the C library.
static int
add_memory(scmp_filter_ctx filter, unsigned groups)
{
    struct scmp_arg_cmp no_code = SCMP_A2_64(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    if (groups & (RESOLVING | SANITIZERS)) {
        int error = allow(filter, "mmap");
        return error ? error : allow(filter, "mprotect");
    }
    int error = allow_if(filter, "mmap", no_code);
    return error ? error : allow_if(filter, "mprotect", no_code);
}

static int
add_sockets(scmp_filter_ctx filter, unsigned groups)
{
    static const int asking[] = {AF_INET, AF_INET6};
    static const int resolving[] = {AF_UNIX, AF_NETLINK}; // the control socket, nscd; interfaces
    int error = 0;
    for (size_t i = 0; error == 0 && (groups & ASKING) && i < 2; i++)
        error = allow_if(filter, "socket", SCMP_A0_64(SCMP_CMP_EQ, (scmp_datum_t)asking[i], 0));
    for (size_t i = 0; error == 0 && (groups & RESOLVING) && i < 2; i++)
        error = allow_if(filter, "socket", SCMP_A0_64(SCMP_CMP_EQ, (scmp_datum_t)resolving[i], 0));
    return error;
}

// MSG_FASTOPEN makes a connection where a listening socket was shut down before: who may not call
// connect may not do that either.
static int
add_sending(scmp_filter_ctx filter, unsigned groups)
{
    struct scmp_arg_cmp plain_third = SCMP_A2_32(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0);
    struct scmp_arg_cmp plain_fourth = SCMP_A3_32(SCMP_CMP_MASKED_EQ, MSG_FASTOPEN, 0);
    bool batches = (groups & (ANSWERING | ASKING | RESOLVING)) != 0;
    if (groups & ASKING) {
        int error = allow(filter, "sendto");
        error = error ? error : allow(filter, "sendmsg");
        return error ? error : allow(filter, "sendmmsg");
    }
    int error = allow_if(filter, "sendto", plain_fourth);
    error = error ? error : allow_if(filter, "sendmsg", plain_third);
    return error || !batches ? error : allow_if(filter, "sendmmsg", plain_fourth);
}

static int
add_by_argument(scmp_filter_ctx filter, unsigned groups)
{
    int error = 0;
    if ((groups & SANITIZERS) == 0) {
        error = allow_if(filter, "ioctl", SCMP_A1_32(SCMP_CMP_EQ, FIONBIO, 0));
        error = error ? error : allow_if(filter, "ioctl", SCMP_A1_32(SCMP_CMP_EQ, FIONREAD, 0));
        error = error ? error : allow_if(filter, "prctl", SCMP_A0_32(SCMP_CMP_EQ, PR_SET_NAME, 0));
    }
    if (error == 0 && (groups & THREADS) && (groups & SANITIZERS) == 0)
        error =
            allow_if(filter, "clone", SCMP_A0_64(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    error = error ? error : answer_enosys(filter, "clone3");
    return error ? error : answer_enosys(filter, "io_uring_setup");
}

// The first use of these opens files.
static void
use_once(void)
{
    struct tm broken;
    time_t now = 0;
    tzset();
    gmtime_r(&now, &broken);
}

static int
fill_filter(scmp_filter_ctx filter, unsigned groups)
{
    int error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    error =
        error ? error : seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    // A binary tree instead of a list: a few comparisons for each call instead of a hundred.
    error = error ? error : seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    error = error ? error : add_table(filter, groups);
    error = error ? error : add_memory(filter, groups);
    error = error ? error : add_sockets(filter, groups);
    error = error ? error : add_sending(filter, groups);
    return error ? error : add_by_argument(filter, groups);
}

bool
privileges_seccomp(enum privileges_profile profile, struct fault *fault)
{
    use_once();
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter)
        return fault_set(fault, FAULT_IO, "seccomp: no filter could be made");
    int error = fill_filter(filter, profile_groups(profile));
    error = error ? error : seccomp_load(filter);
    seccomp_release(filter);
    if (error != 0)
        return fault_set_errno(fault, -error,
                               "seccomp: the kernel takes no filter (CONFIG_SECCOMP_FILTER)");
    return true;
}
