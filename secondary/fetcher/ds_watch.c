// Who may say that there is no DS? A server that is authoritative for the parent (AA), or a
// resolver (RA). A referral, which has neither, says only that we asked the wrong one; taken for
// "no DS" it would let a first start without keys make a zone bogus.
#include "secondary/fetcher/ds_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/dns/message_read.h"
#include "common/dns/rcode.h"
#include "common/dns/rdata.h"
#include "common/dns/rrtype.h"
#include "common/net/loop.h"
#include "secondary/fetcher/question.h"
#include "secondary/fetcher/report.h"

struct ds_watch {
    struct loop *loop;
    struct turns *turns;
    struct message_link *link;
    uint32_t zone;
    struct address *parents;
    size_t parent_count, parent; // parent: that is being asked
    int64_t interval_seconds;
    unsigned failed_rounds; // in a row
    struct fault *failures; // what each server said; while a round runs
    struct loop_timer *timer;
    struct turn turn;
    struct question *question;
    uint8_t apex[]; // lower case
};

static bool
add_ds(struct octets_reader *reader, const struct message_rr *rr, struct octets_buffer *rdatas,
       struct fault *fault)
{
    uint8_t rdata[1024]; // a DS has 4 octets and a digest
    struct octets_writer writer;
    octets_seek(reader, rr->rdata_position);
    octets_writer_init(&writer, rdata, sizeof(rdata));
    if (!rdata_read(reader, RRTYPE_DS, rr->rdlength, &writer, fault))
        return false;
    octets_buffer_add_u16(rdatas, (uint16_t)octets_written(&writer));
    octets_buffer_add(rdatas, rdata, octets_written(&writer));
    return true;
}

static bool
read_records(struct octets_reader *reader, unsigned count, const uint8_t *apex,
             struct octets_buffer *rdatas, uint32_t *ret_count, struct fault *fault)
{
    struct message_rr rr;
    *ret_count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!message_read_rr(reader, &rr))
            return fault_set(fault, FAULT_SYNTAX, "a record that cannot be read");
        if (rr.type != RRTYPE_DS || rr.class != RRCLASS_IN || !name_equal_any_case(rr.owner, apex))
            continue;
        if (++*ret_count > DS_WATCH_RECORDS_MAX)
            return fault_set(fault, FAULT_LIMIT, "more than %d DS records", DS_WATCH_RECORDS_MAX);
        if (!add_ds(reader, &rr, rdatas, fault))
            return false;
    }
    return true;
}

bool
ds_watch_read(const uint8_t *octets, size_t length, const uint8_t *apex,
              struct octets_buffer *rdatas, uint32_t *ret_count, struct fault *fault)
{
    struct octets_reader reader;
    struct message_header header;
    struct message_question question;
    octets_reader_init(&reader, octets, length);
    if (!message_read_header(&reader, &header) || !message_read_question(&reader, &question))
        return fault_set(fault, FAULT_SYNTAX, "an answer that cannot be read");
    unsigned rcode = message_rcode(&header);
    if (rcode != RCODE_NOERROR && rcode != RCODE_NXDOMAIN)
        return fault_set(fault, FAULT_REFUSED, "it answers %s", rcode_text(rcode));
    if (!(header.flags & (MESSAGE_AA | MESSAGE_RA)))
        return fault_set(fault, FAULT_REFUSED,
                         "it is not the parent's server and no resolver (a referral)");
    return read_records(&reader, header.ancount, apex, rdatas, ret_count, fault);
}

static void
plan(struct ds_watch *watch, bool answered)
{
    int64_t seconds = watch->interval_seconds;
    if (!answered) {
        int64_t retry = DS_WATCH_RETRY_FIRST_SECONDS;
        for (unsigned i = 0; i < watch->failed_rounds && retry < DS_WATCH_RETRY_MAX_SECONDS; i++)
            retry *= 2;
        retry = retry < DS_WATCH_RETRY_MAX_SECONDS ? retry : DS_WATCH_RETRY_MAX_SECONDS;
        seconds = retry < seconds ? retry : seconds;
    }
    watch->failed_rounds = answered ? 0 : watch->failed_rounds + 1;
    loop_timer_start(watch->timer, (uint64_t)seconds * 1000, 0);
}

