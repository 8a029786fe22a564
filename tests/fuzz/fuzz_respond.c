// needs: server net daemon zone answer test_support
// Any octets through the whole path of a packet: query, TSIG, cookie, acl, NOTIFY, transfers, rate
// limit, answer, over zones with NSEC and with NSEC3. Octet 0 chooses the transport and what no
// luck would find: a right cookie, a right TSIG. What comes out is a whole, well-formed answer
// within its limit, and a transfer goes to its end.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/fault.h"
#include "common/dns/cookie.h"
#include "common/transfer/xfr_out.h"
#include "secondary/server/respond.h"
#include "tests/support/zone_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW           1795000000 // 2026-11-17
#define MESSAGES_MOST 1000       // of one transfer of these zones

enum choice {
    OVER_TCP = 1,
    WITH_COOKIE = 2,
    WITH_TSIG = 4,
    OTHER_KEY = 8,
    OVER_IPV6 = 16,
    LIMITED = 32
};

#define ZONES 5
static const struct {
    const char *name, *file;
} sources[ZONES] = {
    {"tandem.example.", "tandem.example.signed"},
    {"held.tandem.example.", "held.tandem.example.signed"},
    {"nsec3.example.", "nsec3.example.signed"},
    {"optout.example.", "optout.example.signed"},
    {"example.", "rfc5155.signed"},
};
static struct zone_fixture fixtures[ZONES];
static struct served_zone served[ZONES];
static struct tsig_key keys[2];
static struct acl everybody;
static struct zones zones;
static struct counters counters;
static struct rate_table *table;
static struct loop *loop;
static struct message_link *link_up;
static struct responder responder;
static struct response_rate *limit;

static void
received(void *context, struct message *message)
{
    (void)context;
    (void)message;
}

static void
closed(void *context)
{
    (void)context;
}

static void
keys_make(void)
{
    const enum tsig_algorithm algorithms[2] = {TSIG_HMAC_SHA256, TSIG_HMAC_SHA512};
    for (unsigned i = 0; i < 2; i++) {
        keys[i] = (struct tsig_key){.algorithm = algorithms[i], .secret_length = 32};
        ENSURE(name_from_text(i ? "other." : "key.", NULL, keys[i].name, NULL));
        memset(keys[i].secret, (int)i + 1, 32);
    }
}

static void
zone_open(unsigned index)
{
    char path[4096];
    snprintf(path, sizeof path, "%.*s/../golden/answer/%s",
             (int)(strrchr(__FILE__, '/') - __FILE__), __FILE__, sources[index].file);
    zone_fixture_open(&fixtures[index], sources[index].name, path);
    served[index] =
        (struct served_zone){.id = index, .domain = sources[index].name, .acl = &everybody};
    served[index].answer =
        (struct answer_zone){.version = fixtures[index].version, .expire_at = ANSWER_NEVER};
    served[index].apex = version_apex(fixtures[index].version);
    zone_set_put(zones.set, served[index].apex, &served[index]);
}

static void
everything_close(void)
{
    hints_free(&responder.hints);
    refusals_free(&responder.refusals);
    message_link_free(&link_up);
    loop_free(&loop);
    response_rate_free(&limit);
    rate_table_unmap(&table);
    acl_close(&everybody);
    zones_close(&zones);
    for (unsigned i = 0; i < ZONES; i++)
        zone_fixture_close(&fixtures[i]);
}

static void
everything_open(void)
{
    const struct rate_limit_settings settings = {
        .per_second = 5, .slip = 2, .prefix_v4 = 24, .prefix_v6 = 56};
    int pair[2], file;
    keys_make();
    zones_init(&zones);
    acl_init(&everybody);
    acl_add(&everybody, "all", ACL_TRANSFER | ACL_QUERY | ACL_NOTIFY);
    for (unsigned i = 0; i < ZONES; i++)
        zone_open(i);
    ENSURE(rate_table_create(&file, NULL) && rate_table_map(file, true, &table, NULL));
    close(file);
    limit = response_rate_new(&settings, table, 1);
    ENSURE(message_link_pair(pair, NULL));
    loop = loop_new();
    link_up = message_link_new(loop, &pair[0], received, closed,
                               NULL); // nobody reads what is told of NOTIFYs
    responder = (struct responder){
        .service = {.zones = zones.set,
                    .version = "v",
                    .identity = "i",
                    .nsid = {(const uint8_t *)"nsid", 4},
                    .cookies_on = true},
        .zones = &zones,
        .hints = hints_new(loop, &zones, link_up),
        .refusals = refusals_new(),
        .counters = &counters,
        .keys = keys,
        .key_count = 2,
    };
    responder.service.cookies.count = 2;
    memset(responder.service.cookies.secret[1], 7, COOKIE_SECRET_SIZE);
    atexit(everything_close);
}

