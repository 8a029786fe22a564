// The whole product of sender, type and receiver against the story at the top of messages.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "secondary/route.h"

struct way {
    enum message_role from;
    enum message_type type;
    enum message_role to;
};

// One row for each sentence; SETTINGS, STOP, READY, HEARTBEAT and what the supervisor itself sends
// are no routes.
static const struct way WAYS[] = {
    {ROLE_SERVER, MESSAGE_NOTIFY_HINT, ROLE_FETCHER},
    {ROLE_SERVER, MESSAGE_TRANSFERS_OUT, ROLE_DESK},
    {ROLE_FETCHER, MESSAGE_CANDIDATE, ROLE_SIGNER},
    {ROLE_FETCHER, MESSAGE_CONTACT, ROLE_SIGNER},
    {ROLE_FETCHER, MESSAGE_DS_SEEN, ROLE_SIGNER},
    {ROLE_FETCHER, MESSAGE_DS_SEEN, ROLE_DESK},
    {ROLE_FETCHER, MESSAGE_POLL_FACTS, ROLE_DESK},
    {ROLE_FETCHER, MESSAGE_EVENT, ROLE_DESK},
    {ROLE_FETCHER, MESSAGE_CONTROL_REPLY, ROLE_DESK},
    {ROLE_SIGNER, MESSAGE_VERDICT, ROLE_FETCHER},
    {ROLE_SIGNER, MESSAGE_NOTIFY_OUT, ROLE_FETCHER},
    {ROLE_SIGNER, MESSAGE_PUBLISHED, ROLE_SERVER},
    {ROLE_SIGNER, MESSAGE_ZONE_STATE, ROLE_SERVER},
    {ROLE_SIGNER, MESSAGE_POOL, ROLE_SERVER},
    {ROLE_SIGNER, MESSAGE_POOLED, ROLE_SERVER},
    {ROLE_SIGNER, MESSAGE_REVIEW, ROLE_SUPERVISOR},
    {ROLE_SIGNER, MESSAGE_ZONE_FACTS, ROLE_DESK},
    {ROLE_SIGNER, MESSAGE_EVENT, ROLE_DESK},
    {ROLE_SIGNER, MESSAGE_CONTROL_REPLY, ROLE_DESK},
    {ROLE_DESK, MESSAGE_EVENT_TAKEN, ROLE_SUPERVISOR},
    {ROLE_DESK, MESSAGE_CONTROL_REQUEST, ROLE_SUPERVISOR},
    {ROLE_DESK, MESSAGE_CONTROL_REQUEST, ROLE_FETCHER},
    {ROLE_DESK, MESSAGE_CONTROL_REQUEST, ROLE_SIGNER},
};

static bool
is_told(enum message_role from, enum message_type type, enum message_role to)
{
    for (size_t i = 0; i < sizeof WAYS / sizeof WAYS[0]; i++)
        if (WAYS[i].from == from && WAYS[i].type == type && WAYS[i].to == to)
            return true;
    return false;
}

static void
only_what_the_story_tells_may_pass(void **state)
{
    (void)state;
    for (int from = 0; from < ROLE_COUNT; from++)
        for (int type = 0; type < MESSAGE_TYPE_COUNT; type++)
            for (int to = 0; to < ROLE_COUNT; to++)
                if (route_allows((enum message_role)from, (enum message_type)type,
                                 (enum message_role)to) != is_told((enum message_role)from,
                                                                   (enum message_type)type,
                                                                   (enum message_role)to))
                    fail_msg("%s: %s to %s", message_role_word((enum message_role)from),
                             message_type_word((enum message_type)type),
                             message_role_word((enum message_role)to));
}

static void
nobody_reaches_the_server_but_the_signer_and_no_order_reaches_it_at_all(void **state)
{
    (void)state;
    for (int from = 0; from < ROLE_COUNT; from++)
        for (int type = 0; type < MESSAGE_TYPE_COUNT; type++)
            if (from != ROLE_SIGNER)
                assert_false(
                    route_allows((enum message_role)from, (enum message_type)type, ROLE_SERVER));
    assert_false(route_allows(ROLE_DESK, MESSAGE_CONTROL_REQUEST, ROLE_SERVER));
    assert_false(route_allows(ROLE_SERVER, MESSAGE_CONTROL_REQUEST, ROLE_SIGNER));
    assert_false(route_allows(ROLE_SERVER, MESSAGE_CANDIDATE, ROLE_SIGNER));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_the_story_tells_may_pass),
        cmocka_unit_test(nobody_reaches_the_server_but_the_signer_and_no_order_reaches_it_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
