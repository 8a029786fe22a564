// The whole engine on a loop, with a resolver that does as it is told and a state file.
#include "fake.h"

#include <sys/stat.h>

#include "common/dns/name.h"
#include "common/dns/rrtype.h"
#include "common/zone/zonefile_read.h"
#include "primary/alias/engine.h"

struct bed {
    struct loop *loop;
    struct fake fake;
    struct engine *engine;
    struct draft *source;
    char directory[64], file[96];
    unsigned changed, waited, save_failures, looked_up;
    bool all;
    struct rules rules;
};
static struct bed bed;

static const uint8_t *
wire(const char *text)
{
    static uint8_t names[4][NAME_SIZE_MAX];
    static unsigned turn;
    static const uint8_t root[] = {0};
    uint8_t *name = names[turn++ % 4];
    assert_true(name_from_text(text, root, name, NULL));
    return name;
}

static int64_t
on_now(void *context)
{
    (void)context;
    return 1800000000;
}

static void
on_changed(void *context, const uint8_t *apex, const struct vector *owners)
{
    (void)context;
    assert_true(name_equal(apex, wire("example.gov")));
    bed.changed++;
    bed.all = owners == NULL;
}

static void
on_looked_up(void *context, const char *result)
{
    (void)context;
    (void)result;
    bed.looked_up++;
}

static void
on_save_failed(void *context, const struct fault *fault)
{
    (void)context;
    assert_true(fault->text[0] != '\0');
    bed.save_failures++;
}

static void
on_refreshed(void *context)
{
    (void)context;
    bed.waited++;
}

static const struct engine_events events = {
    .changed = on_changed, .looked_up = on_looked_up, .save_failed = on_save_failed};

static struct engine_resolver
resolver(void)
{
    return (struct engine_resolver){.servers = &bed.fake.address,
                                    .server_count = 1,
                                    .timeout_ms = 500,
                                    .tries = 2,
                                    .max_in_flight = 16};
}

static void
engine_open(void)
{
    struct engine_options options = {.loop = bed.loop,
                                     .now = on_now,
                                     .state_file = bed.file,
                                     .resolver = resolver(),
                                     .events = &events};
    bed.changed = bed.waited = bed.save_failures = bed.looked_up = 0;
    bed.all = false;
    assert_true(engine_new(&options, &bed.engine, NULL));
    engine_zone_declare(bed.engine, wire("example.gov"));
    engine_zone_follow(bed.engine, wire("example.gov"), &bed.rules, bed.source, false);
}

static uint32_t
served(void)
{
    return view_served(engine_book(bed.engine), wire("example.gov"), RRTYPE_A)->count;
}

static bool
zone_is_ready(void)
{
    struct draft *draft = draft_new(wire("example.gov"));
    bool ready = engine_addresses(bed.engine, wire("example.gov"), NULL, draft);
    draft_free(&draft);
    return ready;
}

static bool
was_changed(const void *context)
{
    (void)context;
    return bed.changed > 0;
}

static bool
was_refreshed(const void *context)
{
    (void)context;
    return bed.waited > 0;
}

static bool
two_looked_up(const void *context)
{
    (void)context;
    return bed.looked_up >= 2;
}

static bool
file_is_there(const void *context)
{
    struct stat about;
    return stat(context, &about) == 0;
}

static void
a_first_start_waits_and_is_told_when_it_need_not_any_more(void **state)
{
    (void)state;
    fake_tell(&bed.fake, "set lb.test A 192.0.2.1 192.0.2.2");
    engine_open();
    assert_false(zone_is_ready());
    loop_until(bed.loop, was_changed, NULL);
    assert_true(bed.all);
    assert_true(zone_is_ready());
    assert_int_equal(served(), 2);
    struct engine_status status;
    engine_status(bed.engine, &status);
    assert_int_equal(status.last_answer_at, 1800000000);
    assert_int_equal(status.in_flight + status.queued, 0);
    engine_free(&bed.engine);
    assert_int_equal(bed.save_failures, 0);
}

