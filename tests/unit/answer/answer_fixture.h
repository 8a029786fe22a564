// Signed zones behind one service, questions as text, answers as text. Every answer to a
// question with DO is read by ldns, and every RRset in it that has an RRSIG must verify under its
// zone's DNSKEYs: the validator is not ours.
#ifndef TANDEM_TESTS_ANSWER_FIXTURE_H
#define TANDEM_TESTS_ANSWER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ldns/ldns.h>

#include "common/answer/answer.h"
#include "common/dns/message_write.h"
#include "common/dns/rrtype.h"
#include "tests/support/zone_fixture.h"

#define NOW 1795000000 // 2026-11-17

// Before the include a test may choose other zones.
#ifndef ZONE_COUNT
#define ZONE_COUNT 3
#define ORIGIN     "tandem.example."
#define ZONES                                                                                      \
    {"tandem.example.", "tandem.example.signed"},                                                  \
        {"held.tandem.example.", "held.tandem.example.signed"},                                    \
    {                                                                                              \
        "other.example.", "other.example.signed"                                                   \
    }
#endif

static const struct {
    const char *name, *file;
} zone_sources[ZONE_COUNT] = {ZONES};

static struct zone_fixture fixtures[ZONE_COUNT];
static struct answer_zone zones[ZONE_COUNT];
static struct zone_set *set;
static struct answer_service service;
static struct answer_client client;
static const uint8_t client_address[4] = {192, 0, 2, 200};

// How to ask; reset by each ask().
static struct {
    bool no_edns, dnssec_ok;
    uint16_t udp_size; // 0: 1232
    uint16_t class;    // 0: IN
    uint16_t flags;
    struct octets options; // octets of the OPT's RDATA
} how;

static uint8_t query_octets[1024];
static size_t query_length;
static uint8_t response[65535];
static struct answer_outcome outcome;
static ldns_pkt *packet;
static char summary[65536];

static inline int
zones_open(void **state)
{
    (void)state;
    set = zone_set_new();
    for (int i = 0; i < ZONE_COUNT; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/golden/answer/%s", TEST_SOURCE_DIR, zone_sources[i].file);
        zone_fixture_open(&fixtures[i], zone_sources[i].name, path);
        zones[i] = (struct answer_zone){fixtures[i].version, ANSWER_NEVER};
        zone_set_put(set, version_apex(fixtures[i].version), &zones[i]);
    }
    service = (struct answer_service){.zones = set};
    return 0;
}

static inline int
zones_close(void **state)
{
    (void)state;
    zone_set_free(&set);
    for (int i = 0; i < ZONE_COUNT; i++)
        zone_fixture_close(&fixtures[i]);
    return 0;
}

static inline int
question_reset(void **state)
{
    (void)state;
    memset(&how, 0, sizeof how);
    client = (struct answer_client){
        .address = client_address, .address_length = sizeof client_address, .now = NOW};
    service = (struct answer_service){.zones = set};
    for (int i = 0; i < ZONE_COUNT; i++)
        zones[i] = (struct answer_zone){fixtures[i].version, ANSWER_NEVER};
    return 0;
}

static inline int
packet_drop(void **state)
{
    (void)state;
    ldns_pkt_free(packet);
    packet = NULL;
    return 0;
}

// The name as it is given, letter case kept; relative to ORIGIN.
static inline size_t
name_wire(const char *text, uint8_t *to)
{
    char whole[1100];
    size_t length = strlen(text), at = 0;
    if (strcmp(text, "@") == 0)
        snprintf(whole, sizeof whole, ORIGIN);
    else
        snprintf(whole, sizeof whole, "%s%s", text,
                 length > 0 && text[length - 1] == '.' ? "" : "." ORIGIN);
    for (char *label = whole, *dot; (dot = strchr(label, '.')) && dot > label; label = dot + 1) {
        to[at++] = (uint8_t)(dot - label);
        memcpy(to + at, label, (size_t)(dot - label));
        at += (size_t)(dot - label);
    }
    to[at++] = 0;
    return at;
}

static inline void
query_build(const char *name, uint16_t type)
{
    uint8_t *at = query_octets;
    memset(at, 0, MESSAGE_HEADER_SIZE);
    octets_put_u16(at, 0x1234);
    octets_put_u16(at + 2, how.flags);
    octets_put_u16(at + 4, 1);
    octets_put_u16(at + 10, how.no_edns ? 0 : 1);
    at += MESSAGE_HEADER_SIZE;
    at += name_wire(name, at);
    octets_put_u16(at, type);
    octets_put_u16(at + 2, how.class ? how.class : RRCLASS_IN);
    at += 4;
    if (!how.no_edns) {
        *at++ = 0;
        octets_put_u16(at, RRTYPE_OPT);
        octets_put_u16(at + 2, how.udp_size ? how.udp_size : 1232);
        octets_put_u32(at + 4, how.dnssec_ok ? 0x8000 : 0);
        octets_put_u16(at + 8, (uint16_t)how.options.length);
        at += 10;
        if (how.options.length > 0)
            memcpy(at, how.options.data, how.options.length);
        at += how.options.length;
    }
    query_length = (size_t)(at - query_octets);
}

