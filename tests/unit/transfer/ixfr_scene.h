// A zone takes random steps; a client that holds one of the earlier contents asks what changed
// since. What xfr_out sends is read by xfr_in and must be the naive difference of both contents, RR
// for RR and nothing twice, whatever came and went in between, in messages of any size, signed or
// not.
#ifndef TANDEM_TESTS_IXFR_SCENE_H
#define TANDEM_TESTS_IXFR_SCENE_H

#include "common/transfer/xfr_out.h"

#include "common/base/arena.h"
#include "common/dns/rrtype.h"
#include "common/transfer/rr_stream.h"
#include "common/transfer/transfer_message.h"
#include "common/transfer/xfr_in.h"
#include "common/zone/diff.h"
#include "common/zone/draft.h"
#include "tests/support/store_bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define NOW            1795263187
#define ID             0x4242
#define STEPS_MAX      64
#define TYPES          3
#define DATA           4 // RRs that a set may have
#define SIGNATURES     3 // and that may sign it
#define VARIANTS       (DATA + SIGNATURES)
#define JOURNAL_PLENTY (UINT64_C(64) << 20)

static const uint16_t types[TYPES] = {RRTYPE_A, RRTYPE_AAAA, RRTYPE_TXT};

// A content: which RRs each RRset has, and its TTL. Set s is of owner s / TYPES and of type s %
// TYPES.
struct set {
    uint8_t has; // a bit for each variant
    uint8_t slow;
};

struct content {
    uint32_t serial;
    struct set *sets;
};

struct scene {
    struct random random;
    uint8_t apex[NAME_SIZE_MAX];
    char path[STORE_DIRECTORY_MAX];
    struct store *store;
    size_t set_count;
    struct content now, before[STEPS_MAX]; // the oldest first
    size_t before_count;
};

static inline bool
set_has(const struct set *set, unsigned variant)
{
    bool any = set->has & ((1U << DATA) - 1);
    return any && (set->has >> variant & 1);
}

static inline uint32_t
set_ttl(const struct set *set)
{
    return set->slow ? 300 : 60;
}

static inline uint16_t
rdata_write(uint16_t type, unsigned set, unsigned variant, uint8_t *rdata)
{
    struct octets_writer writer;
    octets_writer_init(&writer, rdata, 64);
    if (variant >= DATA) {
        octets_write_u16(&writer, type);
        octets_write(&writer, "\15\3\0\0\0\74\152\240\0\0\152\220\0\0\60\71\7example\3gov\0", 29);
        octets_write(&writer, "signature", 9);
        octets_write_u8(&writer, (uint8_t)variant);
    } else if (type == RRTYPE_TXT) {
        octets_write(&writer, "\4text", 5);
        rdata[4] = (uint8_t)('a' + variant);
    } else {
        octets_write(&writer, "\300\0\2\1\0\0\0\0\0\0\0\0\0\0\0\0", type == RRTYPE_A ? 4 : 16);
        rdata[2] = (uint8_t)(set % 5);
        rdata[3] = (uint8_t)variant;
    }
    assert_false(writer.failed);
    return (uint16_t)octets_written(&writer);
}

static inline void
owner_of(const struct scene *scene, size_t set, uint8_t ret_owner[static NAME_SIZE_MAX])
{
    char text[32];
    size_t owner = set / TYPES;
    snprintf(text, sizeof text, owner % 7 == 3 ? "w.n%zu" : "n%zu", owner);
    if (owner == 0)
        name_copy(ret_owner, scene->apex);
    else
        assert_true(name_from_text(text, scene->apex, ret_owner, NULL));
}

static inline uint16_t
soa_write(uint32_t serial, uint8_t *rdata)
{
    static const uint8_t soa[] = "\2ns\7example\3gov\0\4host\7example\3gov\0"
                                 "\0\0\0\0\0\0\16\20\0\0\2\130\0\11\72\200\0\0\0\74";
    memcpy(rdata, soa, sizeof soa - 1);
    octets_put_u32(rdata + sizeof soa - 1 - 20, serial);
    return sizeof soa - 1;
}

