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
#include "tests/support/store_bed.h"

#define HEAD                                                                                       \
    "$TTL 300\n"                                                                                   \
    "@ 3600 IN SOA ns1 hostmaster 1 7200 900 1209600 60\n"                                         \
    "@ NS ns1\n"                                                                                   \
    "ns1 A 192.0.2.1\n"

static const uint8_t apex[] = "\7example\3gov";

// A served content and a candidate, judged both ways.
struct world {
    char folder[64];
    struct store *store;
    struct gate_limits limits;
    struct vector served_warnings; // of struct gate_warning: the served content's own
    struct gate_verdict whole, quick;
    bool quick_passed;
};

static void
world_open(struct world *world)
{
    struct store_options options = {0};
    struct store_opening opening;
    struct fault fault;
    char path[96];
    memset(world, 0, sizeof *world);
    strcpy(world->folder, "/tmp/tandem-change-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    snprintf(path, sizeof path, "%s/store", world->folder);
    assert_true(store_open(path, apex, &options, &world->store, &opening, &fault));
    gate_limits_default(&world->limits);
    vector_init(&world->served_warnings, sizeof(struct gate_warning));
    gate_verdict_init(&world->whole);
    gate_verdict_init(&world->quick);
}

static void
world_close(struct world *world)
{
    char command[96];
    gate_verdict_close(&world->whole);
    gate_verdict_close(&world->quick);
    vector_close(&world->served_warnings);
    store_close(&world->store);
    snprintf(command, sizeof command, "rm -rf %s", world->folder);
    assert_int_equal(system(command), 0);
}

static struct draft *
draft_of(const char *text, struct draft_findings *findings)
{
    struct vector errors;
    struct fault fault;
    struct draft *draft = draft_new(apex);
    if (!zonefile_read_memory("test", text, strlen(text), NULL, draft, NULL, &errors)) {
        char line[512];
        zonefile_error_text(vector_at(&errors, 0), line, sizeof line);
        fail_msg("%s in\n%s", line, text);
    }
    zonefile_errors_close(&errors);
    assert_true(draft_seal(draft, findings, &fault));
    return draft;
}

// False: it is no zone that could be served.
static bool
serve(struct world *world, const char *text)
{
    struct fault fault;
    struct draft_findings findings;
    struct version_facts facts = {.unsigned_serial = 1, .signed_serial = 1};
    struct draft *draft = draft_of(text, &findings);
    struct gate_verdict verdict;
    struct diff diff;
    struct gate_candidate candidate = {.draft = &draft, .findings = &findings};
    gate_verdict_init(&verdict);
    gate_judge(&candidate, &world->limits, &diff, &verdict);
    bool good = verdict.outcome != GATE_REJECTED;
    if (good) {
        assert_true(store_publish_draft(world->store, draft, &facts, &fault));
        vector_close(&world->served_warnings);
        world->served_warnings = verdict.warnings;
        vector_init(&verdict.warnings, sizeof(struct gate_warning));
        diff_close(&diff);
    }
    gate_verdict_close(&verdict);
    draft_free(&draft);
    return good;
}

static struct draft *
changed_owners(const struct diff *diff)
{
    struct fault fault;
    struct draft_findings findings;
    struct draft *changed = draft_new(apex);
    for (size_t i = 0; i < diff->count; i++)
        if (diff->entries[i].new_node)
            draft_add_node(changed, diff->entries[i].new_node);
    assert_true(draft_seal(changed, &findings, &fault));
    return changed;
}

static void
judge_quickly(struct world *world, const struct draft *draft, const struct diff *diff)
{
    struct draft *changed = changed_owners(diff);
    struct gate_change change = {
        .served = store_current(world->store), .diff = diff, .changed = changed};
    for (size_t i = 0; i < draft_node_count(draft); i++) {
        const struct node *node = draft_node_at(draft, i);
        change.octets += node_size(node);
        for (unsigned k = 0; k < node_rrset_count(node); k++) {
            struct rrset set;
            node_rrset_at(node, k, &set);
            change.rr_count += set.rr_count;
        }
    }
    world->quick_passed = gate_judge_change(&change, &world->limits, &world->quick);
    draft_free(&changed);
}

// Judges text both ways. Where TTLs were united the caller of the quick way asks for the whole one
// by itself.
static bool
judge(struct world *world, const char *text)
{
    struct draft_findings findings;
    struct diff diff;
    diff_init(&diff);
    gate_verdict_close(&world->whole);
    gate_verdict_close(&world->quick);
    gate_verdict_init(&world->whole);
    gate_verdict_init(&world->quick);
    struct draft *draft = draft_of(text, &findings), *mended = draft_of(text, &findings);
    struct gate_candidate candidate = {
        .served = store_current(world->store), .draft = &mended, .findings = &findings};
    gate_judge(&candidate, &world->limits, &diff, &world->whole);
    diff_close(&diff);
    diff_version_draft(store_current(world->store), draft, DIFF_UNSIGNED, &diff);
    world->quick_passed = false;
    if (findings.ttl_differs == 0)
        judge_quickly(world, draft, &diff);
    diff_close(&diff);
    draft_free(&draft);
    draft_free(&mended);
    return world->quick_passed;
}

static bool
is_old_news(const struct world *world, const struct gate_warning *warning)
{
    for (size_t i = 0; i < world->served_warnings.count; i++) {
        const struct gate_warning *old = vector_at(&world->served_warnings, i);
        if (name_equal(old->owner, warning->owner) && old->type == warning->type &&
            strcmp(old->word, warning->word) == 0 && strcmp(old->text, warning->text) == 0)
            return true;
    }
    return false;
}

// What the quick way lets pass, the whole judgement lets pass alike.
static void
check_agreement(const struct world *world, const char *served, const char *text)
{
    if (!world->quick_passed)
        return;
    const struct gate_verdict *whole = &world->whole, *quick = &world->quick;
    const struct gate_warning *news = NULL;
    for (size_t i = 0; i < whole->warnings.count; i++)
        if (!is_old_news(world, vector_at(&whole->warnings, i)))
            news = vector_at(&whole->warnings, i);
    if (whole->outcome != GATE_ACCEPTED || whole->stripped_rrs || whole->lowered_ttls || news ||
        memcmp(&whole->counts, &quick->counts, sizeof whole->counts) != 0 ||
        whole->removed_percent != quick->removed_percent)
        fail_msg("%s %s\nserved\n%s\nnew\n%s", whole->sentence, news ? news->text : "", served,
                 text);
}

// --- Random zones: few names, so that cuts, glue, targets and wildcards meet.

static const char *const labels[] = {"a", "b", "c", "*", "d"};

static void
random_name(struct random *random, char *text, size_t size)
{
    unsigned depth = 1 + random_below(random, 3);
    text[0] = '\0';
    for (unsigned i = 0; i < depth; i++) {
        const char *label = labels[random_below(random, i ? 3 : 5)];
        size_t length = strlen(text);
        snprintf(text + length, size - length, "%s%s", i ? "." : "", label);
    }
}

struct line {
    char owner[24], type[8], rdata[40];
    unsigned ttl;
};
struct lines {
    struct line line[64];
    unsigned count;
};

static void
line_remove(struct lines *lines, unsigned at)
{
    lines->line[at] = lines->line[--lines->count];
}

static void
random_line(struct random *random, struct line *line)
{
    static const char *const types[] = {"A",  "A",     "AAAA", "MX",   "MX",
                                        "NS", "CNAME", "TXT",  "DNAME"};
    char target[24];
    random_name(random, line->owner, sizeof line->owner);
    // A DNAME makes nearly everything else an error, so it is rare.
    strcpy(line->type, types[random_below(random, random_below(random, 20) ? 8 : 9)]);
    if (strcmp(line->type, "MX") != 0 && random_below(random, 12) == 0)
        strcpy(line->owner, "@");
    line->ttl = random_below(random, 60) ? 300 : 600000; // over the limit of the default
    random_name(random, target, sizeof target);
    unsigned number = random_below(random, 3);
    if (strcmp(line->type, "A") == 0)
        sprintf(line->rdata, "192.0.2.%u", number);
    else if (strcmp(line->type, "AAAA") == 0)
        sprintf(line->rdata, "2001:db8::%u", number);
    else if (strcmp(line->type, "TXT") == 0)
        sprintf(line->rdata, "%u", number);
    else
        sprintf(line->rdata, "%s%s%s", strcmp(line->type, "MX") == 0 ? "5 " : "", target,
                random_below(random, 6)   ? ""
                : random_below(random, 2) ? ".example.org."
                                          : ".example.gov");
}

// A CNAME stands alone, mostly.
static void
line_put(struct lines *lines, const struct line *line, struct random *random)
{
    bool cname = strcmp(line->type, "CNAME") == 0;
    for (unsigned i = lines->count; i-- > 0;) {
        bool same = strcmp(lines->line[i].owner, line->owner) == 0;
        bool is_cname = strcmp(lines->line[i].type, "CNAME") == 0;
        bool twice = same && strcmp(lines->line[i].type, line->type) == 0 &&
                     strcmp(lines->line[i].rdata, line->rdata) == 0;
        if (twice || (same && (cname || is_cname) && random_below(random, 30)))
            line_remove(lines, i);
    }
    if (lines->count < 64)
        lines->line[lines->count++] = *line;
}

static char *
text_of(const struct lines *lines, unsigned serial)
{
    struct octets_buffer text;
    octets_buffer_init(&text);
    octets_buffer_printf(&text,
                         "$TTL 300\n@ 3600 IN SOA ns1 hostmaster %u 7200 900 1209600 60\n@ NS ns1\n"
                         "ns1 A 192.0.2.1\n",
                         serial);
    for (unsigned i = 0; i < lines->count; i++)
        octets_buffer_printf(&text, "%s %u %s %s\n", lines->line[i].owner, lines->line[i].ttl,
                             lines->line[i].type, lines->line[i].rdata);
    octets_buffer_add_u8(&text, 0);
    return (char *)text.data;
}

static void
random_edit(struct lines *lines, struct random *random)
{
    struct line line;
    unsigned at = lines->count ? random_below(random, lines->count) : 0;
    switch (random_below(random, 4)) {
    case 0:
        if (lines->count)
            line_remove(lines, at);
        break;
    case 1: // another address or target of the same owner and type
        if (lines->count) {
            random_line(random, &line);
            strcpy(line.owner, lines->line[at].owner);
            line_put(lines, &line, random);
        }
        break;
    default:
        random_line(random, &line);
        line_put(lines, &line, random);
        break;
    }
}

static void
what_passes_quickly_passes_as_a_whole(void **state)
{
    (void)state;
    struct random random = {.state = 20261122};
    struct world world;
    world_open(&world);
    store_io_without_sync();
    unsigned passed = 0, passed_with_warnings = 0, judged = 0;
    for (unsigned zone = 0; zone < 300; zone++) {
        struct lines served = {0};
        for (unsigned i = random_below(&random, 40); i > 0; i--)
            random_edit(&served, &random);
        char *served_text = text_of(&served, 1);
        world.limits.max_removed_percent = random_below(&random, 3) ? 100 : 20;
        if (serve(&world, served_text)) {
            for (unsigned i = 0; i < 30; i++) {
                struct lines edited = served;
                for (unsigned k = random_below(&random, 4); k > 0; k--)
                    random_edit(&edited, &random);
                char *text = text_of(&edited, 2);
                judged++;
                if (judge(&world, text)) {
                    passed++;
                    passed_with_warnings += world.whole.warning_count > 0;
                }
                check_agreement(&world, served_text, text);
                free(text);
            }
        }
        free(served_text);
    }
    world_close(&world);
    // It is of use only where it passes.
    print_message("%u judged, %u passed, %u of them beside standing warnings\n", judged, passed,
                  passed_with_warnings);
    assert_true(judged > 3000);
    assert_true(passed * 3 > judged);
    assert_true(passed_with_warnings > 100);
}

// --- One question each

static void
usual_changes_pass(void **state)
{
    (void)state;
    static const char served[] = HEAD "@ A 192.0.2.9\n@ MX 5 mail\nmail A 192.0.2.2\n"
                                      "www A 192.0.2.3\nx.deep A 192.0.2.3\n"
                                      "child NS ns.child\nchild NS ns.example.net.\n"
                                      "ns.child A 192.0.2.4\nold CNAME www\n";
    static const struct {
        const char *text;
        bool passes;
    } cases[] = {
        {"", true},
        {"www A 192.0.2.77\n", true},
        {"new A 192.0.2.77\n", true},
        {"new CNAME www\n", true},
        {"new MX 5 mail\n", true},
        {"new MX 5 mx.example.net.\n", true},
        {"new MX 5 nobody\n", false},  // a warning
        {"new MX 5 old\n", false},     // at a CNAME
        {"new MX 5 ns.child\n", true}, // has an address, if in another's zone
        {"new NS ns.new\nns.new A 192.0.2.5\n", true},
        {"new NS ns.new\nns.new A 192.0.2.5\nns.new TXT x\n", false}, // not glue
        {"new NS ns.new\nother.new A 192.0.2.5\n", false},            // no glue for ns
        {"new NS ns1\nother.new A 192.0.2.5\n", false},               // what is it?
        {"deep NS ns1\n", false},                                     // hides x.deep
        {"ns2.child A 192.0.2.5\n", false},                           // nobody's glue
        {"ns.child A 192.0.2.5\n", true},
        {"ns.child TXT x\n", false},
        {"*.new NS ns1\n", false},
        {"new DNAME www\n", false},
        {"new 86400000 A 192.0.2.1\n", false},
        {"new SOA a. b. 1 2 3 4 5\n", false},
        {"new ALIAS www.example.net.\n", false},
        {"new DNSKEY 256 3 13 AAAA\n", false},
        {"a.example.gov A 192.0.2.1\nb.example.gov A 192.0.2.1\n", true},
        {"a.example.gov A 192.0.2.1\nb.example.gov A 192.0.2.1\nc.example.gov A 192.0.2.1\n",
         false},
    };
    struct world world;
    world_open(&world);
    assert_true(serve(&world, served));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = NULL;
        assert_true(asprintf(&text, "%s%s", served, cases[i].text) > 0);
        if (judge(&world, text) != cases[i].passes)
            fail_msg("case %zu: %s", i, cases[i].text);
        check_agreement(&world, served, text);
        free(text);
    }
    world_close(&world);
}

