// What a long signing tells while it goes on: the desk each time, the log every tenth.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/daemon/clock.h"
#include "common/net/loop.h"
#include "secondary/signer/keeper_inside.h"

static unsigned facts; // that were told

static void
count_facts(void *context, const struct message *message)
{
    (void)context;
    facts += message->type == MESSAGE_ZONE_FACTS;
}

struct bed {
    struct keeper_shared shared;
    struct policy_settings policy;
    struct zone_rules rules;
    struct secondary_zone_settings zone;
    struct keeper *keeper;
    int saved, seen; // what stderr was, and is
};

static void
bed_open(struct bed *bed)
{
    memset(bed, 0, sizeof *bed);
    facts = 0;
    bed->shared = (struct keeper_shared){.loop = loop_new(),
                                         .policies = policy_pool_new(),
                                         .state_directory = "/nonexistent",
                                         .send = count_facts};
    bed->policy = (struct policy_settings){.id = "p", .key_secret_file = "", .nsec3_salt = ""};
    bed->rules = (struct zone_rules){.gate = {.review = ""}, .expire_seconds = EXPIRE_NEVER};
    bed->zone = (struct secondary_zone_settings){.name = (const uint8_t *)"\7example\3gov",
                                                 .rules = &bed->rules};
    bed->keeper = keeper_new(&bed->shared, 1, &bed->zone, &bed->policy);
    change_begin(bed->keeper, "primary", "first content");
    bed->keeper->phase = KEEPER_SIGN;
    bed->keeper->change->started_ms = (int64_t)clock_monotonic_ms() - 10000;
    fflush(stderr);
    bed->saved = dup(STDERR_FILENO);
    bed->seen = memfd_create("log", MFD_CLOEXEC);
    assert_true(bed->saved >= 0 && bed->seen >= 0);
    assert_true(dup2(bed->seen, STDERR_FILENO) >= 0);
}

// What was logged so far, and stderr as it was.
static void
bed_close(struct bed *bed, char *ret_log, size_t size)
{
    fflush(stderr);
    assert_true(dup2(bed->saved, STDERR_FILENO) >= 0);
    ssize_t length = pread(bed->seen, ret_log, size - 1, 0);
    assert_true(length >= 0);
    ret_log[length] = '\0';
    close(bed->saved);
    close(bed->seen);
    bed->keeper->phase = KEEPER_IDLE;
    keeper_free(&bed->keeper);
    policy_pool_free(&bed->shared.policies);
    loop_free(&bed->shared.loop);
}

static unsigned
lines_of(const char *log)
{
    unsigned count = 0;
    while ((log = strstr(log, "signing goes on")) != NULL) {
        count++;
        log++;
    }
    return count;
}

static void
every_tenth_second_the_log_has_names_rate_and_what_is_left(void **state)
{
    struct bed bed;
    char log[4096];
    (void)state;
    bed_open(&bed);
    atomic_store(&bed.keeper->progress.records_total, 1500);
    atomic_store(&bed.keeper->progress.records_done, 500);
    for (unsigned i = 0; i < 29; i++)
        keeper_tell_progress(bed.keeper);
    bed_close(&bed, log, sizeof log);
    assert_int_equal(KEEPER_FACTS_SECONDS * KEEPER_LOG_EVERY, 10);
    assert_int_equal(facts, 29);
    assert_int_equal(lines_of(log), 2);
    assert_non_null(strstr(log, "zone=example.gov names_done=500 names=1500 percent=33 "
                                "names_per_second="));
    assert_non_null(strstr(log, "left_about="));
    assert_null(strstr(log, "left_about=?")); // something was done, so it can be said
}

static void
before_anything_is_known_the_log_says_nothing(void **state)
{
    struct bed bed;
    char log[4096];
    (void)state;
    bed_open(&bed);
    for (unsigned i = 0; i < 20; i++)
        keeper_tell_progress(bed.keeper);
    bed_close(&bed, log, sizeof log);
    assert_int_equal(facts, 20);
    assert_int_equal(lines_of(log), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_tenth_second_the_log_has_names_rate_and_what_is_left),
        cmocka_unit_test(before_anything_is_known_the_log_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
