// A book with zones, simulated time and a resolver that says what the test wants. Included by one
// test program each.
#ifndef TANDEM_TESTS_ALIAS_BED_H
#define TANDEM_TESTS_ALIAS_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/arena.h"
#include "common/dns/name.h"
#include "common/dns/rrtype.h"
#include "common/zone/zonefile_read.h"
#include "primary/alias/book.h"

#define BED_EVENTS_MAX  512
#define BED_ANSWERS_MAX 64
#define BED_START       1800000000 // unix seconds

// What the resolver says about a name; how: "servfail", "timeout", "nxdomain", or addresses apart
// by spaces, with "> name" for CNAMEs before them. NULL: nodata.
struct bed_answer {
    const char *name;
    uint16_t type;
    char how[4000];
};
struct bed_event {
    enum event_what what;
    char owner[128], text[256];
    uint16_t type;
    int64_t at;
};
struct bed {
    struct book *book;
    struct book_now now;
    struct draft *sources[8];
    unsigned source_count;
    struct bed_answer answers[BED_ANSWERS_MAX];
    unsigned answer_count;
    struct bed_event events[BED_EVENTS_MAX];
    unsigned event_count;
    bool deaf;          // events are not kept: thousands come
    unsigned questions; // asked of the resolver
    struct rules rules;
};

static inline const uint8_t *
wire(const char *text)
{
    static uint8_t names[16][NAME_SIZE_MAX];
    static unsigned turn;
    uint8_t *name = names[turn++ % 16];
    static const uint8_t root[] = {0};
    assert_true(name_from_text(text, root, name, NULL));
    return name;
}

static inline void
bed_happened(void *context, const struct event *event)
{
    struct bed *bed = context;
    char owner[NAME_TEXT_MAX];
    if (bed->deaf)
        return;
    assert_true(bed->event_count < BED_EVENTS_MAX);
    struct bed_event *kept = &bed->events[bed->event_count++];
    *kept = (struct bed_event){.what = event->what, .type = event->type, .at = event->at_seconds};
    snprintf(kept->owner, sizeof kept->owner, "%.127s", name_to_text(event->owner, owner));
    snprintf(kept->text, sizeof kept->text, "%.255s", event->text ? event->text : "");
}

static inline void
bed_open(struct bed *bed)
{
    memset(bed, 0, sizeof *bed);
    struct book_options options = {.happened = bed_happened, .context = bed, .seed = 7};
    bed->book = book_new(&options);
    bed->now = (struct book_now){.seconds = BED_START, .ms = 1000};
    bed->rules = (struct rules){.ttl_seconds = 60,
                                .refresh_seconds = 30,
                                .hold_seconds = 86400,
                                .settle_seconds = 0,
                                .max_addresses = 64};
}

static inline void
bed_close(struct bed *bed)
{
    book_free(&bed->book);
    for (unsigned i = 0; i < bed->source_count; i++)
        draft_free(&bed->sources[i]);
}

static inline struct draft *
bed_draft(const char *apex, const char *text)
{
    struct draft *draft = draft_new(wire(apex));
    struct zonefile_options options = {.default_ttl = 300};
    struct vector errors;
    struct fault fault;
    char whole[200000];
    int length = snprintf(whole, sizeof whole,
                          "$ORIGIN %s.\n@ 300 IN SOA ns hostmaster 1 2 3 4 5\n@ IN NS ns\n"
                          "ns IN TXT \"x\"\n%s\n",
                          apex, text);
    assert_true(length > 0 && (size_t)length < sizeof whole);
    if (!zonefile_read_memory("bed", whole, (size_t)length, NULL, draft, &options, &errors)) {
        char line[2000];
        zonefile_error_text(vector_at(&errors, 0), line, sizeof line);
        fail_msg("%s", line);
    }
    zonefile_errors_close(&errors);
    assert_true(draft_seal(draft, NULL, &fault));
    return draft;
}

// Follows the zone with these records besides SOA and NS; the draft lives as long as the bed.
static inline void
bed_zone(struct bed *bed, const char *apex, const char *text, bool given_out)
{
    assert_true(bed->source_count < 8);
    struct draft *draft = bed->sources[bed->source_count++] = bed_draft(apex, text);
    book_zone_follow(bed->book, wire(apex), &bed->rules, draft, given_out, bed->now);
    book_settle(bed->book, bed->now);
}

// NULL: the name is not there (NXDOMAIN).
static inline void
bed_says(struct bed *bed, const char *name, uint16_t type, const char *how)
{
    unsigned i = 0;
    while (i < bed->answer_count &&
           !(strcmp(bed->answers[i].name, name) == 0 && bed->answers[i].type == type))
        i++;
    assert_true(i < BED_ANSWERS_MAX);
    if (i == bed->answer_count)
        bed->answer_count++;
    bed->answers[i].name = name;
    bed->answers[i].type = type;
    snprintf(bed->answers[i].how, sizeof bed->answers[i].how, "%s", how);
}

static inline void
bed_says_both(struct bed *bed, const char *name, const char *a, const char *aaaa)
{
    bed_says(bed, name, RRTYPE_A, a);
    bed_says(bed, name, RRTYPE_AAAA, aaaa);
}