static void
what_is_taken_away_passes_unless_somebody_points_there(void **state)
{
    (void)state;
    static const char *const records[] = {
        "@ A 192.0.2.9\n",        // 0: not unasked
        "@ MX 5 mail\n",          // 1
        "mail A 192.0.2.2\n",     // 2: the MX
        "www A 192.0.2.3\n",      // 3
        "child NS ns.child\n",    // 4: leaves glue that is none
        "ns.child A 192.0.2.4\n", // 5: glue is missing
        "old CNAME www\n",        // 6
        "empty NS ns1\n",         // 7
        "post MX 5 x.empty\n",    // 8: after 7 it points into this zone
        "via MX 5 some.wild\n",   // 9
        "*.wild A 192.0.2.8\n",   // 10: what 9 lives on
        "b.wild A 192.0.2.8\n",   // 11: below a wildcard, where 9 points at no name
    };
    static const bool passes[] = {false, true,  false, true, false, false,
                                  true,  false, true,  true, false, false};
    struct world world;
    world_open(&world);
    enum { COUNT = sizeof records / sizeof records[0] };
    for (size_t left_out = 0; left_out <= COUNT; left_out++) {
        struct octets_buffer all, text;
        octets_buffer_init(&all);
        octets_buffer_init(&text);
        octets_buffer_printf(&all, HEAD);
        octets_buffer_printf(&text, HEAD);
        for (size_t i = 0; i < COUNT; i++) {
            octets_buffer_printf(&all, "%s", records[i]);
            octets_buffer_printf(&text, "%s", i == left_out ? "" : records[i]);
        }
        assert_true(serve(&world, (char *)all.data));
        if (judge(&world, (char *)text.data) != (left_out == COUNT || passes[left_out]))
            fail_msg("without record %zu", left_out);
        check_agreement(&world, (char *)all.data, (char *)text.data);
        octets_buffer_close(&all);
        octets_buffer_close(&text);
    }
    world_close(&world);
}

