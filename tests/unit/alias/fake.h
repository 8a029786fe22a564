// tests/support/fake_resolver.py as a child of the test, told by lines what to answer.
#ifndef TANDEM_TESTS_ALIAS_FAKE_H
#define TANDEM_TESTS_ALIAS_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/net/address.h"
#include "common/net/loop.h"

struct fake {
    pid_t pid;
    FILE *to, *from;
    struct address address;
};

static inline void
fake_line(struct fake *fake, char *line, size_t size)
{
    if (!fgets(line, (int)size, fake->from))
        fail_msg("the fake resolver has ended");
    line[strcspn(line, "\n")] = '\0';
}

static inline void
fake_open(struct fake *fake)
{
    int to[2], from[2];
    char line[200];
    assert_int_equal(pipe(to), 0);
    assert_int_equal(pipe(from), 0);
    fake->pid = fork();
    assert_true(fake->pid >= 0);
    if (fake->pid == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        for (int fd = 3; fd < 64; fd++)
            close(fd);
        execl("/usr/bin/python3", "python3", TEST_SOURCE_DIR "/support/fake_resolver.py",
              (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    fake->to = fdopen(to[1], "w");
    fake->from = fdopen(from[0], "r");
    fake_line(fake, line, sizeof line);
    assert_true(address_from_text(line, 53, &fake->address, NULL));
}

static inline void
fake_close(struct fake *fake)
{
    fclose(fake->to); // it ends with its input
    fclose(fake->from);
    waitpid(fake->pid, NULL, 0);
}

static inline long
fake_tell(struct fake *fake, const char *command)
{
    char line[4000];
    fprintf(fake->to, "%s\n", command);
    fflush(fake->to);
    fake_line(fake, line, sizeof line);
    if (strncmp(line, "error", 5) == 0)
        fail_msg("%s: %s", command, line);
    return strtol(line, NULL, 10);
}

// Turns of the loop until the fact, or for at most twenty seconds.
struct guard {
    bool rang;
};
static inline void
guard_rings(void *context)
{
    struct guard *guard = context;
    guard->rang = true;
}
static inline void
loop_until(struct loop *loop, bool (*fact)(const void *context), const void *context)
{
    struct guard guard = {false};
    struct loop_timer *timer = loop_timer_new(loop, guard_rings, &guard);
    loop_timer_start(timer, 20000, 0);
    while (!fact(context) && !guard.rang)
        loop_run_once(loop, true);
    loop_timer_free(&timer);
    assert_true(fact(context));
}

#endif