static inline const char *
short_name(const ldns_rdf *name)
{
    static char text[8][1100];
    static unsigned next;
    char *to = text[next++ % 8];
    char *whole = ldns_rdf2str(name);
    size_t length = strlen(whole), origin = strlen(ORIGIN);
    if (strcasecmp(whole, ORIGIN) == 0)
        strcpy(to, "@");
    else if (length > origin + 1 && strcasecmp(whole + length - origin, ORIGIN) == 0)
        snprintf(to, 1100, "%.*s", (int)(length - origin - 1), whole);
    else
        snprintf(to, 1100, "%s", whole);
    free(whole);
    return to;
}

static inline void
section_summarise(const char *word, const ldns_rr_list *list)
{
    size_t count = ldns_rr_list_rr_count(list), run = 0;
    for (size_t i = 0; i < count; i += run) {
        const ldns_rr *rr = ldns_rr_list_rr(list, i);
        char *type = ldns_rr_type2str(ldns_rr_get_type(rr));
        char *at = summary + strlen(summary);
        for (run = 1; i + run < count; run++) {
            const ldns_rr *next = ldns_rr_list_rr(list, i + run);
            if (ldns_rr_get_type(next) != ldns_rr_get_type(rr) ||
                ldns_dname_compare(ldns_rr_owner(next), ldns_rr_owner(rr)) != 0)
                break;
        }
        if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_RRSIG)
            sprintf(at, "*");
        else if (run > 1)
            sprintf(at, "%s%s %sx%zu", i ? " " : word, short_name(ldns_rr_owner(rr)), type, run);
        else
            sprintf(at, "%s%s %s", i ? " " : word, short_name(ldns_rr_owner(rr)), type);
        free(type);
    }
}

static inline ldns_rr_list *
zone_keys(const ldns_rdf *signer)
{
    ldns_rr_list *keys = ldns_rr_list_new();
    for (int i = 0; i < ZONE_COUNT; i++) {
        ldns_rdf *apex = ldns_dname_new_frm_str(zone_sources[i].name);
        struct rrset rrset;
        struct rr rr;
        uint32_t position = 0;
        if (ldns_dname_compare(apex, signer) == 0 &&
            node_rrset_find(version_apex_node(fixtures[i].version), RRTYPE_DNSKEY, &rrset))
            while (rrset_next(rrset.wire, rrset.wire_length, &position, &rr)) {
                ldns_rr *key = NULL;
                uint8_t wire[1024];
                size_t length = name_wire(zone_sources[i].name, wire), read = 0;
                octets_put_u16(wire + length, RRTYPE_DNSKEY);
                octets_put_u16(wire + length + 2, RRCLASS_IN);
                octets_put_u32(wire + length + 4, rr.ttl);
                octets_put_u16(wire + length + 8, rr.rdlength);
                memcpy(wire + length + 10, rr.rdata, rr.rdlength);
                assert_int_equal(
                    ldns_wire2rr(&key, wire, length + 10 + rr.rdlength, &read, LDNS_SECTION_ANSWER),
                    LDNS_STATUS_OK);
                ldns_rr_list_push_rr(keys, key);
            }
        ldns_rdf_deep_free(apex);
    }
    return keys;
}

// Each RRSIG of the section verifies over the RRset that stands beside it.
static inline void
section_verify(ldns_rr_list *list)
{
    for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
        ldns_rr *signature = ldns_rr_list_rr(list, i);
        if (ldns_rr_get_type(signature) != LDNS_RR_TYPE_RRSIG)
            continue;
        ldns_rr_list *covered = ldns_rr_list_new();
        for (size_t k = 0; k < ldns_rr_list_rr_count(list); k++) {
            ldns_rr *rr = ldns_rr_list_rr(list, k);
            if (ldns_rr_get_type(rr) == ldns_rdf2rr_type(ldns_rr_rrsig_typecovered(signature)) &&
                ldns_dname_compare(ldns_rr_owner(rr), ldns_rr_owner(signature)) == 0)
                ldns_rr_list_push_rr(covered, rr);
        }
        // Without the times: ldns 1.8 reads them as signed and takes 2090 for the past.
        ldns_rr_list *keys = zone_keys(ldns_rr_rrsig_signame(signature));
        ldns_status status = LDNS_STATUS_OK;
        if (ldns_rr_list_rr_count(covered) > 0)
            status = ldns_verify_rrsig_keylist_notime(covered, signature, keys, NULL);
        ldns_rr_list_deep_free(keys);
        if (status != LDNS_STATUS_OK)
            fail_msg("a signature does not verify: %s in %s", ldns_get_errorstr_by_id(status),
                     summary);
        ldns_rr_list_free(covered);
    }
}