static void
a_second_start_with_a_dead_resolver_has_the_sets_of_the_first(void **state)
{
    (void)state;
    fake_tell(&bed.fake, "misbehave lb.test timeout");
    engine_open();
    assert_true(zone_is_ready());
    assert_int_equal(served(), 2);
    loop_until(bed.loop, two_looked_up, NULL);
    loop_run_once(bed.loop, false);
    assert_true(zone_is_ready());
    assert_int_equal(served(), 2);
    engine_free(&bed.engine);
    fake_tell(&bed.fake, "behave lb.test");
}

static void
zones_that_go_before_the_engine_ends_do_not_empty_the_file(void **state)
{
    (void)state;
    engine_open();
    engine_zone_forget(bed.engine, wire("example.gov"));
    engine_free(&bed.engine);
    engine_open();
    assert_int_equal(served(), 2);
    engine_free(&bed.engine);
}

static void
a_refresh_is_waited_for_and_only_changed_owners_are_told(void **state)
{
    (void)state;
    fake_tell(&bed.fake, "set lb.test A 192.0.2.1 192.0.2.2");
    engine_open();
    loop_until(bed.loop, two_looked_up, NULL);
    assert_true(zone_is_ready());
    fake_tell(&bed.fake, "set lb.test A 192.0.2.3");
    bed.changed = 0;
    assert_true(engine_refresh(bed.engine, wire("example.gov"), on_refreshed, &bed));
    assert_false(engine_refresh(bed.engine, wire("none.example.gov"), on_refreshed, &bed));
    assert_int_equal(bed.waited, 0);
    loop_until(bed.loop, was_refreshed, NULL);
    assert_int_equal(bed.changed, 1);
    assert_false(bed.all);
    assert_int_equal(served(), 1);
    engine_refresh(bed.engine, wire("example.gov"), on_refreshed, &bed);
    engine_forget_waiter(bed.engine, &bed);
    bed.waited = bed.looked_up = 0;
    loop_until(bed.loop, two_looked_up, NULL);
    loop_run_once(bed.loop, false);
    assert_int_equal(bed.waited, 0);
    engine_free(&bed.engine);
}

static void
the_file_is_written_while_the_engine_runs(void **state)
{
    (void)state;
    unlink(bed.file);
    engine_open();
    loop_until(bed.loop, file_is_there, bed.file);
    engine_free(&bed.engine);
}

static void
a_damaged_file_is_set_aside_and_told(void **state)
{
    (void)state;
    char aside[128];
    FILE *file = fopen(bed.file, "w");
    fputs("not what was written", file);
    fclose(file);
    engine_open();
    assert_int_equal(bed.save_failures, 1);
    engine_free(&bed.engine);
    snprintf(aside, sizeof aside, "%s.damaged", bed.file);
    assert_int_equal(unlink(aside), 0);
}

static void
a_damaged_history_is_set_aside_and_told_and_the_sets_stay(void **state)
{
    (void)state;
    char past[128], aside[160];
    snprintf(past, sizeof past, "%s" ENGINE_PAST_SUFFIX, bed.file);
    snprintf(aside, sizeof aside, "%s.damaged", past);
    unlink(bed.file);
    engine_open();
    assert_false(zone_is_ready());
    loop_until(bed.loop, was_changed, NULL);
    engine_free(&bed.engine);
    assert_true(file_is_there(past));
    assert_int_equal(truncate(past, 40), 0);
    engine_open();
    assert_int_equal(bed.save_failures, 1);
    assert_true(zone_is_ready());
    assert_int_equal(served(), 1);
    engine_free(&bed.engine);
    assert_int_equal(unlink(aside), 0);
}

static void
a_folder_that_is_gone_is_told_once(void **state)
{
    (void)state;
    char good[96];
    snprintf(good, sizeof good, "%s", bed.file);
    snprintf(bed.file, sizeof bed.file, "%s/none/aliases", bed.directory);
    engine_open();
    loop_until(bed.loop, was_changed, NULL);
    engine_free(&bed.engine);
    assert_int_equal(bed.save_failures, 2); // one for each file
    snprintf(bed.file, sizeof bed.file, "%s", good);
}

