#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/dns/rrtype.h"
#include "common/zone/store.h"
#include "common/zone/zonefile_read.h"
#include "secondary/signer/gate/checks.h"

#define HEAD                                                                                       \
    "$TTL 300\n"                                                                                   \
    "@ 3600 IN SOA ns1 hostmaster 1 7200 900 1209600 60\n"                                         \
    "@ NS ns1\n"                                                                                   \
    "ns1 A 192.0.2.1\n"

static const uint8_t apex[] = "\7example\3gov";

struct world {
    char folder[64];
    struct store *store;
    struct gate_limits limits;
    struct gate_verdict verdict;
    struct diff diff;
    struct draft *draft;
    struct draft_findings findings;
};

static void
world_open(struct world *world)
{
    struct store_options options = {0};
    struct store_opening opening;
    struct fault fault;
    char path[96];
    memset(world, 0, sizeof *world);
    strcpy(world->folder, "/tmp/tandem-gate-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    snprintf(path, sizeof path, "%s/store", world->folder);
    assert_true(store_open(path, apex, &options, &world->store, &opening, &fault));
    gate_limits_default(&world->limits);
    gate_verdict_init(&world->verdict);
    diff_init(&world->diff);
}

static void
world_clear(struct world *world)
{
    gate_verdict_close(&world->verdict);
    diff_close(&world->diff);
    draft_free(&world->draft);
    gate_verdict_init(&world->verdict);
    diff_init(&world->diff);
}

static void
world_close(struct world *world)
{
    char command[96];
    world_clear(world);
    gate_verdict_close(&world->verdict);
    diff_close(&world->diff);
    store_close(&world->store);
    snprintf(command, sizeof command, "rm -rf %s", world->folder);
    assert_int_equal(system(command), 0);
}

static void
draft_fill(struct world *world, const char *text)
{
    struct vector errors;
    struct fault fault;
    draft_free(&world->draft);
    world->draft = draft_new(apex);
    if (!zonefile_read_memory("test", text, strlen(text), NULL, world->draft, NULL, &errors)) {
        char line[512];
        zonefile_error_text(vector_at(&errors, 0), line, sizeof line);
        fail_msg("%s", line);
    }
    zonefile_errors_close(&errors);
    assert_true(draft_seal(world->draft, &world->findings, &fault));
}

static void
serve(struct world *world, const char *text)
{
    struct fault fault;
    struct version_facts facts = {.unsigned_serial = 1, .signed_serial = 1};
    draft_fill(world, text);
    assert_true(store_publish_draft(world->store, world->draft, &facts, &fault));
    draft_free(&world->draft);
}

static enum gate_outcome
judged(struct world *world, const char *text, const struct hash_digest *accepted)
{
    world_clear(world);
    draft_fill(world, text);
    struct gate_candidate candidate = {.served = store_current(world->store),
                                       .draft = &world->draft,
                                       .findings = &world->findings,
                                       .accepted = accepted};
    gate_judge(&candidate, &world->limits, &world->diff, &world->verdict);
    return world->verdict.outcome;
}

static bool
warned(const struct world *world, const char *word)
{
    for (size_t i = 0; i < world->verdict.warnings.count; i++) {
        const struct gate_warning *warning = vector_at(&world->verdict.warnings, i);
        if (strcmp(warning->word, word) == 0)
            return true;
    }
    return false;
}

// A zone with hosts h0 ... h(count - 1) at an address net.
static char *
hosts(unsigned from, unsigned count, unsigned net)
{
    struct octets_buffer text;
    octets_buffer_init(&text);
    octets_buffer_printf(&text, HEAD "@ A 192.0.2.%u\n", net);
    for (unsigned i = from; i < from + count; i++)
        octets_buffer_printf(&text, "h%u A 198.51.%u.%u\n", i, net, i % 256);
    octets_buffer_add_u8(&text, 0);
    return (char *)text.data;
}

static enum gate_outcome
judged_hosts(struct world *world, unsigned from, unsigned count, unsigned net)
{
    char *text = hosts(from, count, net);
    enum gate_outcome outcome = judged(world, text, NULL);
    free(text);
    return outcome;
}

static void
serve_hosts(struct world *world, unsigned count)
{
    char *text = hosts(0, count, 1);
    serve(world, text);
    free(text);
}

static void
what_is_no_zone_is_rejected_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason, *words;
    } cases[] = {
        {"www 300 A 192.0.2.1\n", "no-soa", "SOA"},
        {"@ 300 SOA a. b. 1 2 3 4 5\n", "no-ns", "NS"},
        {HEAD "sub SOA a. b. 1 2 3 4 5\n", "soa-not-apex", "sub.example.gov."},
        {HEAD "@ SOA a. b. 2 2 3 4 5\n", "two-soas", "SOA"},
        {HEAD "w CNAME a.\nw A 192.0.2.1\n", "cname-and-other", "w.example.gov."},
        {HEAD "w ALIAS target.example.net.\n", "alias-left",
         "1 ALIAS records are not expanded (w.ex"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;
        world_open(&world);
        assert_int_equal(judged(&world, cases[i].text, NULL), GATE_REJECTED);
        assert_string_equal(world.verdict.reason, cases[i].reason);
        if (!strstr(world.verdict.sentence, cases[i].words))
            fail_msg("case %zu: %s", i, world.verdict.sentence);
        // No operator can overrule that.
        struct hash_digest digest = world.verdict.digest;
        assert_int_equal(judged(&world, cases[i].text, &digest), GATE_REJECTED);
        world_close(&world);
    }
}

