// needs: zone
// What xfr_out sends is fed to xfr_in and must be the same zone again.
#include "common/transfer/xfr_out.h"

#include "common/base/arena.h"
#include "common/dns/rrtype.h"
#include "common/transfer/xfr_in.h"
#include "common/zone/diff.h"
#include "common/zone/draft.h"
#include "tests/support/zone_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define NOW 1795263187
#define ID  0x4242

static struct zone_fixture fixture;
static struct tsig_key key = {.secret_length = 32};
static uint8_t memory[65535];

static int
zone_open(void **state)
{
    (void)state;
    zone_fixture_open(&fixture, "tandem.example.",
                      TEST_SOURCE_DIR "/golden/answer/tandem.example.signed");
    assert_true(name_from_text("xfr.", NULL, key.name, NULL));
    return 0;
}

static int
zone_close(void **state)
{
    (void)state;
    zone_fixture_close(&fixture);
    return 0;
}

// A client and a server that talk in memory.
struct talk {
    struct xfr_in *in;
    struct rr_stream_writer stream;
    struct tsig_exchange exchange; // the server's
    struct xfr_out out;
    unsigned messages;
};

static void
talk_begin(struct talk *talk, const struct xfr_out_options *base, const struct tsig_key *with,
           bool ixfr)
{
    const uint8_t *apex = version_apex(fixture.version);
    struct xfr_in_options options = {
        .apex = apex, .primary = "p", .id = ID, .key = with, .ixfr = ixfr};
    uint8_t query[XFR_IN_QUERY_MAX];
    struct octets_reader reader;
    struct message_header header;
    struct message_question question;
    const struct tsig_key *found;
    talk->in = memory_alloc(sizeof(*talk->in));
    rr_stream_writer_init(&talk->stream, apex, -1);
    xfr_in_init(talk->in, &options, &talk->stream, NOW);
    size_t length = xfr_in_query(talk->in, query, sizeof(query), NOW);
    assert_int_equal(
        tsig_check_query(query, length, with, with ? 1 : 0, NOW, &talk->exchange, &found), 0);
    octets_reader_init(&reader, query, length);
    assert_true(message_read_header(&reader, &header) && message_read_question(&reader, &question));
    struct xfr_out_options out = *base;
    out.version = out.version ? out.version : fixture.version;
    out.query = &header;
    out.question = &question;
    out.exchange = with ? &talk->exchange : NULL;
    xfr_out_init(&talk->out, &out);
    talk->messages = 0;
}

// All messages, each in memory of some size.
static enum xfr_in_step
talk_run(struct talk *talk, size_t size)
{
    enum xfr_out_step sent = XFR_OUT_MORE;
    enum xfr_in_step taken = XFR_IN_MORE;
    struct fault fault = {0};
    while (sent == XFR_OUT_MORE) {
        size_t length;
        assert_int_equal(taken, XFR_IN_MORE);
        sent = xfr_out_next(&talk->out, memory, size, NOW, &length, &fault);
        assert_int_not_equal(sent, XFR_OUT_FAILED);
        assert_true(length <= size);
        taken = xfr_in_feed(talk->in, memory, length, NOW, &fault);
        if (taken == XFR_IN_FAILED)
            fail_msg("%s", fault.text);
        talk->messages++;
    }
    return taken;
}

static void
talk_end(struct talk *talk)
{
    xfr_out_close(&talk->out);
    xfr_out_close(&talk->out);
    tsig_exchange_close(&talk->exchange);
    xfr_in_close(talk->in);
    rr_stream_writer_close(&talk->stream);
    free(talk->in);
}

static struct draft *
draft_of(const struct talk *talk)
{
    struct rr_stream_reader *reader = memory_alloc(sizeof(*reader));
    struct rr_stream_rr rr;
    struct draft *draft = draft_new(version_apex(fixture.version));
    assert_true(
        rr_stream_reader_init(reader, talk->stream.buffer.data, talk->stream.buffer.length, NULL));
    while (rr_stream_next(reader, &rr, NULL) == RR_STREAM_RR)
        assert_true(draft_add(draft, rr.owner, rr.type, rr.ttl, rr.rdata, rr.rdlength, NULL));
    assert_true(reader->ended);
    free(reader);
    assert_true(draft_seal(draft, NULL, NULL));
    return draft;
}

static size_t
differences(const struct talk *talk, enum diff_view view)
{
    struct diff diff;
    struct draft *draft = draft_of(talk);
    diff_init(&diff);
    diff_version_draft(fixture.version, draft, view, &diff);
    size_t count = diff.count;
    diff_close(&diff);
    draft_free(&draft);
    return count;
}

