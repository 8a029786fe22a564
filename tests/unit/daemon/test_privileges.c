#include "common/daemon/privileges.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOBODY 65534

static char root_directory[64];

// Runs check in a child, for what it does cannot be undone; the child's exit code.
static int
in_child(int (*check)(void))
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(check());
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status))
        fail_msg("signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

// The effective and permitted capabilities as one set.
static uint64_t
capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2] = {0};
    syscall(SYS_capget, &header, sets);
    return ((uint64_t)(sets[1].permitted | sets[1].effective) << 32) |
           (sets[0].permitted | sets[0].effective);
}

// Each check gives the number of the first thing that is wrong, 0 for none.
#define EXPECT(number, condition)                                                                  \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return (number);                                                                       \
    } while (0)

static int
check_user(void)
{
    const struct privileges_options options = {.user = "nobody", .root = root_directory};
    struct fault fault = {0};
    struct rlimit core;
    if (!privileges_drop(&options, &fault)) {
        fprintf(stderr, "%s\n", fault.text);
        return 1;
    }
    EXPECT(2, getuid() == NOBODY && geteuid() == NOBODY && getgid() != 0);
    EXPECT(3, setuid(0) != 0 && setresuid(0, 0, 0) != 0 && setgid(0) != 0);
    EXPECT(4, capabilities() == 0);
    EXPECT(5, prctl(PR_CAPBSET_READ, CAP_NET_RAW, 0, 0, 0) == 0);
    EXPECT(6, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    EXPECT(7, getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0);
    EXPECT(8, access("/etc/passwd", F_OK) != 0);
    EXPECT(9, open("/x", O_CREAT | O_WRONLY, 0600) < 0);
    gid_t groups[64];
    int count = getgroups(64, groups);
    for (int i = 0; i < count; i++)
        EXPECT(10, groups[i] != 0);
#ifndef TANDEM_SANITIZED
    EXPECT(11, prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
#endif
    return 0;
}

static int
check_kept(void)
{
    const uint64_t kept = 1ull << CAP_SETUID | 1ull << CAP_SETGID;
    const struct privileges_options options = {.keep_capabilities = kept};
    EXPECT(1, privileges_drop(&options, NULL));
    EXPECT(2, getuid() == 0);
    EXPECT(3, (capabilities() & ~kept) == 0);
    EXPECT(4, (capabilities() & kept) != 0);
    EXPECT(5, prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) == 0);
    EXPECT(6, prctl(PR_CAPBSET_READ, CAP_SETUID, 0, 0, 0) == 1);
    return 0;
}

static int
check_kept_with_user(void)
{
    const uint64_t kept = 1ull << CAP_NET_BIND_SERVICE;
    const struct privileges_options options = {.user = "nobody", .keep_capabilities = kept};
    EXPECT(1, privileges_drop(&options, NULL));
    EXPECT(2, getuid() == NOBODY);
    EXPECT(3, capabilities() == kept);
    return 0;
}

static int
check_ordinary(void)
{
    const struct privileges_options options = {.user = "no-such-user-at-all", .root = "/nowhere"};
    EXPECT(1, setresuid(NOBODY, NOBODY, NOBODY) == 0 || geteuid() == NOBODY);
    EXPECT(2, !privileges_is_root());
    EXPECT(3, privileges_drop(&options, NULL));
    EXPECT(4, getuid() == NOBODY);
    EXPECT(5, capabilities() == 0);
    EXPECT(6, prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    return 0;
}

static void
only_root(void)
{
    if (!privileges_is_root())
        skip();
}

static void
as_root_everything_is_given_up_for_good(void **state)
{
    (void)state;
    only_root();
    assert_int_equal(in_child(check_user), 0);
}

static void
the_supervisor_keeps_what_it_names_and_no_more(void **state)
{
    (void)state;
    only_root();
    assert_int_equal(in_child(check_kept), 0);
    assert_int_equal(in_child(check_kept_with_user), 0);
}

static void
an_ordinary_user_stays_who_he_is(void **state)
{
    (void)state;
    only_root();
    assert_int_equal(in_child(check_ordinary), 0);
}

static const struct privileges_options *refused_options;
static const char *refused_word;

static int
check_refused(void)
{
    struct fault fault = {0};
    EXPECT(1, !privileges_drop(refused_options, &fault));
    if (!strstr(fault.text, refused_word)) {
        fprintf(stderr, "%s\n", fault.text);
        return 2;
    }
    return 0;
}

static int
refused_for(const struct privileges_options *options, const char *word)
{
    refused_options = options;
    refused_word = word;
    return in_child(check_refused);
}

static void
what_cannot_be_done_is_told_with_its_cure(void **state)
{
    const struct privileges_options user = {.user = "no-such-user-at-all"};
    const struct privileges_options group = {.user = "nobody", .group = "no-such-group-at-all"};
    const struct privileges_options missing = {.user = "nobody", .root = "/nowhere/at/all"};
    const struct privileges_options full = {.user = "nobody", .root = "/etc"};
    const struct privileges_options writable = {.user = "nobody", .root = root_directory};
    (void)state;
    only_root();
    assert_int_equal(refused_for(&user, "useradd"), 0);
    assert_int_equal(refused_for(&group, "groupadd"), 0);
    assert_int_equal(refused_for(&missing, "/nowhere/at/all"), 0);
    assert_int_equal(refused_for(&full, "not empty"), 0);
    chmod(root_directory, 0777);
    assert_int_equal(refused_for(&writable, "chmod 755"), 0);
    chmod(root_directory, 0755);
}

static void
a_user_is_found_by_name(void **state)
{
    uid_t uid = 0;
    gid_t gid = 0;
    struct fault fault = {0};
    (void)state;
    assert_true(privileges_find_user("nobody", &uid, &gid, NULL));
    assert_int_equal(uid, NOBODY);
    assert_false(privileges_find_user("no-such-user-at-all", &uid, &gid, &fault));
    assert_int_equal(fault.kind, FAULT_NOT_FOUND);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_root_everything_is_given_up_for_good),
        cmocka_unit_test(the_supervisor_keeps_what_it_names_and_no_more),
        cmocka_unit_test(an_ordinary_user_stays_who_he_is),
        cmocka_unit_test(what_cannot_be_done_is_told_with_its_cure),
        cmocka_unit_test(a_user_is_found_by_name),
    };
    snprintf(root_directory, sizeof(root_directory), "/tmp/tandem-test-XXXXXX");
    if (!mkdtemp(root_directory))
        return 1;
    chmod(root_directory, 0755);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(root_directory);
    return failed;
}
