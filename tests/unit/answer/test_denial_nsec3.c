// RFC 5155: the zone of appendix A and the answers of appendix B (without the NS that those have
// beside positive answers, README.md decision 10), a zone of every shape without opt-out, and one
// with delegations of every kind under opt-out.
#define ZONE_COUNT 5
#define ORIGIN     "example."
// clang-format off
#define ZONES                                                                                      \
    {"example.", "rfc5155.signed"},                                                                \
    {"tandem.example.", "tandem.example.nsec3.signed"},                                            \
    {"optout.example.", "optout.example.signed"},                                                  \
    {"other.example.", "other.example.signed"},                                                    \
    {"hole.example.", "hole.example.zone"}
// clang-format on
#include "tests/unit/answer/answer_fixture.h"

#define EXAMPLE "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom NSEC3*"
#define NS1     "2t7b4g4vsa5smi47k61mv5bv1a22bojr NSEC3*"
#define A       "35mthgpgcu1qg68fab165klnsnk3dpvl NSEC3*"
#define X_W     "b4um86eghhds6nea196smvmlo4ors995 NSEC3*"
#define Y_W     "ji6neoaepv8b5o6k4ev33abha8ht9fgc NSEC3*"
#define W       "k8udemvp1j2f7eg6jebps17vp3n8i58h NSEC3*"
#define NS2     "q04jkcevqvmu85r014c7dkba38o0ji5r NSEC3*"
#define STAR_W  "r53bq7cc2uvmubfu5ocmm6pers9tk9en NSEC3*"

static void
chain_is_that_of_rfc_5155_appendix_a(void **state)
{
    (void)state;
    static const char *const owners[] = {
        "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", "2t7b4g4vsa5smi47k61mv5bv1a22bojr",
        "2vptu5timamqttgl4luu9kg21e0aor3s", "35mthgpgcu1qg68fab165klnsnk3dpvl",
        "b4um86eghhds6nea196smvmlo4ors995", "gjeqe526plbf1g8mklp59enfd789njgi",
        "ji6neoaepv8b5o6k4ev33abha8ht9fgc", "k8udemvp1j2f7eg6jebps17vp3n8i58h",
        "kohar7mbb8dc2ce8a9qvl8hon4k53uhi", "q04jkcevqvmu85r014c7dkba38o0ji5r",
        "r53bq7cc2uvmubfu5ocmm6pers9tk9en", "t644ebqk9bibcna874givr6joj62mlhv"};
    struct version_cursor cursor;
    const struct node *node;
    size_t count = 0;
    version_cursor_first(&cursor, fixtures[0].version);
    while ((node = version_cursor_next(&cursor))) {
        if (!node_has(node, RRTYPE_NSEC3))
            continue;
        assert_true(count < sizeof owners / sizeof owners[0]);
        assert_memory_equal(node_owner(node) + 1, owners[count++], NSEC3_LABEL_SIZE);
    }
    assert_int_equal(count, 12);
    assert_int_equal(version_nsec3(fixtures[0].version)->flags, NSEC3_FLAG_OPT_OUT);
    assert_int_equal(version_nsec3(fixtures[0].version)->iterations, 12);
}

// ---- RFC 5155 appendix B ----

static void
rfc5155_b_1_name_error(void **state)
{
    (void)state;
    assert_string_equal(ask_do("a.c.x.w", RRTYPE_A), "NXDOMAIN aa / @ SOA* " X_W " " EXAMPLE " " A);
    assert_int_equal(outcome.kind, ANSWER_NXDOMAIN);
}

static void
rfc5155_b_2_no_data(void **state)
{
    (void)state;
    assert_string_equal(ask_do("ns1", RRTYPE_MX), "NOERROR aa / @ SOA* " NS1);
    assert_string_equal(ask_do("y.w", RRTYPE_A), "NOERROR aa / @ SOA* " Y_W); // B.2.1
    assert_int_equal(outcome.kind, ANSWER_NODATA);
}