static void
glue_that_only_another_delegation_made_glue_is_noticed(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    assert_true(serve(&world, HEAD "a NS ns.b\na NS ns1\nb NS ns1\nns.b A 192.0.2.1\n"));
    assert_false(judge(&world, HEAD "a NS ns1\nb NS ns1\nns.b A 192.0.2.1\n"));
    assert_int_equal(world.whole.warning_count, 1);
    assert_true(judge(&world, HEAD "a NS ns1\nb NS ns1\n"));
    world_close(&world);
}

static void
an_ns_record_below_a_cut_makes_glue_too(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    assert_true(serve(&world, HEAD "b NS ns1\nd.b NS b.b\nb.b A 192.0.2.1\n"));
    assert_false(judge(&world, HEAD "b NS ns1\nb.b A 192.0.2.1\n"));
    world_close(&world);
}

static void
a_target_that_vanishes_onto_a_wildcard_is_noticed(void **state)
{
    (void)state;
    static const char *const kept = HEAD "* CNAME example.org.\nm MX 5 b\nn MX 5 t\n";
    static const char *const gone[] = {"x.b TXT 1\n", // leaves no empty non-terminal b
                                       "t TXT 1\n"};
    for (unsigned i = 0; i < 2; i++) {
        struct world world;
        char *all = NULL, *text = NULL;
        world_open(&world);
        assert_true(asprintf(&all, "%s%s%s", kept, gone[0], gone[1]) > 0);
        assert_true(asprintf(&text, "%s%s", kept, gone[i]) > 0);
        assert_true(serve(&world, all));
        assert_false(judge(&world, text));
        assert_true(judge(&world, all));
        free(all);
        free(text);
        world_close(&world);
    }
}

