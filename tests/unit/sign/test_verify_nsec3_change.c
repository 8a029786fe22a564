// Changes that forget a record: of a chain that changes as a whole (kind of denial, salt, opt-out),
// and of one that goes on.
#include "tests/unit/sign/test_verify_nsec3_world.h"

static struct sign_job *
change_of_policy(const struct sign_result **ret_result)
{
    return world_sign(&world, (struct sign_request){.whole = true, .unsigned_serial = 1},
                      ret_result);
}

static void
verify_without(const struct sign_result *result, size_t left_out, const char *what)
{
    struct diff part;
    struct verify_report report;
    diff_init(&part);
    verify_report_init(&report);
    for (size_t i = 0; i < result->diff.count; i++)
        if (i != left_out)
            diff_add(&part, result->diff.entries[i].old_node, result->diff.entries[i].new_node);
    struct verify_changes changes = {
        .current = store_current(world.store), .diff = &part, .now = world.now};
    bool good = verify_changes(&changes, &report);
    if (good != (left_out == SIZE_MAX))
        fail_msg("%s: entry %zu of %zu was left out, verified: %d", what, left_out,
                 result->diff.count, good);
    verify_report_close(&report);
    diff_close(&part);
}

static void
change_is_found_incomplete(bool nsec3, uint8_t flags, const char *salt, const char *what)
{
    const struct sign_result *result;
    world.policy.nsec3 = nsec3;
    world.policy.nsec3_parameters =
        (struct nsec3_parameters){.algorithm = NSEC3_SHA1, .flags = flags};
    world.policy.nsec3_parameters.salt_length = (uint8_t)strlen(salt);
    memcpy(world.policy.nsec3_parameters.salt, salt, strlen(salt));
    struct sign_job *job = change_of_policy(&result);
    assert_true(result->diff.count > 10);
    verify_without(result, SIZE_MAX, what);
    for (size_t i = 1; i < result->diff.count; i++)
        verify_without(result, i, what);
    world_publish(&world, result);
    world_verify_all(&world);
    sign_job_free(&job);
}

static void
a_change_of_the_chain_that_forgets_one_record_is_found(void **state)
{
    (void)state;
    change_is_found_incomplete(true, 0, "", "NSEC to NSEC3");
    change_is_found_incomplete(true, 0, "salt", "another salt");
    change_is_found_incomplete(true, NSEC3_FLAG_OPT_OUT, "salt", "opt-out");
    change_is_found_incomplete(true, 0, "salt", "no opt-out");
    change_is_found_incomplete(false, 0, "", "NSEC3 to NSEC");
}

// Nothing in it is signed, and no NSEC3 says that it is there: without it the zone is a good one,
// too.
static bool
says_nothing(const struct node *node)
{
    bool opt_out = world.policy.nsec3_parameters.flags & NSEC3_FLAG_OPT_OUT;
    for (unsigned i = 0; node && i < node_rrset_count(node); i++) {
        struct rrset rrset;
        node_rrset_at(node, i, &rrset);
        if (rrset.signature_count > 0 || (rrset.type == RRTYPE_NS && !opt_out))
            return false;
    }
    return node != NULL;
}

// An edit, and each record of its signed diff left out once.
static void
a_change_that_forgets_one_record_is_found(void **state)
{
    (void)state;
    static const char *const edits[] = {
        "b A 192.0.2.9\n",
        "zz A 192.0.2.9\n",
        "p.q.r.s A 192.0.2.9\n",
        "\\000.a A 192.0.2.9\n",
        "ent TXT x\n",
        "a MX 1 a\n",
        ("new NS ns1\nnew DS 1 13 2 "
         "0000000000000000000000000000000000000000000000000000000000000000\n"),
        "x NS ns1\nglue.x A 192.0.2.7\n",
        "ent NS ns1\n",
        "also.only A 192.0.2.8\n"};
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        char text[2048];
        struct diff changes;
        const struct sign_result *result;
        snprintf(text, sizeof text, "%s%s", zone_text, edits[i]);
        struct draft *draft = draft_from_text(world.apex, text);
        diff_init(&changes);
        diff_version_draft(store_current(world.store), draft, DIFF_UNSIGNED, &changes);
        struct sign_job *job =
            world_sign(&world, (struct sign_request){.changes = &changes}, &result);
        verify_without(result, SIZE_MAX, edits[i]);
        for (size_t at = 1; at < result->diff.count; at++) {
            if (!says_nothing(result->diff.entries[at].new_node))
                verify_without(result, at, edits[i]);
        }
        sign_job_free(&job);
        diff_close(&changes);
        draft_free(&draft);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_change_of_the_chain_that_forgets_one_record_is_found,
                                        with_nsec, world_end),
        cmocka_unit_test_setup_teardown(a_change_that_forgets_one_record_is_found, with_nsec3,
                                        world_end),
        cmocka_unit_test_setup_teardown(a_change_that_forgets_one_record_is_found, with_opt_out,
                                        world_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
