// A zone with everything that a chain of NSEC3 has rules for, and setups for its kinds of denial.
// Header only.
#ifndef TANDEM_TESTS_TEST_VERIFY_NSEC3_WORLD_H
#define TANDEM_TESTS_TEST_VERIFY_NSEC3_WORLD_H

#include "tests/unit/sign/test_verify_world.h"

static const char zone_text[] =
    "$TTL 300\n"
    "@ 3600 IN SOA ns1 hostmaster 1 7200 900 1209600 60\n"
    "@ NS ns1\n"
    "ns1 A 192.0.2.1\n"
    "a A 192.0.2.2\n"
    "m TXT \"m\"\n"
    "m A 192.0.2.3\n"
    "x.y.ent TXT \"ent\"\n"
    "*.w TXT \"w\"\n"
    "sub NS ns.sub\n"
    "ns.sub A 192.0.2.4\n"
    "sec NS ns1\n"
    "sec DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000\n"
    "del.only NS ns1\n"
    "d DNAME example.net.\n"
    "b.d A 192.0.2.5\n";

static struct world world;

static inline void
open_with(bool nsec3, uint8_t flags, const char *salt)
{
    world_open(&world, "example.gov.", true);
    world.policy.nsec3 = nsec3;
    world.policy.nsec3_parameters =
        (struct nsec3_parameters){.algorithm = NSEC3_SHA1, .flags = flags};
    world.policy.nsec3_parameters.salt_length = (uint8_t)strlen(salt);
    memcpy(world.policy.nsec3_parameters.salt, salt, strlen(salt));
    world_text(&world, zone_text);
    world_verify_all(&world);
}

static inline int
with_nsec(void **state)
{
    (void)state;
    open_with(false, 0, "");
    return 0;
}

static inline int
with_nsec3(void **state)
{
    (void)state;
    open_with(true, 0, "");
    return 0;
}

static inline int
with_salt(void **state)
{
    (void)state;
    open_with(true, 0, "salt");
    return 0;
}

static inline int
with_opt_out(void **state)
{
    (void)state;
    open_with(true, NSEC3_FLAG_OPT_OUT, "");
    return 0;
}

static inline int
world_end(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

#endif