// One more record at the end: an OPT with a cookie of ours. Gives the new length.
static size_t
cookie_add(uint8_t *message, size_t length, const struct address *peer)
{
    static const uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 28, 0, 10, 0, 24};
    size_t octets;
    const uint8_t *address = address_octets(peer, &octets);
    if (length < MESSAGE_HEADER_SIZE || message[11] == 255)
        return length;
    message[11]++; // ARCOUNT
    memcpy(message + length, opt, sizeof opt);
    length += sizeof opt;
    cookie_make(&responder.service.cookies, (const uint8_t *)"clientck", address, octets, NOW,
                message + length);
    return length + COOKIE_CLIENT_SIZE + COOKIE_SERVER_SIZE;
}

static size_t
tsig_add(uint8_t *message, size_t length, size_t room, const struct tsig_key *key)
{
    struct tsig_exchange exchange;
    if (length < MESSAGE_HEADER_SIZE)
        return length;
    tsig_exchange_init(&exchange, key);
    size_t with = tsig_sign(&exchange, message, length, room, NOW, 0, NULL);
    tsig_exchange_close(&exchange);
    return with ? with : length;
}

static void
message_check(const uint8_t *message, size_t length, const uint8_t *query)
{
    struct octets_reader reader;
    struct message_header header;
    struct message_question question;
    struct message_rr rr;
    octets_reader_init(&reader, message, length);
    ENSURE(message_read_header(&reader, &header));
    ENSURE(header.flags & MESSAGE_QR && header.qdcount <= 1);
    ENSURE(header.id == (query[0] << 8 | query[1]));
    if (header.qdcount == 1)
        ENSURE(message_read_question(&reader, &question));
    for (unsigned i = 0; i < (unsigned)header.ancount + header.nscount + header.arcount; i++)
        ENSURE(message_read_rr(&reader, &rr));
    ENSURE(octets_left(&reader) == 0);
}

static void
transfer_run(struct respond_transfer *transfer, const uint8_t *query, uint8_t *memory)
{
    const struct xfr_out_options options = respond_transfer_options(transfer);
    struct xfr_out out;
    struct fault fault = {0};
    enum xfr_out_step step = XFR_OUT_MORE;
    xfr_out_init(&out, &options);
    for (unsigned i = 0; step == XFR_OUT_MORE; i++) {
        size_t length;
        step = xfr_out_next(&out, memory, MESSAGE_SIZE_MAX, NOW, &length, &fault);
        ENSURE(step != XFR_OUT_FAILED && i < MESSAGES_MOST);
        if (length > 0)
            message_check(memory, length, query);
    }
    xfr_out_close(&out);
    if (transfer->is_signed)
        tsig_exchange_close(&transfer->exchange);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t query[MESSAGE_SIZE_MAX], memory[MESSAGE_SIZE_MAX];
    static struct respond_transfer transfer;
    struct address peer;
    size_t length;
    if (!loop)
        everything_open();
    if (size < 1 || size > 60000)
        return 0;
    unsigned choice = data[0];
    ENSURE(address_from_text(choice & OVER_IPV6 ? "2001:db8::1@5" : "192.0.2.1@5", 0, &peer, NULL));
    memcpy(query, data + 1, size - 1);
    size_t asked = size - 1;
    if (choice & WITH_COOKIE)
        asked = cookie_add(query, asked, &peer);
    if (choice & WITH_TSIG)
        asked = tsig_add(query, asked, sizeof query, &keys[choice & OTHER_KEY ? 1 : 0]);
    bool tcp = choice & OVER_TCP;
    responder.rate = choice & LIMITED ? limit : NULL;
    const struct respond_request request = {.peer = &peer,
                                            .tcp = tcp,
                                            .now = NOW,
                                            .now_ms = NOW,
                                            .octets = query,
                                            .length = asked,
                                            .memory = memory,
                                            .size = tcp ? sizeof memory : UDP_BATCH_RESPONSE_SIZE};
    memset(&transfer, 0, sizeof transfer);
    switch (respond(&responder, &request, &transfer, &length)) {
    case RESPOND_NOTHING:
        ENSURE(length == 0);
        break;
    case RESPOND_MESSAGE:
        ENSURE(length >= MESSAGE_HEADER_SIZE && length <= request.size);
        message_check(memory, length, query);
        break;
    case RESPOND_TRANSFER:
        ENSURE(tcp);
        transfer_run(&transfer, query, memory);
        break;
    }
    return 0;
}
