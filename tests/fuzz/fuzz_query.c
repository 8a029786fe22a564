// needs: test_support answer
// Any octets as a query to signed zones, with NSEC and with NSEC3 (with opt-out, without): octet 0
// chooses UDP or TCP and the room kept for a TSIG, the rest is the message. Whatever comes out is
// within its limit and is a whole, well-formed response to that query.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/answer/answer.h"
#include "common/base/fault.h"
#include "tests/support/zone_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ZONES 6
static const struct {
    const char *name, *file;
} sources[ZONES] = {
    {"tandem.example.", "tandem.example.signed"},
    {"held.tandem.example.", "held.tandem.example.signed"},
    {"other.example.", "other.example.signed"},
    {"nsec3.example.", "nsec3.example.signed"},
    {"optout.example.", "optout.example.signed"},
    {"example.", "rfc5155.signed"},
};
static struct zone_fixture fixtures[ZONES];
static struct answer_zone zones[ZONES];
static struct answer_service service = {.version = "v", .identity = "i", .cookies_on = true};

static void
zones_close(void)
{
    for (int i = 0; i < ZONES; i++)
        zone_fixture_close(&fixtures[i]);
}

static void
zones_open(void)
{
    char path[4096];
    struct zone_set *set = zone_set_new();
    for (int i = 0; i < ZONES; i++) {
        snprintf(path, sizeof path, "%.*s/../golden/answer/%s",
                 (int)(strrchr(__FILE__, '/') - __FILE__), __FILE__, sources[i].file);
        zone_fixture_open(&fixtures[i], sources[i].name, path);
        zones[i] = (struct answer_zone){fixtures[i].version, ANSWER_NEVER};
        zone_set_put(set, version_apex(fixtures[i].version), &zones[i]);
    }
    service.zones = set;
    service.cookies.count = 1;
    service.nsid = (struct octets){(const uint8_t *)"nsid", 4};
    atexit(zones_close);
}

static void
response_check(const uint8_t *response, size_t length, const struct query *query)
{
    struct octets_reader reader;
    struct message_header header;
    struct message_question question;
    struct message_rr rr;
    octets_reader_init(&reader, response, length);
    ENSURE(message_read_header(&reader, &header));
    ENSURE(header.flags & MESSAGE_QR && header.id == query->header.id && header.qdcount <= 1);
    if (header.qdcount == 1)
        ENSURE(message_read_question(&reader, &question));
    for (unsigned i = 0; i < (unsigned)header.ancount + header.nscount + header.arcount; i++)
        ENSURE(message_read_rr(&reader, &rr));
    ENSURE(octets_left(&reader) == 0);
}

// A batch of one, with a memo: the same octets.
static void
ahead_check(const uint8_t *octets, size_t size, const struct answer_client *client,
            const uint8_t *expected, size_t length)
{
    static struct denial_memo memo;
    static uint8_t memory[65535];
    struct answer_service with_memo = service;
    struct answer_outcome outcome;
    struct query query;
    with_memo.memo = &memo;
    query_read(octets, size, &query);
    answer_look_ahead(&with_memo, &query, 1);
    answer_query(&with_memo, client, &query, memory, sizeof memory, &outcome);
    ENSURE(outcome.length == length && memcmp(memory, expected, length) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t address[4] = {192, 0, 2, 1};
    static uint8_t memory[65535];
    struct query query;
    struct answer_outcome outcome;
    if (!service.zones)
        zones_open();
    if (size < 1)
        return 0;
    struct answer_client client = {.address = address,
                                   .address_length = 4,
                                   .now = 1795000000,
                                   .tcp = data[0] & 1,
                                   .tail_room = data[0] & 2 ? 700 : 0};
    query_read(data + 1, size - 1, &query);
    answer_query(&service, &client, &query, memory, sizeof memory, &outcome);
    ENSURE((outcome.length == 0) == (query.kind == QUERY_DROP));
    if (outcome.length == 0)
        return 0;
    ENSURE(client.tcp || outcome.length + client.tail_room <= ANSWER_UDP_SIZE ||
           outcome.length <= ANSWER_UDP_SIZE_MIN);
    response_check(memory, outcome.length, &query);
    ahead_check(data + 1, size - 1, &client, memory, outcome.length);
    return 0;
}