static void
rfc5155_b_3_referral_to_an_unsigned_zone_that_is_opted_out(void **state)
{
    (void)state;
    assert_string_equal(ask_do("mc.c", RRTYPE_MX),
                        "NOERROR / c NSx2 " EXAMPLE " " A " + ns1.c A ns2.c A");
    assert_string_equal(ask_do("c", RRTYPE_DS), "NOERROR aa / @ SOA* " EXAMPLE " " A);
    assert_string_equal(ask_do("mc.a", RRTYPE_MX),
                        "NOERROR / a NSx2 a DS* + ns1.a A ns2.a A"); // a signed one
}

// The NSEC3 of a name that exists, or of the cut above, was looked for with the batch.
static bool
match_is_ahead(const char *name, uint16_t type)
{
    struct query query;
    ask_do(name, type); // its records are known to be whole then
    query_read(query_octets, query_length, &query);
    answer_look_ahead(&service, &query, 1);
    return query.ahead.shows;
}

static void
a_match_that_will_be_shown_is_fetched_ahead_and_no_other(void **state)
{
    (void)state;
    assert_true(match_is_ahead("ns1", RRTYPE_MX));
    assert_true(match_is_ahead("y.w", RRTYPE_A)); // an empty non-terminal
    assert_true(match_is_ahead("c", RRTYPE_MX));  // a cut without DS
    assert_true(match_is_ahead("mc.c", RRTYPE_MX));
    assert_false(match_is_ahead("ns1", RRTYPE_A));
    assert_false(match_is_ahead("a", RRTYPE_MX)); // a cut with DS
    assert_false(match_is_ahead("mc.a", RRTYPE_MX));
    assert_false(match_is_ahead("ns9", RRTYPE_MX)); // no name
    assert_false(match_is_ahead("a.z.w", RRTYPE_AAAA));
    ask("ns1", RRTYPE_MX);
    struct query query;
    query_read(query_octets, query_length, &query);
    answer_look_ahead(&service, &query, 1);
    assert_false(query.ahead.shows); // without DO nothing is proven
}

static void
rfc5155_b_4_wildcard_expansion(void **state)
{
    (void)state;
    assert_string_equal(ask_do("a.z.w", RRTYPE_MX),
                        "NOERROR aa | a.z.w MX* / " NS2 " + ai A* ai AAAA*");
}

static void
rfc5155_b_5_wildcard_no_data(void **state)
{
    (void)state;
    assert_string_equal(ask_do("a.z.w", RRTYPE_AAAA), "NOERROR aa / @ SOA* " W " " NS2 " " STAR_W);
}

static void
rfc5155_b_6_ds_of_the_apex_from_the_child(void **state)
{
    (void)state;
    assert_string_equal(ask_do("@", RRTYPE_DS), "NOERROR aa / @ SOA* " EXAMPLE);
}

static void
rfc5155_7_2_8_owner_of_nsec3_alone_is_no_name(void **state)
{
    (void)state;
    static const uint16_t types[] = {RRTYPE_NSEC3, RRTYPE_RRSIG, RRTYPE_ANY, RRTYPE_A};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        assert_string_equal(ask_do("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", types[i]),
                            "NXDOMAIN aa / @ SOA* " EXAMPLE
                            " q04jkcevqvmu85r014c7dkba38o0ji5r NSEC3*"
                            " gjeqe526plbf1g8mklp59enfd789njgi NSEC3*");
    assert_string_equal(ask("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", RRTYPE_NSEC3),
                        "NXDOMAIN aa / @ SOA");
}