static void
the_zone_comes_over_whole_in_messages_of_any_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {4096, 4097, 8192, 16384, 65535};
    const struct version_facts *facts = version_facts(fixture.version);
    unsigned messages = UINT32_MAX;
    for (unsigned i = 0; i < 5; i++) {
        struct talk talk;
        talk_begin(&talk, &(struct xfr_out_options){0}, NULL, false);
        assert_int_equal(talk_run(&talk, sizes[i]), XFR_IN_DONE);
        assert_int_equal(talk.in->records, facts->rr_count + facts->signature_count);
        assert_int_equal(differences(&talk, DIFF_WHOLE), 0);
        assert_true(talk.messages <= messages);
        messages = talk.messages;
        talk_end(&talk);
    }
}

static void
every_message_is_signed_by_each_algorithm(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct talk talk;
        key.algorithm = (enum tsig_algorithm)i;
        talk_begin(&talk, &(struct xfr_out_options){.edns = true}, &key, false);
        assert_int_equal(talk_run(&talk, 4096), XFR_IN_DONE);
        assert_true(talk.messages > 3);
        assert_int_equal(talk.in->exchange.messages, talk.messages);
        assert_int_equal(differences(&talk, DIFF_WHOLE), 0);
        talk_end(&talk);
    }
}

static void
the_unsigned_view_has_nothing_that_a_signer_added(void **state)
{
    (void)state;
    struct talk talk;
    talk_begin(&talk, &(struct xfr_out_options){.without_signatures = true}, NULL, false);
    assert_int_equal(talk_run(&talk, 65535), XFR_IN_DONE);
    assert_int_equal(differences(&talk, DIFF_UNSIGNED), 0);
    struct draft *draft = draft_of(&talk);
    struct rrset rrset;
    for (size_t i = 0; i < draft_node_count(draft); i++)
        for (unsigned j = 0; j < node_rrset_count(draft_node_at(draft, i)); j++) {
            node_rrset_at(draft_node_at(draft, i), j, &rrset);
            assert_int_equal(rrset.signature_count, 0);
            assert_int_not_equal(rrset.type, RRTYPE_NSEC);
            assert_int_not_equal(rrset.type, RRTYPE_DNSKEY);
        }
    draft_free(&draft);
    talk_end(&talk);
}

static void
one_soa_says_up_to_date(void **state)
{
    (void)state;
    struct talk talk;
    // The client has this version, or (ahead of us: a restored server) one that comes after it.
    for (uint32_t ahead = 0; ahead < 2; ahead++) {
        uint32_t serial = version_facts(fixture.version)->signed_serial + ahead;
        talk_begin(&talk, &(struct xfr_out_options){.ixfr = true, .client_serial = serial}, &key,
                   true);
        talk.in->options.serial = serial;
        assert_int_equal(talk_run(&talk, 4096), XFR_IN_UP_TO_DATE);
        assert_int_equal(talk.messages, 1);
        assert_string_equal(xfr_out_kind(&talk.out), "soa");
        talk_end(&talk);
    }
}

static void
the_first_message_echoes_question_id_and_rd_and_has_an_opt(void **state)
{
    (void)state;
    struct message_header query = {.id = 0x0102, .flags = MESSAGE_RD}, header;
    struct message_question question = {.type = RRTYPE_AXFR, .class = RRCLASS_IN}, read;
    struct xfr_out out;
    struct octets_reader reader;
    size_t length;
    name_copy(question.name, version_apex(fixture.version));
    question.name[1] = 'T';
    xfr_out_init(&out, &(struct xfr_out_options){.version = fixture.version,
                                                 .query = &query,
                                                 .question = &question,
                                                 .edns = true});
    assert_int_equal(xfr_out_next(&out, memory, 4096, NOW, &length, NULL), XFR_OUT_MORE);
    octets_reader_init(&reader, memory, length);
    assert_true(message_read_header(&reader, &header) && message_read_question(&reader, &read));
    assert_int_equal(header.id, 0x0102);
    assert_int_equal(header.flags, MESSAGE_QR | MESSAGE_AA | MESSAGE_RD);
    assert_int_equal(header.arcount, 1);
    assert_memory_equal(read.name, question.name, name_length(question.name));
    assert_memory_equal(memory + length - 11, "\0\0\51\4\320\0\0\0\0\0\0", 11);
    assert_int_not_equal(xfr_out_next(&out, memory, 4096, NOW, &length, NULL), XFR_OUT_FAILED);
    octets_reader_init(&reader, memory, length);
    assert_true(message_read_header(&reader, &header));
    assert_int_equal(header.qdcount, 0);
    assert_int_equal(header.arcount, 0);
    xfr_out_close(&out);
}