static void
a_first_zone_is_accepted_and_counted(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    assert_int_equal(judged_hosts(&world, 0, 20, 1), GATE_ACCEPTED);
    assert_string_equal(world.verdict.reason, "");
    assert_int_equal(world.verdict.counts.added_rrs, 24);
    assert_int_equal(world.verdict.largest_ttl, 3600);
    world_close(&world);
}

static void
removal_is_held_from_ten_pairs_on_and_above_the_share(void **state)
{
    (void)state;
    // 96 hosts and 4 pairs beside them (SOA, NS, A at the apex, ns1): 100 pairs.
    static const struct {
        unsigned served, left, percent;
        enum gate_outcome outcome;
    } cases[] = {
        {96, 66, 30, GATE_ACCEPTED}, // 30 of 100: not more than 30%
        {96, 65, 30, GATE_HELD},     // 31
        {96, 0, 30, GATE_HELD},      // all hosts
        {96, 0, 100, GATE_ACCEPTED}, // never for that
        {96, 90, 5, GATE_ACCEPTED},  // 6%, but fewer than 10 pairs
        {96, 86, 5, GATE_HELD},      // 10 pairs
        {12, 3, 30, GATE_ACCEPTED},  // 9 of 16 pairs
        {12, 2, 30, GATE_HELD},      // 10 of 16
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;
        world_open(&world);
        serve_hosts(&world, cases[i].served);
        world.limits.max_removed_percent = cases[i].percent;
        if (judged_hosts(&world, 0, cases[i].left, 1) != cases[i].outcome)
            fail_msg("case %zu: %s", i, world.verdict.sentence);
        if (cases[i].outcome == GATE_HELD)
            assert_string_equal(world.verdict.reason, "removed");
        world_close(&world);
    }
}

static void
the_sentence_says_the_share_and_the_limit(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    serve_hosts(&world, 96);
    assert_int_equal(judged_hosts(&world, 0, 35, 1), GATE_HELD);
    assert_string_equal(world.verdict.sentence, "61% removed (limit 30%)");
    assert_int_equal(world.verdict.removed_percent, 61);
    world_close(&world);
}

static void
a_zone_whose_addresses_all_change_at_once_passes(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    serve_hosts(&world, 200);
    assert_int_equal(judged_hosts(&world, 0, 200, 7), GATE_ACCEPTED);
    assert_int_equal(world.verdict.counts.removed_pairs, 0);
    world_close(&world);
}

static void
renaming_all_hosts_is_removal(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    serve_hosts(&world, 50);
    assert_int_equal(judged_hosts(&world, 50, 50, 1), GATE_HELD);
    world_close(&world);
}

static void
apex_addresses_do_not_vanish_unasked(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    serve(&world, HEAD "@ A 192.0.2.9\n@ AAAA 2001:db8::1\n");
    assert_int_equal(judged(&world, HEAD "@ A 192.0.2.9\n", NULL), GATE_ACCEPTED);
    assert_int_equal(judged(&world, HEAD "www A 192.0.2.9\n", NULL), GATE_HELD);
    assert_string_equal(world.verdict.reason, "apex-addresses");
    struct hash_digest digest = world.verdict.digest;
    assert_int_equal(judged(&world, HEAD "www A 192.0.2.9\n", &digest), GATE_ACCEPTED);
    digest.octets[31] ^= 1;
    assert_int_equal(judged(&world, HEAD "www A 192.0.2.9\n", &digest), GATE_HELD);
    world_close(&world);
}

static void
a_mass_of_doubled_suffixes_is_held_and_one_is_not(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    serve_hosts(&world, 10);
    assert_int_equal(judged(&world,
                            HEAD "@ A 192.0.2.9\na.example.gov A 192.0.2.1\n"
                                 "b.example.gov A 192.0.2.1\nc.example.gov A 192.0.2.1\n",
                            NULL),
                     GATE_HELD);
    assert_string_equal(world.verdict.reason, "removed"); // that, too
    char *text = hosts(0, 10, 1), *with = NULL;
    assert_true(asprintf(&with, "%sa.example.gov A 192.0.2.1\n", text) > 0);
    assert_int_equal(judged(&world, with, NULL), GATE_ACCEPTED);
    free(with);
    assert_true(asprintf(&with,
                         "%sa.example.gov A 192.0.2.1\nb.example.gov A 192.0.2.1\n"
                         "m MX 1 mail.example.gov\n",
                         text) > 0);
    assert_int_equal(judged(&world, with, NULL), GATE_HELD);
    assert_string_equal(world.verdict.reason, "doubled-names");
    serve(&world, with); // an operator accepted it: it is no news any more
    assert_int_equal(judged(&world, with, NULL), GATE_ACCEPTED);
    free(with);
    free(text);
    world_close(&world);
}