static inline void
bed_reply(struct bed *bed, const uint8_t *name, uint16_t type, struct reply *reply)
{
    const char *how = "nxdomain";
    for (unsigned i = 0; i < bed->answer_count; i++)
        if (name_equal(wire(bed->answers[i].name), name) && bed->answers[i].type == type)
            how = bed->answers[i].how;
    reply_init(reply, type);
    reply->rcode = 0;
    if (strcmp(how, "servfail") == 0) {
        reply->rcode = 2;
        reply_fail(reply, CURE_NONE, "SERVFAIL");
        return;
    }
    if (strcmp(how, "timeout") == 0) {
        reply->rcode = -1;
        reply_fail(reply, CURE_NONE, "no answer in 3 tries");
        return;
    }
    reply->kind = REPLY_NODATA;
    if (strcmp(how, "nxdomain") == 0) {
        reply->kind = REPLY_NXDOMAIN;
        reply->rcode = 3;
        return;
    }
    char copy[4000], *rest = copy, *word;
    snprintf(copy, sizeof copy, "%s", how);
    while ((word = strsep(&rest, " "))) {
        struct address address;
        if (strcmp(word, ">") == 0) {
            const uint8_t *hop = wire(strsep(&rest, " "));
            octets_buffer_add(&reply->chain, hop, name_length(hop));
            reply->chain_count++;
        } else if (*word && strcmp(word, "nodata") != 0) {
            size_t length;
            assert_true(address_from_text(word, 53, &address, NULL));
            address_set_add(&reply->addresses, address_octets(&address, &length));
            reply->kind = REPLY_ADDRESSES;
        }
    }
}

// Asks what is due and answers it at once; gives how many questions there were.
static inline unsigned
bed_ask(struct bed *bed)
{
    const uint8_t *name;
    uint16_t type;
    struct address server;
    unsigned asked = 0;
    assert_true(address_from_text("127.0.0.1@53", 53, &server, NULL));
    book_settle(bed->book, bed->now);
    while (book_question(bed->book, bed->now, &name, &type)) {
        struct reply reply;
        uint8_t copy[NAME_SIZE_MAX];
        name_copy(copy, name);
        bed_reply(bed, copy, type, &reply);
        book_answer(bed->book, copy, type, &reply, &server, 3, bed->now);
        reply_close(&reply);
        asked++;
    }
    book_settle(bed->book, bed->now);
    bed->questions += asked;
    return asked;
}

// What most tests begin with: example.gov, which was given out before, is an ALIAS of lb.out, and
// lb.out has been asked about and says this.
static inline void
bed_begin(struct bed *bed, const char *a, const char *aaaa)
{
    bed_says_both(bed, "lb.out", a, aaaa);
    bed_zone(bed, "example.gov", "@ IN ALIAS lb.out.", true);
    bed_ask(bed);
}

// Time goes by, second by second; targets are asked as they are due.
static inline void
bed_pass(struct bed *bed, int64_t seconds)
{
    for (int64_t i = 0; i < seconds; i++) {
        bed->now.seconds++;
        bed->now.ms += 1000;
        book_age(bed->book, bed->now);
        bed_ask(bed);
    }
}

// The same without asking second by second: for hours.
static inline void
bed_leap(struct bed *bed, int64_t seconds)
{
    bed->now.seconds += seconds;
    bed->now.ms += (uint64_t)seconds * 1000;
    book_age(bed->book, bed->now);
    bed_ask(bed);
}

// "192.0.2.1 192.0.2.2" of what is served.
static inline const char *
bed_served(const struct bed *bed, const char *owner, uint16_t type)
{
    static char text[8][4000];
    static unsigned turn;
    char *to = text[turn++ % 8], one[ADDRESS_TEXT_MAX];
    const struct address_set *set = view_served(bed->book, wire(owner), type);
    to[0] = '\0';
    if (!set)
        return "none";
    for (uint32_t i = 0; i < set->count; i++) {
        strcat(to, i ? " " : "");
        strcat(to, address_set_text(set, i, one));
    }
    return to;
}
#define A_OF(bed, owner)    bed_served(bed, owner, RRTYPE_A)
#define AAAA_OF(bed, owner) bed_served(bed, owner, RRTYPE_AAAA)

static inline void
bed_view_keep(void *context, const struct view *view)
{
    *(struct view *)context = *view;
}

// Of an owner with one target.
static inline struct view
bed_view(const struct bed *bed, const char *owner)
{
    struct view view;
    assert_int_equal(view_owner(bed->book, wire(owner), bed->now.ms, bed_view_keep, &view), 1);
    return view;
}

static inline unsigned
bed_count(const struct bed *bed, enum event_what what, const char *owner)
{
    unsigned count = 0;
    for (unsigned i = 0; i < bed->event_count; i++)
        count += bed->events[i].what == what && strcmp(bed->events[i].owner, owner) == 0;
    return count;
}

static inline bool
bed_ready(struct bed *bed, const char *apex)
{
    struct draft *draft = draft_new(wire(apex));
    bool ready = book_addresses(bed->book, wire(apex), NULL, draft, bed->now);
    draft_free(&draft);
    return ready;
}

#endif