static inline struct draft *
draft_of(const struct scene *scene, const struct content *content)
{
    uint8_t owner[NAME_SIZE_MAX], rdata[NAME_SIZE_MAX * 2];
    struct draft *draft = draft_new(scene->apex);
    assert_true(draft_add(draft, scene->apex, RRTYPE_SOA, 60, rdata,
                          soa_write(content->serial, rdata), NULL));
    assert_true(draft_add(draft, scene->apex, RRTYPE_NS, 60, (const uint8_t *)"\2ns\7example\3gov",
                          16, NULL));
    for (size_t s = 0; s < scene->set_count; s++)
        for (unsigned v = 0; v < VARIANTS; v++) {
            uint16_t type = types[s % TYPES];
            if (!set_has(&content->sets[s], v))
                continue;
            owner_of(scene, s, owner);
            uint16_t length = rdata_write(type, (unsigned)s, v, rdata);
            assert_true(draft_add(draft, owner, v < DATA ? type : RRTYPE_RRSIG,
                                  set_ttl(&content->sets[s]), rdata, length, NULL));
        }
    assert_true(draft_seal(draft, NULL, NULL));
    return draft;
}

static inline void
content_copy(const struct scene *scene, struct content *to, const struct content *from)
{
    to->serial = from->serial;
    to->sets = memory_alloc(scene->set_count * sizeof *to->sets);
    memcpy(to->sets, from->sets, scene->set_count * sizeof *to->sets);
}

// The present content becomes the next version; the one before is remembered.
static inline void
scene_publish(struct scene *scene, const struct content *before)
{
    struct diff diff;
    struct fault fault = {.text = ""};
    struct draft *draft = draft_of(scene, &scene->now);
    struct version_facts facts = {.signed_serial = scene->now.serial,
                                  .unsigned_serial = scene->now.serial,
                                  .published_seconds = NOW};
    bool good = true;
    if (before) {
        assert_true(scene->before_count < STEPS_MAX);
        scene->before[scene->before_count++] = *before;
        diff_version_draft(store_current(scene->store), draft, DIFF_WHOLE, &diff);
        good = store_publish_diff(scene->store, &diff, &facts, &fault);
        diff_close(&diff);
    } else {
        good = store_publish_draft(scene->store, draft, &facts, &fault);
    }
    if (!good)
        fail_msg("%s", fault.text);
    draft_free(&draft);
}

static inline void
scene_open(struct scene *scene, uint64_t seed, size_t owners, uint64_t journal_octets_max)
{
    const struct store_options options = {.journal_octets_max = journal_octets_max};
    *scene = (struct scene){.random = {seed}, .set_count = owners * TYPES};
    assert_true(name_from_text("example.gov.", NULL, scene->apex, NULL));
    store_directory_make(scene->path);
    assert_true(store_open(scene->path, scene->apex, &options, &scene->store, NULL, NULL));
    // Serials near the turn of the 32 bits, RFC 1982.
    scene->now.serial = seed % 2 ? 7 : UINT32_MAX - 9;
    scene->now.sets = memory_zalloc(scene->set_count * sizeof(struct set));
    for (size_t s = 0; s < scene->set_count; s++)
        scene->now.sets[s].has = (uint8_t)random_below(&scene->random, 1 << VARIANTS);
    scene_publish(scene, NULL);
}

static inline void
scene_close(struct scene *scene)
{
    for (size_t i = 0; i < scene->before_count; i++)
        free(scene->before[i].sets);
    free(scene->now.sets);
    store_close(&scene->store);
    store_directory_remove(scene->path);
}

// One step that changes some sets, few of them new to change, so that much of it is taken back
// later.
static inline void
scene_step(struct scene *scene, unsigned changes, size_t range)
{
    struct content before;
    content_copy(scene, &before, &scene->now);
    for (; changes > 0; changes--) {
        struct set *set = &scene->now.sets[random_below(&scene->random, (uint32_t)range)];
        if (random_below(&scene->random, 4) == 0)
            set->slow = !set->slow;
        else
            set->has ^= (uint8_t)(1U << random_below(&scene->random, VARIANTS));
    }
    scene->now.serial++;
    scene_publish(scene, &before);
}

// ---- a client ----

struct client {
    uint32_t serial;
    const struct tsig_key *key;
    size_t message_size;
};

struct reply {
    struct xfr_in *in;
    struct rr_stream_writer stream;
    struct tsig_exchange exchange; // the server's
    struct xfr_out out;
    unsigned pauses;
    enum xfr_in_step taken;
};