// 2t7b4... is the hash of ns1, and in the appendix's zone an owner of an A as well.
static void
rfc5155_7_2_8_name_that_is_also_a_hash_has_its_own_data_only(void **state)
{
    (void)state;
    static const char name[] = "2t7b4g4vsa5smi47k61mv5bv1a22bojr";
    assert_string_equal(ask_do(name, RRTYPE_A), "NOERROR aa | 2t7b4g4vsa5smi47k61mv5bv1a22bojr A*");
    assert_string_equal(ask_do(name, RRTYPE_NSEC3),
                        "NOERROR aa / @ SOA* kohar7mbb8dc2ce8a9qvl8hon4k53uhi NSEC3*");
    assert_string_equal(ask_do(name, RRTYPE_ANY),
                        "NOERROR aa | 2t7b4g4vsa5smi47k61mv5bv1a22bojr A*");
    client.tcp = true;
    assert_string_equal(ask_do(name, RRTYPE_ANY),
                        "NOERROR aa | 2t7b4g4vsa5smi47k61mv5bv1a22bojr A*");
    ask_do(name, RRTYPE_RRSIG);
    const ldns_rr_list *signatures = ldns_pkt_answer(packet);
    assert_int_equal(ldns_rr_list_rr_count(signatures), 1);
    assert_int_equal(ldns_rdf2rr_type(ldns_rr_rrsig_typecovered(ldns_rr_list_rr(signatures, 0))),
                     LDNS_RR_TYPE_A);
}

static void
nsec3param_is_data_of_the_apex(void **state)
{
    (void)state;
    assert_string_equal(ask_do("@", RRTYPE_NSEC3PARAM), "NOERROR aa | @ NSEC3PARAM*");
    assert_string_equal(ask_do("ns1", RRTYPE_NSEC3PARAM), "NOERROR aa / @ SOA* " NS1);
}

// ---- the other zones: owners of NSEC3 by the names that they stand for ----

static void
hash_of(int zone, const uint8_t *name, char text[static NSEC3_LABEL_SIZE + 1])
{
    uint8_t hash[NSEC3_HASH_SIZE], owner[NAME_SIZE_MAX];
    nsec3_hash(version_nsec3(fixtures[zone].version), name, hash);
    assert_true(nsec3_owner(hash, version_apex(fixtures[zone].version), owner));
    memcpy(text, owner + 1, NSEC3_LABEL_SIZE);
    text[NSEC3_LABEL_SIZE] = '\0';
}

// The labels above the zone's apex as text; "@" for the apex.
static const char *
inner_name(int zone, const uint8_t *name, char text[static NAME_TEXT_MAX])
{
    size_t origin = strlen(zone_sources[zone].name);
    name_to_text(name, text);
    if (strlen(text) <= origin)
        return strcpy(text, "@");
    text[strlen(text) - origin - 1] = '\0';
    return text;
}

// Puts text in the place of what in the summary, wherever it stands.
static void
summary_replace(const char *what, const char *text)
{
    size_t length = strlen(what), own = strlen(text);
    for (char *at = summary; (at = strstr(at, what)); at += own) {
        memmove(at + own, at + length, strlen(at + length) + 1);
        memcpy(at, text, own);
    }
}

// As ask_do, relative to the zone, with "#www NSEC3*" for the NSEC3 at the hash of www.
static const char *
ask_zone(int zone, const char *name, uint16_t type)
{
    char whole[1100], hash[NSEC3_LABEL_SIZE + 1], text[NAME_TEXT_MAX + 1], suffix[1100];
    struct version_cursor cursor;
    const struct node *node;
    bool apex = strcmp(name, "@") == 0;
    snprintf(whole, sizeof whole, "%s%s%s", apex ? "" : name, apex ? "" : ".",
             zone_sources[zone].name);
    ask_do(whole, type);
    version_cursor_first(&cursor, fixtures[zone].version);
    while ((node = version_cursor_next(&cursor))) {
        hash_of(zone, node_owner(node), hash);
        text[0] = '#';
        inner_name(zone, node_owner(node), text + 1);
        summary_replace(hash, text);
    }
    snprintf(suffix, sizeof suffix, ".%.*s ", (int)strlen(zone_sources[zone].name) - 9,
             zone_sources[zone].name); // without ".example."
    summary_replace(suffix, " ");
    snprintf(suffix, sizeof suffix, " %.*s ", (int)strlen(zone_sources[zone].name) - 9,
             zone_sources[zone].name);
    summary_replace(suffix, " @ ");
    return summary;
}