// RFC 7314 section 3: a secondary of a secondary learns from its transfer how long the zone has to
// live.
static void
the_opt_of_the_first_message_tells_when_the_zone_expires(void **state)
{
    (void)state;
    struct message_header query = {.id = 1};
    struct message_question question = {.type = RRTYPE_AXFR, .class = RRCLASS_IN};
    struct xfr_out out;
    size_t length;
    name_copy(question.name, version_apex(fixture.version));
    xfr_out_init(&out, &(struct xfr_out_options){.version = fixture.version,
                                                 .query = &query,
                                                 .question = &question,
                                                 .edns = true,
                                                 .has_expire = true,
                                                 .expire = 0x01020304});
    assert_int_equal(xfr_out_next(&out, memory, 4096, NOW, &length, NULL), XFR_OUT_MORE);
    assert_memory_equal(memory + length - 19, "\0\0\51\4\320\0\0\0\0\0\10\0\11\0\4\1\2\3\4", 19);
    xfr_out_close(&out);
}

static void
a_version_is_sent_to_its_end_while_newer_ones_are_published(void **state)
{
    (void)state;
    struct zone_fixture own;
    struct talk talk;
    size_t length;
    zone_fixture_open(&own, "tandem.example.",
                      TEST_SOURCE_DIR "/golden/answer/tandem.example.signed");
    talk_begin(&talk, &(struct xfr_out_options){.version = own.version}, NULL, false);
    assert_int_equal(xfr_out_next(&talk.out, memory, 4096, NOW, &length, NULL), XFR_OUT_MORE);
    assert_int_equal(xfr_in_feed(talk.in, memory, length, NOW, NULL), XFR_IN_MORE);
    struct draft *draft = draft_new(version_apex(own.version));
    struct version_facts facts = *version_facts(own.version);
    draft_add_node(draft, version_apex_node(own.version));
    assert_true(draft_seal(draft, NULL, NULL));
    struct fault fault = {0};
    if (!store_publish_draft(own.store, draft, &facts, &fault))
        fail_msg("%s", fault.text);
    draft_free(&draft);
    version_drop(&own.version);
    assert_int_equal(talk_run(&talk, 4096), XFR_IN_DONE);
    assert_int_equal(differences(&talk, DIFF_WHOLE), 0);
    talk_end(&talk);
    zone_fixture_close(&own);
}

static void
an_ixfr_query_tells_its_serial_and_a_bad_one_does_not(void **state)
{
    (void)state;
    struct xfr_in_options options = {
        .apex = version_apex(fixture.version), .primary = "p", .ixfr = true, .serial = 99};
    struct xfr_in *in = memory_alloc(sizeof(*in));
    uint8_t query[XFR_IN_QUERY_MAX];
    uint32_t serial = 0;
    xfr_in_init(in, &options, NULL, NOW);
    size_t length = xfr_in_query(in, query, sizeof(query), NOW);
    assert_true(ixfr_out_read_query(query, length, &serial));
    assert_int_equal(serial, 99);
    for (size_t cut = 0; cut < length; cut++)
        assert_false(ixfr_out_read_query(query, cut, &serial));
    in->options.ixfr = false;
    length = xfr_in_query(in, query, sizeof(query), NOW);
    assert_false(ixfr_out_read_query(query, length, &serial));
    xfr_in_close(in);
    free(in);
}

static void
a_damaged_record_ends_the_transfer_before_its_end(void **state)
{
    (void)state;
    struct talk talk;
    struct fault fault = {0};
    enum xfr_out_step step;
    size_t length;
    // Of the last owner, so that messages have gone out before.
    zone_fixture_damage(&fixture, "www.target");
    talk_begin(&talk, &(struct xfr_out_options){0}, NULL, false);
    do {
        step = xfr_out_next(&talk.out, memory, 4096, NOW, &length, &fault);
        talk.messages += step == XFR_OUT_MORE;
    } while (step == XFR_OUT_MORE);
    assert_int_equal(step, XFR_OUT_FAILED);
    assert_int_equal(fault.kind, FAULT_CORRUPT);
    assert_non_null(strstr(fault.text, "tandem.example"));
    assert_true(talk.messages > 0);
    talk_end(&talk);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_zone_comes_over_whole_in_messages_of_any_size),
        cmocka_unit_test(every_message_is_signed_by_each_algorithm),
        cmocka_unit_test(the_unsigned_view_has_nothing_that_a_signer_added),
        cmocka_unit_test(one_soa_says_up_to_date),
        cmocka_unit_test(the_first_message_echoes_question_id_and_rd_and_has_an_opt),
        cmocka_unit_test(the_opt_of_the_first_message_tells_when_the_zone_expires),
        cmocka_unit_test(a_version_is_sent_to_its_end_while_newer_ones_are_published),
        cmocka_unit_test(an_ixfr_query_tells_its_serial_and_a_bad_one_does_not),
        // The last one: the zone is of no use afterwards.
        cmocka_unit_test(a_damaged_record_ends_the_transfer_before_its_end),
    };
    return cmocka_run_group_tests(tests, zone_open, zone_close);
}