static inline void
query_make(const struct scene *scene, const struct client *client, struct reply *reply,
           struct message_header *header, struct message_question *question)
{
    struct xfr_in_options options = {.apex = scene->apex,
                                     .primary = "p",
                                     .id = ID,
                                     .key = client->key,
                                     .ixfr = true,
                                     .serial = client->serial};
    uint8_t query[XFR_IN_QUERY_MAX];
    struct octets_reader reader;
    const struct tsig_key *found;
    uint32_t serial;
    reply->in = memory_alloc(sizeof *reply->in);
    rr_stream_writer_init(&reply->stream, scene->apex, -1);
    xfr_in_init(reply->in, &options, &reply->stream, NOW);
    size_t length = xfr_in_query(reply->in, query, sizeof query, NOW);
    assert_int_equal(tsig_check_query(query, length, client->key, client->key != NULL, NOW,
                                      &reply->exchange, &found),
                     0);
    octets_reader_init(&reader, query, length);
    assert_true(message_read_header(&reader, header) && message_read_question(&reader, question));
    assert_true(ixfr_out_read_query(query, length, &serial));
    assert_int_equal(serial, client->serial);
}

static inline unsigned
answer_count(const uint8_t *message, size_t length)
{
    struct octets_reader reader;
    struct message_header header;
    octets_reader_init(&reader, message, length);
    assert_true(message_read_header(&reader, &header));
    return header.ancount;
}

static inline void
messages_exchange(const struct client *client, struct reply *reply)
{
    static uint8_t memory[65535];
    enum xfr_out_step sent = XFR_OUT_MORE;
    struct fault fault = {.text = ""};
    size_t length;
    reply->taken = XFR_IN_MORE;
    while (sent == XFR_OUT_MORE) {
        assert_int_equal(reply->taken, XFR_IN_MORE);
        sent = xfr_out_next(&reply->out, memory, client->message_size, NOW, &length, &fault);
        assert_int_not_equal(sent, XFR_OUT_FAILED);
        assert_true(length <= client->message_size);
        reply->pauses += length == 0;
        if (length == 0)
            continue;
        // One SOA alone would say "up to date".
        if (reply->out.messages == 1 && reply->out.form != IXFR_OUT_SOA)
            assert_true(answer_count(memory, length) > 2);
        reply->taken = xfr_in_feed(reply->in, memory, length, NOW, &fault);
        if (reply->taken == XFR_IN_FAILED)
            fail_msg("%s", fault.text);
    }
}

static inline void
ask(const struct scene *scene, const struct client *client, struct reply *reply)
{
    struct message_header header;
    struct message_question question;
    memset(reply, 0, sizeof *reply);
    query_make(scene, client, reply, &header, &question);
    const struct xfr_out_options options = {.version = store_current(scene->store),
                                            .query = &header,
                                            .question = &question,
                                            .exchange = client->key ? &reply->exchange : NULL,
                                            .edns = client->serial % 2,
                                            .ixfr = true,
                                            .client_serial = client->serial};
    xfr_out_init(&reply->out, &options);
    messages_exchange(client, reply);
    if (client->key)
        assert_int_equal(reply->in->exchange.messages, reply->out.messages);
}

static inline void
reply_close(struct reply *reply)
{
    xfr_out_close(&reply->out);
    xfr_out_close(&reply->out);
    tsig_exchange_close(&reply->exchange);
    xfr_in_close(reply->in);
    rr_stream_writer_close(&reply->stream);
    free(reply->in);
}

// ---- the naive difference ----

// What the set's RRs are told as: a bit for each variant.
struct told {
    uint8_t removed, added;
};

static inline unsigned
content_differences(const struct scene *scene, const struct content *from, struct told *told)
{
    unsigned count = 0;
    for (size_t s = 0; s < scene->set_count; s++)
        for (unsigned v = 0; v < VARIANTS; v++) {
            const struct set *old = &from->sets[s], *new = &scene->now.sets[s];
            bool same = set_has(old, v) && set_has(new, v) && set_ttl(old) == set_ttl(new);
            bool removed = set_has(old, v) && !same, added = set_has(new, v) && !same;
            told[s].removed |= (uint8_t)(removed << v);
            told[s].added |= (uint8_t)(added << v);
            count += removed + added;
        }
    return count;
}

static inline size_t
content_records(const struct scene *scene)
{
    size_t count = 2;
    for (size_t s = 0; s < scene->set_count; s++)
        for (unsigned v = 0; v < VARIANTS; v++)
            count += set_has(&scene->now.sets[s], v);
    return count;
}

