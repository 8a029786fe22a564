// What a zone takes in the fetcher while nothing happens to it: nearly always, for nearly all of
// ten thousand.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/net/loop.h"
#include "secondary/fetcher/downstream.h"
#include "secondary/fetcher/poll.h"
#include "secondary/fetcher/turns.h"
#include "secondary/messages.h"
#include "tests/support/heap_use.h"

#define FLEET 1000
// Of one zone: a timer (200), the facts for status, what is known of the primary's serial.
#define FLEET_ZONE_OCTETS   850
#define FAILING_ZONE_OCTETS 950 // with the sentence of the failure and the name of the address

#define TURNS_MAX 100000

struct bed {
    struct loop *loop;
    struct turns *turns;
    struct message_link *link, *other;
    struct poll *polls[FLEET];
    struct downstream *downstreams[FLEET];
    unsigned failed; // polls that said so
};

static void
received(void *context, struct message *message)
{
    struct bed *bed = context;
    struct message_poll_facts facts;
    if (message->type != MESSAGE_POLL_FACTS || !message_poll_facts_read(message->body, &facts))
        return;
    bed->failed += facts.failures_in_row == 1 && !facts.transferring;
    message_poll_facts_close(&facts);
}

static void
closed(void *context)
{
    (void)context;
}

static void
bed_open(struct bed *bed)
{
    int ends[2];
    struct fault fault;
    memset(bed, 0, sizeof *bed);
    bed->loop = loop_new();
    bed->turns = turns_new(bed->loop, 64);
    assert_true(message_link_pair(ends, &fault));
    bed->link = message_link_new(bed->loop, &ends[0], received, closed, bed);
    bed->other = message_link_new(bed->loop, &ends[1], received, closed, bed);
}

static void
bed_close(struct bed *bed)
{
    for (size_t i = 0; i < FLEET; i++) {
        poll_free(&bed->polls[i]);
        downstream_free(&bed->downstreams[i]);
    }
    message_link_free(&bed->link);
    message_link_free(&bed->other);
    turns_free(&bed->turns);
    loop_free(&bed->loop);
}

static void
a_zone_of_a_fleet_costs_little(void **state)
{
    static struct bed bed;
    static const size_t first[] = {0};
    static const struct remote_settings remote = {.id = "hidden", .key = SETTINGS_NONE};
    const struct secondary_settings settings = {.remotes = &remote, .remote_count = 1};
    const struct zone_rules rules = {.primaries = {first, 1},
                                     .refresh_seconds = 60,
                                     .retry_seconds = 10,
                                     .policy = POLICY_NONE};
    const struct secondary_zone_settings zone = {
        .name = (const uint8_t *)"\7example\3gov", .domain = "example.gov", .rules = &rules};
    (void)state;
    bed_open(&bed);
    const struct poll_shared shared = {
        .loop = bed.loop, .turns = bed.turns, .link = bed.link, .zone_count = FLEET};
    size_t before = heap_use();
    for (uint32_t i = 0; i < FLEET; i++) {
        bed.polls[i] = poll_new(&shared, i, &settings, &zone);
        bed.downstreams[i] = downstream_new(bed.loop, &settings, &zone, closed, NULL);
    }
    heap_use_expect("fetcher", heap_use_each(before, FLEET), FLEET_ZONE_OCTETS);
    bed_close(&bed);
}

// A zone whose primaries cannot be reached has its sentence in the facts, and not two KiB of fault
// besides.
static void
a_zone_whose_polls_fail_costs_little(void **state)
{
    static struct bed bed;
    static const size_t first[] = {0};
    struct address nobody;
    assert_true(address_from_text("127.0.0.1@1", 0, &nobody, &(struct fault){0}));
    const struct remote_settings remote = {
        .id = "hidden", .addresses = {&nobody, 1}, .key = SETTINGS_NONE};
    const struct secondary_settings settings = {.remotes = &remote, .remote_count = 1};
    const struct zone_rules rules = {.primaries = {first, 1},
                                     .refresh_seconds = 3600,
                                     .retry_seconds = 3600,
                                     .policy = POLICY_NONE};
    const struct secondary_zone_settings zone = {
        .name = (const uint8_t *)"\7example\3gov", .domain = "example.gov", .rules = &rules};
    (void)state;
    bed_open(&bed);
    const struct poll_shared shared = {.loop = bed.loop, .turns = bed.turns, .link = bed.link};
    size_t before = heap_use();
    for (uint32_t i = 0; i < FLEET; i++)
        bed.polls[i] = poll_new(&shared, i, &settings, &zone);
    for (unsigned turn = 0; turn < TURNS_MAX && bed.failed < FLEET; turn++)
        loop_run_once(bed.loop, true);
    assert_int_equal(bed.failed, FLEET);
    heap_use_expect("fetcher, failing", heap_use_each(before, FLEET), FAILING_ZONE_OCTETS);
    bed_close(&bed);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zone_of_a_fleet_costs_little),
        cmocka_unit_test(a_zone_whose_polls_fail_costs_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