// An NSEC3 of the answer covers the name's hash, as ldns sees it.
static void
assert_covered(int zone, const char *name)
{
    char whole[1100];
    snprintf(whole, sizeof whole, "%s.%s", name, zone_sources[zone].name);
    ldns_rdf *asked = ldns_dname_new_frm_str(whole);
    const ldns_rr_list *list = ldns_pkt_authority(packet);
    bool covered = false;
    for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(list, i);
        if (ldns_rr_get_type(rr) != LDNS_RR_TYPE_NSEC3)
            continue;
        ldns_rdf *hash = ldns_nsec3_hash_name_frm_nsec3(rr, asked);
        ldns_rdf *apex = ldns_dname_new_frm_str(zone_sources[zone].name);
        ldns_dname_cat(hash, apex);
        covered = covered || ldns_nsec_covers_name(rr, hash);
        ldns_rdf_deep_free(hash);
        ldns_rdf_deep_free(apex);
    }
    ldns_rdf_deep_free(asked);
    if (!covered)
        fail_msg("no NSEC3 covers %s in %s", name, summary);
}

#define TANDEM 1
#define OPTOUT 2

static void
zone_answers(int zone, const char *name, uint16_t type, const char *expected)
{
    assert_string_equal(ask_zone(zone, name, type), expected);
}

static void
without_opt_out_every_name_has_its_own_nsec3(void **state)
{
    (void)state;
    zone_answers(TANDEM, "mail", RRTYPE_AAAA, "NOERROR aa / @ SOA* #mail NSEC3*");
    zone_answers(TANDEM, "ent.empty", RRTYPE_A, "NOERROR aa / @ SOA* #ent.empty NSEC3*");
    zone_answers(TANDEM, "empty", RRTYPE_ANY, "NOERROR aa / @ SOA* #empty NSEC3*");
    zone_answers(TANDEM, "child", RRTYPE_DS, "NOERROR aa / @ SOA* #child NSEC3*");
    zone_answers(TANDEM, "*.wild", RRTYPE_MX, "NOERROR aa / @ SOA* #*.wild NSEC3*");
    zone_answers(TANDEM, "a.child", RRTYPE_A,
                 "NOERROR / child NSx4 #child NSEC3* + ns1.child A ns2.child AAAA ns.secure A");
}

static void
chains_of_names_prove_each_step(void **state)
{
    (void)state;
    zone_answers(TANDEM, "alias3", RRTYPE_A,
                 "NOERROR aa | alias3 CNAME* x.wild A* / #www.target NSEC3*");
    assert_covered(TANDEM, "x.wild");
    zone_answers(
        TANDEM, "dangling", RRTYPE_A,
        "NXDOMAIN aa | dangling CNAME* / @ SOA* #@ NSEC3* #wild2 NSEC3* #a.b.target NSEC3*");
    assert_covered(TANDEM, "nothere");
    assert_covered(TANDEM, "*");
}

// The NSEC3 that matches the closest encloser may cover another name of the proof too.
static void
no_record_is_sent_twice(void **state)
{
    (void)state;
    unsigned merged = 0;
    for (char first = 'a'; first <= 'z'; first++)
        for (char second = 'a'; second <= 'z'; second++) {
            char name[] = {first, second, '.', 'w', 'w', 'w', '\0'};
            ask_zone(TANDEM, name, RRTYPE_A); // the fixture looks for duplicates
            assert_covered(TANDEM, name);
            assert_covered(TANDEM, "*.www");
            assert_int_equal(strncmp(summary, "NXDOMAIN aa / @ SOA* #www NSEC3*", 32), 0);
            merged += ldns_rr_list_rr_count(ldns_pkt_authority(packet)) < 8;
        }
    assert_true(merged > 0);
}