// No RR twice in one message (RFC 2181 section 5).
static inline void
no_duplicates(void)
{
    ldns_rr_list *all = ldns_pkt_all_noquestion(packet);
    for (size_t i = 0; i < ldns_rr_list_rr_count(all); i++)
        for (size_t k = i + 1; k < ldns_rr_list_rr_count(all); k++)
            if (ldns_rr_compare(ldns_rr_list_rr(all, i), ldns_rr_list_rr(all, k)) == 0)
                fail_msg("an RR twice in %s", summary);
    ldns_rr_list_deep_free(all);
}

static inline void
packet_summarise(void)
{
    char *rcode = ldns_pkt_rcode2str(ldns_pkt_get_rcode(packet));
    snprintf(summary, sizeof summary, "%s%s%s", rcode, ldns_pkt_aa(packet) ? " aa" : "",
             ldns_pkt_tc(packet) ? " tc" : "");
    free(rcode);
    section_summarise(" | ", ldns_pkt_answer(packet));
    section_summarise(" / ", ldns_pkt_authority(packet));
    section_summarise(" + ", ldns_pkt_additional(packet));
}

// As a batch of one, with a memo that knows what all questions before have left in it: the same
// octets, and from what was just remembered once more.
static inline void
answer_ahead_is_the_same(const uint8_t *octets)
{
    static struct denial_memo memo;
    struct answer_service with_memo = service;
    uint8_t *memory = malloc(65535);
    with_memo.memo = &memo;
    for (int i = 0; i < 2; i++) {
        struct query query;
        struct answer_outcome again;
        query_read(octets, query_length, &query);
        answer_look_ahead(&with_memo, &query, 1);
        answer_query(&with_memo, &client, &query, memory, client.tcp ? 65535 : ANSWER_UDP_SIZE,
                     &again);
        assert_int_equal(again.length, outcome.length);
        assert_int_equal(again.kind, outcome.kind);
        assert_memory_equal(memory, response, outcome.length);
    }
    free(memory);
}

// Answers the octets in query_octets; the memory given is what is needed and no octet more, so that
// ASan sees writes behind it.
static inline void
answer_again(void)
{
    struct query query;
    size_t size = client.tcp ? 65535 : ANSWER_UDP_SIZE;
    uint8_t *memory = malloc(size);
    uint8_t *exact = malloc(query_length);
    memcpy(exact, query_octets, query_length);
    query_read(exact, query_length, &query);
    answer_query(&service, &client, &query, memory, size, &outcome);
    memcpy(response, memory, outcome.length);
    free(memory);
    answer_ahead_is_the_same(exact);
    free(exact);
    packet_drop(NULL);
    summary[0] = '\0';
    if (outcome.length == 0)
        return;
    assert_int_equal(ldns_wire2pkt(&packet, response, outcome.length), LDNS_STATUS_OK);
    packet_summarise();
    section_verify(ldns_pkt_answer(packet));
    section_verify(ldns_pkt_authority(packet));
    section_verify(ldns_pkt_additional(packet));
    no_duplicates();
}

// "NOERROR aa | www Ax2* / authority + additional": owners relative to ORIGIN, xN where an
// RRset has N RRs, a star where its RRSIGs follow. The OPT is not shown.
static inline const char *
ask_as_set(const char *name, uint16_t type)
{
    query_build(name, type);
    answer_again();
    return summary;
}
static inline const char *
ask(const char *name, uint16_t type)
{
    how.dnssec_ok = false;
    return ask_as_set(name, type);
}
static inline const char *
ask_do(const char *name, uint16_t type)
{
    how.dnssec_ok = true;
    return ask_as_set(name, type);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, question_reset, packet_drop)

// For a test that damages its zones: they are opened for it alone.
static inline int
fresh_open(void **state)
{
    zones_open(state);
    return question_reset(state);
}
static inline int
fresh_close(void **state)
{
    packet_drop(state);
    return zones_close(state);
}
#define TEST_DAMAGED(name) cmocka_unit_test_setup_teardown(name, fresh_open, fresh_close)

#endif
