// needs: transfer gate
// Valid transfers, spoiled at random ten thousand times. With a key the spoiled messages are
// signed, so that they get past TSIG. Each goes the whole way in: xfr_in, the stream, the gate.
// What would be published must be what another reader takes from the same octets; or nothing is
// published. TANDEM_LONG: ten times as many.
#include "secondary/signer/intake.h"

#include "common/dns/rdata.h"
#include "common/transfer/xfr_in.h"
#include "plain_reader.h"

#include <unistd.h>

static struct tsig_key key = {.algorithm = TSIG_HMAC_SHA256, .secret_length = 32};

static struct fault fault;

// --- The way in

static struct {
    unsigned done, published, changed, valid;
} count;

static void
sign(struct sending *sending, const uint8_t *query, size_t length)
{
    struct tsig_exchange exchange;
    const struct tsig_key *found;
    assert_int_equal(tsig_check_query(query, length, &key, 1, NOW, &exchange, &found), 0);
    for (unsigned i = 0; i < sending->count; i++) {
        if (sending->length[i] < MESSAGE_HEADER_SIZE)
            continue;
        if (i > 0 && i + 1 < sending->count && below(8) == 0)
            octets_buffer_add(&exchange.pending, sending->octets[i], sending->length[i]);
        else if (octets_get_u16(sending->octets[i] + 10) != UINT16_MAX)
            sending->length[i] = tsig_sign(&exchange, sending->octets[i], sending->length[i],
                                           MESSAGE_ROOM, NOW, 0, NULL);
    }
    tsig_exchange_close(&exchange);
}

// As receive.c does it: a message behind the end voids all.
static enum xfr_in_step
feed(struct xfr_in *transfer, const struct sending *sending)
{
    enum xfr_in_step step = XFR_IN_MORE;
    for (unsigned i = 0; i < sending->count; i++) {
        if (step != XFR_IN_MORE)
            return XFR_IN_FAILED;
        uint8_t *exact = memory_alloc(sending->length[i] + !sending->length[i]);
        memcpy(exact, sending->octets[i], sending->length[i]);
        step = xfr_in_feed(transfer, exact, sending->length[i], NOW, &fault);
        free(exact);
    }
    return step;
}

static enum xfr_in_step
transfer_run(const struct sending *sending, bool ixfr, bool with_key, int *ret_stream)
{
    static struct sending sent;
    struct xfr_in *transfer = memory_alloc(sizeof *transfer);
    struct rr_stream_writer writer;
    uint8_t query[XFR_IN_QUERY_MAX];
    const struct xfr_in_options options = {.apex = bed.model.apex,
                                           .primary = "p",
                                           .id = ID,
                                           .key = with_key ? &key : NULL,
                                           .ixfr = ixfr,
                                           .serial = SERIAL};
    int stream = rr_stream_memfd("test", &fault);
    assert_true(stream >= 0);
    rr_stream_writer_init(&writer, bed.model.apex, stream);
    xfr_in_init(transfer, &options, &writer, NOW);
    size_t length = xfr_in_query(transfer, query, sizeof query, NOW);
    sent = *sending;
    if (with_key)
        sign(&sent, query, length);
    enum xfr_in_step step = feed(transfer, &sent);
    if (step == XFR_IN_DONE) {
        assert_true(rr_stream_seal(stream, &fault));
        *ret_stream = stream;
    } else {
        close(stream);
    }
    xfr_in_close(transfer);
    rr_stream_writer_close(&writer);
    free(transfer);
    return step;
}

static void
intake_take(struct intake *intake, int stream, bool is_delta)
{
    uint64_t octets = 0;
    intake_init(intake);
    intake->apex = bed.model.apex;
    intake->stream = stream;
    intake->served = store_current(bed.store);
    gate_limits_default(&intake->limits);
    intake->limits.max_ttl_seconds = TTL_MAX;
    intake->is_delta = is_delta;
    for (size_t i = 0; i < zone.count; i++)
        octets += 600;
    intake->base = (struct intake_base){
        .known = true, .serial = SERIAL, .rr_count = zone.count, .octets = octets};
    intake_run(intake);
}

// The served content with the difference that would be published.
static void
publish(const struct intake *intake, const struct lines *base, struct lines *ret_lines)
{
    struct diff_walk walk;
    struct diff_rr rr;
    lines_copy(ret_lines, base);
    diff_walk_init(&walk, &intake->diff, DIFF_UNSIGNED, bed.model.apex);
    while (diff_walk_next(&walk, &rr)) {
        struct lines one = {.arena = base->arena};
        size_t at;
        assert_true(line_add(&one, rr.owner, rr.type, rr.ttl, rr.rdata, rr.rdlength));
        if (rr.added)
            assert_true(line_add(ret_lines, rr.owner, rr.type, rr.ttl, rr.rdata, rr.rdlength));
        else if (lines_find(ret_lines, &one.items[0], &at))
            lines_take_out(ret_lines, at);
    }
    lines_sort(ret_lines);
}

static void
tell(const struct sending *sending, const struct lines *ours, const struct lines *theirs, bool good)
{
    for (unsigned i = 0; i < sending->count; i++) {
        printf("message %u:", i);
        for (size_t k = 0; k < sending->length[i]; k++)
            printf("%02x", sending->octets[i][k]);
        printf("\n");
    }
    printf("the other reader: %s; %zu and %zu lines\n", good ? "good" : "no zone", ours->count,
           theirs->count);
    for (size_t i = 0, k = 0; i < ours->count || k < theirs->count;) {
        int order = i == ours->count     ? 1
                    : k == theirs->count ? -1
                                         : line_order(&ours->items[i], &theirs->items[k]);
        const struct line *line = order > 0 ? &theirs->items[k] : &ours->items[i];
        if (order != 0) {
            printf("%s ", order < 0 ? "ours" : "theirs");
            for (size_t at = 0; at < line->length; at++)
                printf("%02x", line->octets[at]);
            printf("\n");
        }
        i += order <= 0;
        k += order >= 0;
    }
}