static void
opted_out_delegation_is_denied_by_its_closest_provable_encloser(void **state)
{
    (void)state;
    zone_answers(OPTOUT, "plain", RRTYPE_DS, "NOERROR aa / @ SOA* #@ NSEC3* #mixed NSEC3*");
    assert_covered(OPTOUT, "plain");
    zone_answers(OPTOUT, "x.plain", RRTYPE_A,
                 "NOERROR / plain NS #@ NSEC3* #mixed NSEC3* + ns.plain A");
    zone_answers(OPTOUT, "secure", RRTYPE_DS, "NOERROR aa | secure DS*");
    zone_answers(OPTOUT, "some.mixed", RRTYPE_DS,
                 "NOERROR aa / @ SOA* #mixed NSEC3* #*.wild NSEC3*");
    assert_covered(OPTOUT, "some.mixed");
    // Two levels of empty non-terminals, opted out with it.
    zone_answers(OPTOUT, "far.off.ent", RRTYPE_DS, "NOERROR aa / @ SOA* #@ NSEC3* #wild NSEC3*");
    assert_covered(OPTOUT, "ent");
}

static void
opted_out_empty_non_terminal_is_denied_the_same_way(void **state)
{
    (void)state;
    zone_answers(OPTOUT, "mixed", RRTYPE_A, "NOERROR aa / @ SOA* #mixed NSEC3*");
    zone_answers(OPTOUT, "off.ent", RRTYPE_A, "NOERROR aa / @ SOA* #@ NSEC3* #wild NSEC3*");
    zone_answers(OPTOUT, "ent", RRTYPE_A, "NOERROR aa / @ SOA* #@ NSEC3* #wild NSEC3*");
    zone_answers(OPTOUT, "x.off.ent", RRTYPE_A,
                 "NXDOMAIN aa / @ SOA* #@ NSEC3* #wild NSEC3* #mixed NSEC3*");
    assert_covered(OPTOUT, "ent");
    assert_covered(OPTOUT, "*");
}

static void
wildcards_beside_opted_out_names(void **state)
{
    (void)state;
    zone_answers(OPTOUT, "x.wild", RRTYPE_A, "NOERROR aa | x.wild A* / #alias NSEC3*");
    assert_covered(OPTOUT, "x.wild");
    zone_answers(OPTOUT, "x.wild", RRTYPE_MX,
                 "NOERROR aa / @ SOA* #wild NSEC3* #alias NSEC3* #*.wild NSEC3*");
    zone_answers(OPTOUT, "sub.wild", RRTYPE_DS, "NOERROR aa / @ SOA* #wild NSEC3* #*.wild NSEC3*");
    // A wildcard that is an empty non-terminal over an unsigned delegation.
    zone_answers(OPTOUT, "x.star", RRTYPE_A, "NOERROR aa / @ SOA* #@ NSEC3* #mixed NSEC3*");
    assert_covered(OPTOUT, "star");
}

static void
names_at_and_below_a_dname(void **state)
{
    (void)state;
    zone_answers(OPTOUT, "x.dname", RRTYPE_A,
                 "NOERROR aa | dname DNAME* x.dname CNAME x.wild A* / #alias NSEC3*");
    zone_answers(OPTOUT, "dname", RRTYPE_A, "NOERROR aa / @ SOA* #dname NSEC3*");
}

static void
questions_without_do_get_no_proofs(void **state)
{
    (void)state;
    assert_string_equal(ask("nothere", RRTYPE_A), "NXDOMAIN aa / @ SOA");
    assert_string_equal(ask("mc.c", RRTYPE_MX), "NOERROR / c NSx2 + ns1.c A ns2.c A");
}