static void
nothing_passes_beside_a_dname_that_comes_or_rules(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    assert_true(serve(&world, HEAD "a DNAME example.org.\n"));
    assert_false(judge(&world, HEAD "a DNAME example.org.\nb.a A 192.0.2.1\n"));
    assert_false(judge(&world, HEAD "a DNAME example.net.\n"));
    assert_false(judge(&world, HEAD));
    assert_true(judge(&world, HEAD "a DNAME example.org.\nb A 192.0.2.1\n"));
    world_close(&world);
}

static void
limits_are_for_the_whole_judgement(void **state)
{
    (void)state;
    struct world world;
    world_open(&world);
    assert_true(serve(&world, HEAD "www A 192.0.2.1\n"));
    world.limits.max_records = 5;
    assert_true(judge(&world, HEAD "www A 192.0.2.2\nw A 192.0.2.1\n"));
    world.limits.max_records = 4;
    assert_false(judge(&world, HEAD "www A 192.0.2.2\nw A 192.0.2.1\n"));
    world.limits.max_records = 0;
    world.limits.max_size_octets = 300;
    assert_false(judge(&world, HEAD "www A 192.0.2.2\n"));
    world_close(&world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_changes_pass),
        cmocka_unit_test(what_is_taken_away_passes_unless_somebody_points_there),
        cmocka_unit_test(glue_that_only_another_delegation_made_glue_is_noticed),
        cmocka_unit_test(an_ns_record_below_a_cut_makes_glue_too),
        cmocka_unit_test(a_target_that_vanishes_onto_a_wildcard_is_noticed),
        cmocka_unit_test(nothing_passes_beside_a_dname_that_comes_or_rules),
        cmocka_unit_test(limits_are_for_the_whole_judgement),
        cmocka_unit_test(what_passes_quickly_passes_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