// The law.
static void
check(const struct sending *sending, bool ixfr, bool with_key, const struct lines *base)
{
    static struct lines ours, theirs;
    struct intake intake;
    int stream = -1;
    theirs.arena = ours.arena = base->arena;
    bool good = other_reader(sending, ixfr, base, &theirs);
    count.valid += good;
    enum xfr_in_step step = transfer_run(sending, ixfr, with_key, &stream);
    if (step != XFR_IN_DONE)
        return;
    struct rr_stream_reader *reader = memory_alloc(sizeof *reader);
    assert_true(rr_stream_reader_map(reader, stream, RR_STREAM_SIZE_MAX, &fault));
    bool is_delta = reader->is_delta;
    rr_stream_reader_close(reader);
    free(reader);
    intake_take(&intake, stream, is_delta);
    count.done++;
    if (intake.readable && !intake.doubt && intake.verdict.outcome == GATE_ACCEPTED) {
        count.published++;
        publish(&intake, base, &ours);
        mend(&theirs);
        bool equal = lines_equal(&ours, &theirs);
        count.changed += !lines_equal(&ours, base);
        if (!good || !equal || !passes(&theirs, base))
            tell(sending, &ours, &theirs, good);
        assert_true(good && equal);
        assert_true(passes(&theirs, base));
    }
    intake_close(&intake);
}

static void
serve_zone(void)
{
    const struct version_facts facts = {.unsigned_serial = SERIAL, .signed_serial = SERIAL};
    struct draft *draft = draft_new(bed.model.apex);
    struct draft_findings findings;
    for (size_t i = 0; i < zone.count; i++) {
        const struct record *record = &zone.items[i];
        uint8_t rdata[sizeof record->rdata];
        memcpy(rdata, record->rdata, sizeof rdata);
        if (!rdata_canonicalise(record->type, rdata, record->rdlength, &fault))
            fail_msg("%s", fault.text);
        assert_true(draft_add(draft, record->owner, record->type, record->ttl, rdata,
                              record->rdlength, &fault));
    }
    assert_true(draft_seal(draft, &findings, &fault));
    assert_true(store_publish_draft(bed.store, draft, &facts, &fault));
    draft_free(&draft);
}

static void
base_make(struct lines *ret_base)
{
    for (size_t i = 0; i < zone.count; i++)
        assert_true(line_add(ret_base, zone.items[i].owner, zone.items[i].type, zone.items[i].ttl,
                             zone.items[i].rdata, zone.items[i].rdlength));
    lines_sort(ret_base);
}

static void
run(bool ixfr, bool with_key)
{
    static struct lines base, here, scratch;
    static struct sending sending;
    static struct records records;
    const unsigned rounds = getenv("TANDEM_LONG") ? 25000 : 2500;
    memset(&count, 0, sizeof count);
    store_bed_open(&bed, 1 + 2U * ixfr + with_key, &(struct store_options){0});
    store_io_without_sync();
    assert_true(name_from_text("xfr.", NULL, key.name, NULL));
    zone_make();
    serve_zone();
    base = (struct lines){.arena = arena_new()};
    scratch.arena = arena_new();
    base_make(&base);
    for (unsigned i = 0; i < rounds; i++) {
        here = base;
        here.arena = scratch.arena;
        arena_reset(scratch.arena);
        (ixfr ? ixfr_make : axfr_make)(&records);
        if (i % 50 == 0) { // as it should be: then it must be published
            write_messages(&sending, &records, ixfr ? RRTYPE_IXFR : RRTYPE_AXFR);
            unsigned published = count.published;
            check(&sending, ixfr, with_key, &here);
            assert_int_equal(count.published, published + 1);
        } else {
            if (below(3))
                spoil_records(&records);
            write_messages(&sending, &records, ixfr ? RRTYPE_IXFR : RRTYPE_AXFR);
            spoil_sending(&sending);
            check(&sending, ixfr, with_key, &here);
        }
    }
    print_message("%u transfers: %u valid to the other reader, %u whole to ours, %u pass the gate, "
                  "%u of them with a change\n",
                  rounds, count.valid, count.done, count.published, count.changed);
    assert_true(count.published > rounds / 20 && count.changed > rounds / 100);
    arena_free(&base.arena);
    arena_free(&scratch.arena);
    store_bed_close(&bed);
}

static void
spoiled_axfrs_publish_nothing_but_what_stands_in_them(void **state)
{
    (void)state;
    run(false, false);
}

static void
spoiled_axfrs_with_good_signatures_do_not_either(void **state)
{
    (void)state;
    run(false, true);
}

static void
spoiled_ixfrs_publish_nothing_but_what_stands_in_them(void **state)
{
    (void)state;
    run(true, false);
}

static void
spoiled_ixfrs_with_good_signatures_do_not_either(void **state)
{
    (void)state;
    run(true, true);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spoiled_axfrs_publish_nothing_but_what_stands_in_them),
        cmocka_unit_test(spoiled_axfrs_with_good_signatures_do_not_either),
        cmocka_unit_test(spoiled_ixfrs_publish_nothing_but_what_stands_in_them),
        cmocka_unit_test(spoiled_ixfrs_with_good_signatures_do_not_either),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