static void
limits_on_records_and_size_hold(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    world.limits.max_records = 20;
    assert_int_equal(judged_hosts(&world, 0, 16, 1), GATE_ACCEPTED);
    assert_int_equal(judged_hosts(&world, 0, 17, 1), GATE_HELD);
    assert_string_equal(world.verdict.reason, "records");
    assert_string_equal(world.verdict.sentence, "21 records (limit 20)");
    world.limits.max_records = 0;
    world.limits.max_size_octets = 300;
    assert_int_equal(judged_hosts(&world, 0, 17, 1), GATE_HELD);
    assert_string_equal(world.verdict.reason, "size");
    world_close(&world);
}

static void
ttls_above_the_limit_are_lowered_with_a_warning(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    world.limits.max_ttl_seconds = 86400;
    assert_int_equal(judged(&world, HEAD "www 864000 A 192.0.2.1\nx 86400 A 192.0.2.1\n", NULL),
                     GATE_ACCEPTED);
    assert_int_equal(world.verdict.lowered_ttls, 1);
    assert_int_equal(world.verdict.largest_ttl, 86400);
    assert_true(warned(&world, "ttl-lowered"));
    struct rrset rrset;
    static const uint8_t www[] = "\3www\7example\3gov";
    assert_true(node_rrset_find(draft_find(world.draft, www), RRTYPE_A, &rrset));
    assert_int_equal(rrset.ttl, 86400);
    world_close(&world);
}

static void
dnssec_records_are_taken_out_and_counted_and_do_not_change_the_digest(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    assert_int_equal(judged(&world, HEAD "www A 192.0.2.1\n", NULL), GATE_ACCEPTED);
    struct hash_digest digest = world.verdict.digest;
    assert_int_equal(world.verdict.stripped_rrs, 0);
    assert_int_equal(judged(&world,
                            HEAD
                            "www A 192.0.2.1\nwww NSEC @ A RRSIG NSEC\n@ DNSKEY 257 3 13 AAAA\n"
                            "www RRSIG A 13 3 300 20300101000000 20200101000000 1 @ AAAA\n",
                            NULL),
                     GATE_ACCEPTED);
    assert_int_equal(world.verdict.stripped_rrs, 3);
    assert_true(warned(&world, "dnssec-stripped"));
    assert_memory_equal(digest.octets, world.verdict.digest.octets, HASH_DIGEST_SIZE);
    world_close(&world);
}

static void
differing_ttls_of_an_rrset_are_a_warning(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    assert_int_equal(judged(&world, HEAD "www 60 A 192.0.2.1\nwww 90 A 192.0.2.2\n", NULL),
                     GATE_ACCEPTED);
    assert_true(warned(&world, "ttl-differs"));
    world_close(&world);
}

static void
the_same_content_gives_an_empty_diff_whatever_the_serial(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    serve(&world, HEAD "www A 192.0.2.1\n");
    assert_int_equal(judged(&world, HEAD "WWW A 192.0.2.1\n", NULL), GATE_ACCEPTED);
    assert_int_equal(world.diff.count, 0);
    assert_int_equal(judged(&world,
                            "$TTL 300\n@ 3600 IN SOA ns1 hostmaster 99 7200 900 1209600 60\n"
                            "@ NS ns1\nns1 A 192.0.2.1\nwww A 192.0.2.1\n",
                            NULL),
                     GATE_ACCEPTED);
    assert_int_equal(world.diff.count, 0);
    world_close(&world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_zone_is_rejected_with_a_reason),
        cmocka_unit_test(a_first_zone_is_accepted_and_counted),
        cmocka_unit_test(removal_is_held_from_ten_pairs_on_and_above_the_share),
        cmocka_unit_test(the_sentence_says_the_share_and_the_limit),
        cmocka_unit_test(a_zone_whose_addresses_all_change_at_once_passes),
        cmocka_unit_test(renaming_all_hosts_is_removal),
        cmocka_unit_test(apex_addresses_do_not_vanish_unasked),
        cmocka_unit_test(a_mass_of_doubled_suffixes_is_held_and_one_is_not),
        cmocka_unit_test(limits_on_records_and_size_hold),
        cmocka_unit_test(ttls_above_the_limit_are_lowered_with_a_warning),
        cmocka_unit_test(dnssec_records_are_taken_out_and_counted_and_do_not_change_the_digest),
        cmocka_unit_test(differing_ttls_of_an_rrset_are_a_warning),
        cmocka_unit_test(the_same_content_gives_an_empty_diff_whatever_the_serial),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
