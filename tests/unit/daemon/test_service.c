#include "common/daemon/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

// A manager's socket; sets NOTIFY_SOCKET.
static int
open_manager(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {2, 0};
    size_t length = strlen(name);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path, name, length);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    assert_int_equal(
        bind(fd, (struct sockaddr *)&address,
             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (name[0] != '@'))),
        0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

static const char *
told(int manager)
{
    static char text[2048];
    ssize_t length = recv(manager, text, sizeof(text) - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    return text;
}

static void
check_notifications(int manager)
{
    struct fault fault = {0};
    if (!service_open(&fault))
        fail_msg("%s", fault.text);
    assert_true(service_is_on());
    assert_null(getenv("NOTIFY_SOCKET"));
    service_ready("serving 2 zones");
    assert_string_equal(told(manager), "READY=1\nSTATUS=serving 2 zones");
    service_ready(NULL);
    assert_string_equal(told(manager), "READY=1");
    service_status("one\nREADY=0\x1b");
    assert_string_equal(told(manager), "STATUS=one READY=0 ");
    service_watchdog();
    assert_string_equal(told(manager), "WATCHDOG=1");
    service_reloading(123456789);
    assert_string_equal(told(manager), "RELOADING=1\nMONOTONIC_USEC=123456789");
    service_stopping("asked to stop");
    assert_string_equal(told(manager), "STOPPING=1\nSTATUS=asked to stop");
    static char longer[4096];
    memset(longer, 'x', sizeof(longer) - 1);
    service_status(longer);
    assert_int_equal(strlen(told(manager)), strlen("STATUS=") + SERVICE_STATUS_MAX);
    service_close();
    assert_false(service_is_on());
}

static void
an_abstract_socket_is_told(void **state)
{
    char name[80];
    (void)state;
    snprintf(name, sizeof(name), "@tandem-test-%d", (int)getpid());
    int manager = open_manager(name);
    check_notifications(manager);
    close(manager);
}

static void
a_socket_with_a_path_is_told(void **state)
{
    char directory[] = "/tmp/tandem-test-XXXXXX";
    char name[80];
    (void)state;
    assert_non_null(mkdtemp(directory));
    snprintf(name, sizeof(name), "%s/notify", directory);
    int manager = open_manager(name);
    check_notifications(manager);
    close(manager);
    unlink(name);
    rmdir(directory);
}

static void
without_the_variable_nothing_happens(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    setenv("WATCHDOG_USEC", "30000000", 1);
    assert_true(service_open(NULL));
    assert_false(service_is_on());
    assert_int_equal(service_watchdog_ms(), 0);
    service_ready("x");
    service_watchdog();
    service_close();
}

static void
a_variable_of_no_use_is_told(void **state)
{
    static const char *const bad[] = {"relative", "@", "/", "/nowhere/at/all", "vsock:2:1234"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct fault fault = {0};
        setenv("NOTIFY_SOCKET", bad[i], 1);
        assert_false(service_open(&fault));
        assert_non_null(strstr(fault.text, bad[i]));
        assert_false(service_is_on());
    }
}

static void
the_watchdog_is_half_the_interval_and_only_for_us(void **state)
{
    char name[80];
    char mine[16];
    const struct {
        const char *interval;
        const char *process;
        uint64_t want;
    } cases[] = {
        {"30000000", NULL, 15000}, {"30000000", mine, 15000}, {"30000000", "1", 0},
        {"soon", NULL, 0},         {"1000", NULL, 1},         {"0", NULL, 0},
    };
    (void)state;
    snprintf(mine, sizeof(mine), "%d", (int)getpid());
    snprintf(name, sizeof(name), "@tandem-test-%d", (int)getpid());
    int manager = open_manager(name);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        setenv("NOTIFY_SOCKET", name, 1);
        setenv("WATCHDOG_USEC", cases[i].interval, 1);
        if (cases[i].process)
            setenv("WATCHDOG_PID", cases[i].process, 1);
        assert_true(service_open(NULL));
        assert_int_equal(service_watchdog_ms(), cases[i].want);
        assert_null(getenv("WATCHDOG_USEC"));
        assert_null(getenv("WATCHDOG_PID"));
    }
    service_close();
    close(manager);
}

static void
a_manager_that_goes_away_does_not_stop_us(void **state)
{
    char name[80];
    (void)state;
    snprintf(name, sizeof(name), "@tandem-test-%d", (int)getpid());
    int manager = open_manager(name);
    assert_true(service_open(NULL));
    for (int i = 0; i < 10000; i++)
        service_watchdog(); // nobody reads: the queue is full long before the end
    close(manager);
    service_watchdog();
    service_ready("x");
    service_close();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_abstract_socket_is_told),
        cmocka_unit_test(a_socket_with_a_path_is_told),
        cmocka_unit_test(without_the_variable_nothing_happens),
        cmocka_unit_test(a_variable_of_no_use_is_told),
        cmocka_unit_test(the_watchdog_is_half_the_interval_and_only_for_us),
        cmocka_unit_test(a_manager_that_goes_away_does_not_stop_us),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
