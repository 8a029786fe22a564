// needs: primary
// Any octets as a peer's request to the primary, over UDP or TCP, signed with a known key or as
// they are: no crash, and a response only of a size that fits. Octet 0 chooses.
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/fault.h"
#include "common/dns/rrtype.h"
#include "common/transfer/xfr_out.h"
#include "common/zone/store.h"
#include "common/zone/zonefile_read.h"
#include "primary/peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t apex[] = "\7example\3gov";
static const char text[] =
    "$TTL 300\n@ SOA ns1 h %u 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.%u\n"
    "*.w TXT \"w\"\nc CNAME d.w\nd DNAME w\nsub NS ns.sub\nns.sub A 192.0.2.2\n";

static struct tsig_key key = {.name = "\3xfr", .algorithm = TSIG_HMAC_SHA256, .secret_length = 32};
static struct served_zone zone = {.answer.expire_at = ANSWER_NEVER, .apex = apex};
static struct acl acl;

// The zone under a serial: each differs from the one before, for IXFR.
static bool
version_publish(struct store *store, uint32_t serial)
{
    char content[sizeof text + 32];
    struct draft *draft = draft_new(apex);
    struct vector errors;
    struct draft_findings findings;
    struct version_facts facts = {.signed_serial = serial};
    snprintf(content, sizeof content, text, serial, serial);
    bool good =
        zonefile_read_memory("zone", content, strlen(content), NULL, draft, NULL, &errors) &&
        draft_seal(draft, &findings, NULL) && store_publish_draft(store, draft, &facts, NULL);
    zonefile_errors_close(&errors);
    draft_free(&draft);
    return good;
}

static struct zone_set *
zones_make(void)
{
    char directory[] = "/tmp/fuzz_peer.XXXXXX", command[64];
    struct store *store = NULL;
    struct store_options options = {.journal_octets_max = 65536};
    struct store_opening opening;
    struct version_place place;
    ENSURE(mkdtemp(directory));
    bool good = store_open(directory, apex, &options, &store, &opening, NULL) &&
                version_publish(store, 1) && version_publish(store, 2) &&
                version_publish(store, 3) && store_place(store, &place, NULL) &&
                version_map(&place, NULL, &zone.answer.version, NULL);
    ENSURE(good);
    version_place_close(&place);
    store_close(&store);
    snprintf(command, sizeof command, "rm -r %s", directory);
    ENSURE(system(command) == 0);
    acl_init(&acl);
    acl_rule_add_key(acl_add(&acl, "peers", ACL_QUERY | ACL_TRANSFER), key.name);
    zone.acl = &acl;
    struct zone_set *zones = zone_set_new();
    zone_set_put(zones, apex, &zone);
    return zones;
}

// Signed by the known key, as an honest peer would.
static size_t
request_sign(uint8_t *octets, size_t length, size_t size)
{
    struct tsig_exchange exchange;
    tsig_exchange_init(&exchange, &key);
    size_t signed_length =
        length < MESSAGE_HEADER_SIZE ? 0 : tsig_sign(&exchange, octets, length, size, 1, 0, NULL);
    tsig_exchange_close(&exchange);
    return signed_length ? signed_length : length;
}

static void
transfer_run(const struct query *query, struct tsig_exchange *exchange,
             const struct peer_outcome *outcome, uint8_t *memory)
{
    struct message_question question = {.type = query->type, .class = query->class};
    struct xfr_out_options options = {.version = outcome->zone->answer.version,
                                      .query = &query->header,
                                      .question = &question,
                                      .exchange = outcome->key ? exchange : NULL,
                                      .edns = query->edns.present,
                                      .ixfr = query->type == RRTYPE_IXFR,
                                      .client_serial = outcome->client_serial};
    struct xfr_out out;
    size_t length;
    name_copy(question.name, query->octets + MESSAGE_HEADER_SIZE);
    xfr_out_init(&out, &options);
    while (xfr_out_next(&out, memory, MESSAGE_SIZE_MAX, 1, &length, NULL) == XFR_OUT_MORE)
        ;
    xfr_out_close(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct zone_set *zones;
    static uint8_t octets[MESSAGE_SIZE_MAX], memory[MESSAGE_SIZE_MAX];
    struct address address;
    struct query query;
    struct tsig_exchange exchange;
    struct peer_outcome outcome;
    if (!zones)
        zones = zones_make();
    if (size < 1 || size > MESSAGE_SIZE_MAX - TSIG_SIZE_MAX)
        return 0;
    address_from_text("192.0.2.53@53", 53, &address, NULL);
    memcpy(octets, data + 1, size - 1);
    bool tcp = data[0] & 1;
    size_t length = data[0] & 2 ? request_sign(octets, size - 1, sizeof octets) : size - 1;
    struct peer_service service = {.zones = zones, .keys = &key, .key_count = 1};
    struct peer_request request = {
        .octets = octets, .length = length, .address = &address, .tcp = tcp, .now = 1};
    peer_answer(&service, &request, &query, &exchange, memory, tcp ? sizeof memory : 4096,
                &outcome);
    ENSURE(outcome.length <= (tcp ? sizeof memory : 4096));
    if (outcome.action == PEER_TRANSFER)
        transfer_run(&query, &exchange, &outcome, memory);
    tsig_exchange_close(&exchange);
    return 0;
}