static void
a_resolver_that_is_ourselves_or_none_is_refused(void **state)
{
    (void)state;
    struct fault fault;
    struct engine *engine = NULL;
    struct engine_options options = {.loop = bed.loop, .now = on_now, .resolver = resolver()};
    options.resolver.listen = &bed.fake.address;
    options.resolver.listen_count = 1;
    assert_false(engine_new(&options, &engine, &fault));
    assert_int_equal(fault.kind, FAULT_CONFIG);
    assert_non_null(strstr(fault.text, "itself"));
    options.resolver.server_count = 0;
    assert_false(engine_new(&options, &engine, &fault));
    assert_int_equal(fault.kind, FAULT_CONFIG);
    assert_null(engine);
}

static void
other_resolvers_answer_what_was_under_way(void **state)
{
    (void)state;
    struct fake second;
    fake_open(&second);
    fake_tell(&second, "set lb.test A 192.0.2.7");
    fake_tell(&bed.fake, "misbehave lb.test timeout");
    unlink(bed.file);
    engine_open();
    loop_run_once(bed.loop, false);
    struct engine_resolver other = resolver();
    other.servers = &second.address;
    assert_true(engine_resolver_change(bed.engine, &other, NULL));
    bed.changed = 0;
    assert_false(zone_is_ready());
    loop_until(bed.loop, was_changed, NULL);
    assert_int_equal(served(), 1);
    engine_free(&bed.engine);
    fake_close(&second);
    fake_tell(&bed.fake, "behave lb.test");
}

static int
group_begin(void **state)
{
    (void)state;
    static const char text[] = "$ORIGIN example.gov.\n@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\n"
                               "@ 60 ALIAS lb.test.\n";
    struct vector errors;
    fake_open(&bed.fake);
    bed.loop = loop_new();
    bed.rules = (struct rules){
        .ttl_seconds = 60, .refresh_seconds = 600, .hold_seconds = 86400, .max_addresses = 64};
    snprintf(bed.directory, sizeof bed.directory, "/tmp/tandem-alias-XXXXXX");
    assert_non_null(mkdtemp(bed.directory));
    snprintf(bed.file, sizeof bed.file, "%s/aliases", bed.directory);
    bed.source = draft_new(wire("example.gov"));
    assert_true(
        zonefile_read_memory("bed", text, sizeof text - 1, NULL, bed.source, NULL, &errors));
    zonefile_errors_close(&errors);
    assert_true(draft_seal(bed.source, NULL, NULL));
    return 0;
}

static int
group_end(void **state)
{
    (void)state;
    char past[128];
    snprintf(past, sizeof past, "%s" ENGINE_PAST_SUFFIX, bed.file);
    unlink(bed.file);
    unlink(past);
    rmdir(bed.directory);
    draft_free(&bed.source);
    loop_free(&bed.loop);
    fake_close(&bed.fake);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_start_waits_and_is_told_when_it_need_not_any_more),
        cmocka_unit_test(a_second_start_with_a_dead_resolver_has_the_sets_of_the_first),
        cmocka_unit_test(zones_that_go_before_the_engine_ends_do_not_empty_the_file),
        cmocka_unit_test(a_refresh_is_waited_for_and_only_changed_owners_are_told),
        cmocka_unit_test(the_file_is_written_while_the_engine_runs),
        cmocka_unit_test(a_damaged_file_is_set_aside_and_told),
        cmocka_unit_test(a_damaged_history_is_set_aside_and_told_and_the_sets_stay),
        cmocka_unit_test(a_folder_that_is_gone_is_told_once),
        cmocka_unit_test(a_resolver_that_is_ourselves_or_none_is_refused),
        cmocka_unit_test(other_resolvers_answer_what_was_under_way),
    };
    return cmocka_run_group_tests(tests, group_begin, group_end);
}