// Which RR of the scene it is.
static inline void
rr_find(const struct scene *scene, const struct rr_stream_rr *rr, size_t *ret_set,
        unsigned *ret_variant)
{
    uint8_t owner[NAME_SIZE_MAX], rdata[64];
    char text[NAME_TEXT_MAX];
    unsigned number = 0;
    name_to_text(rr->owner, text);
    if (!name_equal(rr->owner, scene->apex))
        assert_int_equal(sscanf(text, text[0] == 'w' ? "w.n%u" : "n%u", &number), 1);
    for (size_t s = number * TYPES; s < (number + 1) * TYPES; s++)
        for (unsigned v = 0; v < VARIANTS; v++) {
            owner_of(scene, s, owner);
            uint16_t length = rdata_write(types[s % TYPES], (unsigned)s, v, rdata);
            if (!name_equal(owner, rr->owner) || length != rr->rdlength ||
                memcmp(rdata, rr->rdata, length) != 0 ||
                rr->type != (v < DATA ? types[s % TYPES] : RRTYPE_RRSIG))
                continue;
            *ret_set = s;
            *ret_variant = v;
            return;
        }
    fail_msg("%s type %u is no RR of the zone", text, rr->type);
}

static inline void
rr_check(const struct scene *scene, const struct content *from, const struct rr_stream_rr *rr,
         struct told *wanted)
{
    size_t set = 0;
    unsigned variant = 0;
    bool added = rr->part == RR_STREAM_ADDED;
    rr_find(scene, rr, &set, &variant);
    uint8_t *bits = added ? &wanted[set].added : &wanted[set].removed;
    assert_true(*bits >> variant & 1); // wanted, and not told before
    *bits ^= (uint8_t)(1U << variant);
    assert_int_equal(rr->ttl, set_ttl(&(added ? &scene->now : from)->sets[set]));
}

// The delta is the difference to that content, and nothing but it.
static inline void
delta_check(const struct scene *scene, const struct content *from, const struct reply *reply)
{
    struct told *wanted = memory_zalloc(scene->set_count * sizeof *wanted);
    struct rr_stream_reader *reader = memory_zalloc(sizeof *reader);
    struct rr_stream_rr rr;
    unsigned soas = 0, count = content_differences(scene, from, wanted);
    assert_true(rr_stream_reader_init(reader, reply->stream.buffer.data,
                                      reply->stream.buffer.length, NULL));
    assert_true(reader->is_delta);
    assert_int_equal(reader->from_serial, from->serial);
    assert_int_equal(reader->to_serial, scene->now.serial);
    for (; rr_stream_next(reader, &rr, NULL) == RR_STREAM_RR; count -= rr.type != RRTYPE_SOA) {
        if (rr.type == RRTYPE_SOA)
            soas++;
        else
            rr_check(scene, from, &rr, wanted);
    }
    assert_true(reader->ended);
    assert_int_equal(soas, 2); // one difference sequence
    assert_int_equal(count, 0);
    free(reader);
    free(wanted);
}

static inline struct draft *
draft_received(const struct scene *scene, const struct reply *reply)
{
    struct rr_stream_reader *reader = memory_zalloc(sizeof *reader);
    struct rr_stream_rr rr;
    struct draft *draft = draft_new(scene->apex);
    assert_true(rr_stream_reader_init(reader, reply->stream.buffer.data,
                                      reply->stream.buffer.length, NULL));
    assert_false(reader->is_delta);
    while (rr_stream_next(reader, &rr, NULL) == RR_STREAM_RR)
        assert_true(draft_add(draft, rr.owner, rr.type, rr.ttl, rr.rdata, rr.rdlength, NULL));
    assert_true(reader->ended);
    free(reader);
    assert_true(draft_seal(draft, NULL, NULL));
    return draft;
}

static inline void
whole_check(const struct scene *scene, const struct reply *reply)
{
    struct diff diff;
    struct draft *draft = draft_received(scene, reply);
    diff_version_draft(store_current(scene->store), draft, DIFF_WHOLE, &diff);
    assert_int_equal(diff.count, 0);
    diff_close(&diff);
    draft_free(&draft);
}

// Asks and checks what is told; gives the form of the answer.
static inline enum ixfr_out_form
ask_since(const struct scene *scene, const struct content *from, const struct client *client)
{
    struct reply reply;
    struct told *told = memory_zalloc(scene->set_count * sizeof *told);
    bool shorter = content_differences(scene, from, told) + 4 < content_records(scene) + 1;
    ask(scene, client, &reply);
    enum ixfr_out_form form = reply.out.form;
    assert_int_equal(form, shorter ? IXFR_OUT_DELTA : IXFR_OUT_WHOLE);
    assert_int_equal(reply.taken, XFR_IN_DONE);
    if (form == IXFR_OUT_DELTA)
        delta_check(scene, from, &reply);
    else
        whole_check(scene, &reply);
    reply_close(&reply);
    free(told);
    return form;
}

static inline int
syncs_off(void **state)
{
    (void)state;
    store_io_without_sync();
    return 0;
}

#endif