// ---- what cannot be proven ----

static void
hole_in_a_chain_is_servfail(void **state)
{
    (void)state;
    // The name without an NSEC3 of its own, the delegation without one, a name below it, and one
    // below a name that is covered as if it were opted out.
    static const char *const names[] = {"c", "sub", "x.sub", "x.e"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.hole.example.", names[i]);
        assert_string_equal(ask_do(name, RRTYPE_MX), "SERVFAIL");
        assert_string_not_equal(ask(name, RRTYPE_MX), "SERVFAIL");
    }
}

static void
damaged(int zone, const char *owner)
{
    zone_fixture_damage(&fixtures[zone], owner);
    zones[zone].version = fixtures[zone].version;
}

static void
damaged_nsec3_proves_nothing(void **state)
{
    (void)state;
    damaged(0, "b4um86eghhds6nea196smvmlo4ors995"); // x.w
    assert_string_equal(ask_do("a.c.x.w", RRTYPE_A), "SERVFAIL");
    assert_string_equal(ask_do("x.w", RRTYPE_A), "SERVFAIL");
    assert_string_equal(ask("x.w", RRTYPE_A), "NOERROR aa / @ SOA");
    assert_string_equal(ask_do("xx", RRTYPE_MX),
                        "NOERROR aa / @ SOA* t644ebqk9bibcna874givr6joj62mlhv NSEC3*");
}

static void
damaged_nsec3_is_not_taken_for_opt_out(void **state)
{
    (void)state;
    damaged(0, "ji6neoaepv8b5o6k4ev33abha8ht9fgc"); // y.w
    assert_string_equal(ask_do("y.w", RRTYPE_A), "SERVFAIL");
    assert_string_equal(ask_do("a.y.w", RRTYPE_A), "SERVFAIL");
    damaged(OPTOUT, "qulhrl8moc3erggl7r9fq9tm0ob82sek"); // *.wild
    zone_answers(OPTOUT, "x.wild", RRTYPE_A, "NOERROR aa | x.wild A* / #alias NSEC3*");
    zone_answers(OPTOUT, "x.wild", RRTYPE_MX, "SERVFAIL");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(chain_is_that_of_rfc_5155_appendix_a),
        TEST(rfc5155_b_1_name_error),
        TEST(rfc5155_b_2_no_data),
        TEST(rfc5155_b_3_referral_to_an_unsigned_zone_that_is_opted_out),
        TEST(a_match_that_will_be_shown_is_fetched_ahead_and_no_other),
        TEST(rfc5155_b_4_wildcard_expansion),
        TEST(rfc5155_b_5_wildcard_no_data),
        TEST(rfc5155_b_6_ds_of_the_apex_from_the_child),
        TEST(rfc5155_7_2_8_owner_of_nsec3_alone_is_no_name),
        TEST(rfc5155_7_2_8_name_that_is_also_a_hash_has_its_own_data_only),
        TEST(nsec3param_is_data_of_the_apex),
        TEST(without_opt_out_every_name_has_its_own_nsec3),
        TEST(chains_of_names_prove_each_step),
        TEST(no_record_is_sent_twice),
        TEST(opted_out_delegation_is_denied_by_its_closest_provable_encloser),
        TEST(opted_out_empty_non_terminal_is_denied_the_same_way),
        TEST(wildcards_beside_opted_out_names),
        TEST(names_at_and_below_a_dname),
        TEST(questions_without_do_get_no_proofs),
        TEST(hole_in_a_chain_is_servfail),
    };
    const struct CMUnitTest damages[] = {
        TEST_DAMAGED(damaged_nsec3_proves_nothing),
        TEST_DAMAGED(damaged_nsec3_is_not_taken_for_opt_out),
    };
    return cmocka_run_group_tests(tests, zones_open, zones_close) +
           cmocka_run_group_tests(damages, NULL, NULL);
}