static void
round_end(struct ds_watch *watch, bool answered, char *text, uint32_t count,
          const struct octets_buffer *rdatas)
{
    struct message_ds_seen seen = {.answered = answered, .text = text, .ds_count = count};
    if (rdatas)
        seen.rdatas = (struct octets){rdatas->data, rdatas->length};
    question_free(&watch->question);
    turn_end(watch->turns, &watch->turn);
    report_ds(watch->link, watch->zone, &seen);
    free(watch->failures);
    watch->failures = NULL;
    plan(watch, answered);
}

static void
parent_answered(struct ds_watch *watch, const struct octets_buffer *rdatas, uint32_t count)
{
    char text[ADDRESS_TEXT_MAX + 64], address[ADDRESS_TEXT_MAX];
    snprintf(text, sizeof(text), "%s publishes %u DS records",
             address_to_text(&watch->parents[watch->parent], address), count);
    round_end(watch, true, text, count, rdatas);
}

static void ask(struct ds_watch *watch);

static void
parent_failed(struct ds_watch *watch, const struct fault *why)
{
    char address[ADDRESS_TEXT_MAX], former[FAULT_TEXT_MAX];
    memcpy(former, watch->failures->text, sizeof(former));
    fault_set(watch->failures, why->kind, "%s%s%s: %s", former, *former ? "; " : "",
              address_to_text(&watch->parents[watch->parent], address), why->text);
    question_free(&watch->question);
    watch->parent++;
    ask(watch);
}

static void
on_answer(void *context, const uint8_t *octets, size_t length, const struct fault *why)
{
    struct ds_watch *watch = context;
    struct octets_buffer rdatas;
    struct fault fault = {0};
    uint32_t count;
    if (!octets) {
        parent_failed(watch, why);
        return;
    }
    octets_buffer_init(&rdatas);
    if (ds_watch_read(octets, length, watch->apex, &rdatas, &count, &fault))
        parent_answered(watch, &rdatas, count);
    else
        parent_failed(watch, &fault);
    octets_buffer_close(&rdatas);
}

// Asks the parent whose turn it is; those for which no socket can be had are passed over.
static void
ask(struct ds_watch *watch)
{
    for (; watch->parent < watch->parent_count; watch->parent++) {
        const struct question_options options = {
            .name = watch->apex, .type = RRTYPE_DS, .peer = watch->parents[watch->parent]};
        struct fault fault = {0};
        watch->question = question_new(watch->loop, &options, on_answer, watch, &fault);
        if (watch->question)
            return;
        *watch->failures = fault;
    }
    round_end(watch, false, watch->failures->text, 0, NULL);
}

static void
on_turn(void *context)
{
    struct ds_watch *watch = context;
    watch->parent = 0;
    watch->failures = memory_zalloc(sizeof(*watch->failures));
    ask(watch);
}

static void
on_time(void *context)
{
    struct ds_watch *watch = context;
    turn_ask(watch->turns, &watch->turn);
}

struct ds_watch *
ds_watch_new(struct loop *loop, struct turns *turns, struct message_link *link, uint32_t zone,
             const uint8_t *apex, const struct settings_addresses *parents,
             int64_t interval_seconds)
{
    struct ds_watch *watch = memory_zalloc(sizeof(*watch) + name_length(apex));
    watch->loop = loop;
    watch->turns = turns;
    watch->link = link;
    watch->zone = zone;
    name_copy_lower(watch->apex, apex);
    watch->parent_count = parents->count;
    watch->parents = memory_alloc(parents->count * sizeof(*watch->parents));
    memcpy(watch->parents, parents->items, parents->count * sizeof(*watch->parents));
    watch->interval_seconds = interval_seconds > 0 ? interval_seconds : 1;
    watch->timer = loop_timer_new(loop, on_time, watch);
    watch->turn = (struct turn){.granted = on_turn, .context = watch};
    turn_ask(turns, &watch->turn);
    return watch;
}

void
ds_watch_free(struct ds_watch **watch)
{
    struct ds_watch *gone = *watch;
    if (!gone)
        return;
    question_free(&gone->question);
    turn_end(gone->turns, &gone->turn);
    loop_timer_free(&gone->timer);
    free(gone->parents);
    free(gone->failures);
    free(gone);
    *watch = NULL;
}
