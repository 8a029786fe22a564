// Zones that others signed: each implementation has its own habits, and all of them are valid. And
// the RFC's own ZONEMDs.
#include <time.h>

#include "tests/unit/sign/sign_world.h"

#include "common/dns/rdata.h"
#include "secondary/signer/sign/verify_zonemd.h"

static const char zone_text[] =
    "$TTL 300\\n@ 3600 IN SOA ns1 h 1 7200 900 1209600 60\\n@ NS ns1\\nns1 A 192.0.2.1\\n"
    "*.w TXT x\\nsub NS ns.sub\\nns.sub A 192.0.2.2\\na.b.c MX 1 ns1\\ndel.only NS ns1\\n"
    "sec NS ns1\\nsec DS 1 13 2 "
    "0000000000000000000000000000000000000000000000000000000000000000\\nd DNAME example.net.\\n"
    "below.d TXT occluded\\n";

static char folder[64];
static uint8_t apex[NAME_SIZE_MAX];

static int
folder_make(void **state)
{
    struct fault fault;
    (void)state;
    strcpy(folder, "/tmp/tandem-others-XXXXXX");
    return mkdtemp(folder) && name_from_text("example.gov.", NULL, apex, &fault) ? 0 : -1;
}

static int
folder_remove(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static struct draft *
draft_read(const char *path)
{
    struct draft *draft = draft_new(apex);
    struct vector errors;
    struct draft_findings findings;
    struct fault fault;
    if (!zonefile_read(path, draft, NULL, &errors))
        fail_msg("%s", path);
    zonefile_errors_close(&errors);
    assert_true(draft_seal(draft, &findings, &fault));
    return draft;
}

static void
signed_zone_verifies(const char *what, const char *file, enum verify_denial denial)
{
    char path[128];
    struct verify_report report;
    struct fault fault;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    struct draft *draft = draft_read(path);
    verify_report_init(&report);
    if (!verify_draft(draft, NULL, (int64_t)time(NULL), &report)) {
        verify_report_fault(&report, &fault);
        fail_msg("%s: %s", what, fault.text);
    }
    assert_int_equal(report.denial, denial);
    assert_true(report.signatures > 15 && report.chain_owners > 6);
    verify_report_close(&report);
    draft_free(&draft);
}

__attribute__((format(printf, 1, 2))) static void
shell(const char *format, ...)
{
    char command[2048], text[1500];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    snprintf(command, sizeof command, "cd %s && { %s; } >/dev/null 2>&1", folder, text);
    if (system(command) != 0)
        fail_msg("%s", text);
}

static void
chains_by_bind_verify(void **state)
{
    (void)state;
    static const char *const options[] = {"", "-3 -", "-3 ab12 -H 5", "-3 - -A",
                                          "-3 beef -H 150 -A"};
    if (system("command -v dnssec-keygen dnssec-signzone >/dev/null") != 0)
        skip();
    shell("printf '%s' > zone", zone_text);
    shell("dnssec-keygen -q -a 13 -f KSK example.gov && dnssec-keygen -q -a 13 example.gov");
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        shell("dnssec-signzone -S -q %s -o example.gov -O full -f bind%zu zone", options[i], i);
        char file[32];
        snprintf(file, sizeof file, "bind%zu", i);
        signed_zone_verifies(options[i], file, i ? VERIFY_NSEC3 : VERIFY_NSEC);
    }
}

static void
chains_by_ldns_verify_in_each_algorithm(void **state)
{
    (void)state;
    static const struct {
        const char *algorithm, *options;
    } zones[] = {{"RSASHA256 -b 1024", ""},
                 {"RSASHA512 -b 2048", "-n"},
                 {"ECDSAP256SHA256", "-n -s ab12"},
                 {"ECDSAP384SHA384", "-n -t 3"},
                 {"ED25519", "-n -p"},
                 {"ED448", "-n -p -s ab -t 1"},
                 {"ECDSAP256SHA256", "-z 1:1"},
                 {"ECDSAP256SHA256", "-n -z 1:2"}};
    if (system("command -v ldns-keygen ldns-signzone >/dev/null") != 0)
        skip();
    shell("printf '%s' > zone", zone_text);
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
        shell("ldns-signzone %s -f ldns%zu -o example.gov zone $(ldns-keygen -a %s -k example.gov)",
              zones[i].options, i, zones[i].algorithm);
        char file[32];
        snprintf(file, sizeof file, "ldns%zu", i);
        signed_zone_verifies(zones[i].algorithm, file,
                             strstr(zones[i].options, "-n") ? VERIFY_NSEC3 : VERIFY_NSEC);
    }
}

// --- RFC 8976 appendix A

static size_t
zonemd_findings(const struct draft *draft, bool *ret_checked)
{
    struct verify_report report;
    struct rrset rrset;
    struct rr rr;
    struct rdata_soa soa;
    struct verify_zone zone = {.apex = draft_apex(draft), .apex_node = draft_node_at(draft, 0)};
    assert_true(verify_first_rr(zone.apex_node, RRTYPE_SOA, &rrset, &rr));
    assert_true(rdata_soa_read(rr.rdata, rr.rdlength, &soa));
    zone.serial = soa.serial;
    verify_report_init(&report);
    struct verify_zonemd *zonemd = verify_zonemd_new(&zone, true, &report);
    for (size_t i = 0; zonemd && i < draft_node_count(draft); i++)
        verify_zonemd_add(zonemd, draft_node_at(draft, i));
    if (zonemd)
        verify_zonemd_end(zonemd, &report);
    verify_zonemd_free(&zonemd);
    *ret_checked = report.zonemd_checked;
    size_t count = report.finding_count;
    verify_report_close(&report);
    return count;
}

static void
zonemds_of_the_rfc_verify_and_each_record_counts(void **state)
{
    (void)state;
    static const struct {
        const char *file, *apex;
        size_t digests; // of kinds that can be checked
    } zones[] = {{"simple.zone", "example.", 1},
                 {"complex.zone", "example.", 1},
                 {"multiple.zone", "example.", 2},
                 {"uri.arpa.zone", "uri.arpa.", 1},
                 {"root-servers.net.zone", "root-servers.net.", 1}};
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
        char path[512];
        bool checked;
        struct fault fault;
        uint8_t kept[NAME_SIZE_MAX];
        name_copy(kept, apex);
        assert_true(name_from_text(zones[i].apex, NULL, apex, &fault));
        snprintf(path, sizeof path, "%s/golden/zonemd/%s", TEST_SOURCE_DIR, zones[i].file);
        struct draft *draft = draft_read(path);
        if (zonemd_findings(draft, &checked) != 0 || !checked)
            fail_msg("%s", zones[i].file);
        for (size_t left_out = 1; left_out < draft_node_count(draft); left_out++) {
            struct draft_findings findings;
            if (node_rrset_count(draft_node_at(draft, left_out)) == 0)
                continue;
            struct draft *part = draft_new(apex);
            for (size_t at = 0; at < draft_node_count(draft); at++)
                if (at != left_out)
                    draft_add_node(part, draft_node_at(draft, at));
            assert_true(draft_seal(part, &findings, &fault));
            assert_int_equal(zonemd_findings(part, &checked), zones[i].digests);
            draft_free(&part);
        }
        draft_free(&draft);
        name_copy(apex, kept);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_by_bind_verify),
        cmocka_unit_test(chains_by_ldns_verify_in_each_algorithm),
        cmocka_unit_test(zonemds_of_the_rfc_verify_and_each_record_counts),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
