// Each zone and remote is a telling: the state machine of notify.h with the exchange of its present
// try. A ring of all tellings that are not done is gone through whenever one may start; with
// thousands of zones this costs nothing worth a heap, since a datagram each takes longer.
#include "primary/notifier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/base/vector.h"
#include "common/daemon/clock.h"
#include "common/daemon/log.h"
#include "common/dns/rrtype.h"
#include "common/net/udp_exchange.h"
#include "common/transfer/notify.h"

#define PUMP_MS 200 // how often due tellings are looked for while there are any

struct telling {
    struct notifier *notifier;
    struct settings_hold *settings;
    const struct remote_settings *remote;
    const char *domain;
    struct notify_out notify;
    struct udp_exchange *exchange; // the present try
    size_t address;                // index of the remote's address for the next try
};

struct notifier {
    struct loop *loop;
    struct loop_timer *timer;
    struct vector tellings; // of struct telling *
    size_t in_flight, next;
};

static void notifier_pump(void *context);

struct notifier *
notifier_new(struct loop *loop)
{
    struct notifier *notifier = memory_zalloc(sizeof *notifier);
    notifier->loop = loop;
    notifier->timer = loop_timer_new(loop, notifier_pump, notifier);
    vector_init(&notifier->tellings, sizeof(struct telling *));
    return notifier;
}

static struct telling *
telling_at(const struct notifier *notifier, size_t index)
{
    return *(struct telling **)vector_at(&notifier->tellings, index);
}

static void
exchange_end(struct telling *telling)
{
    if (!telling->exchange)
        return;
    udp_exchange_free(&telling->exchange);
    telling->notifier->in_flight--;
}

static void
telling_free(struct telling *telling)
{
    exchange_end(telling);
    notify_out_close(&telling->notify);
    settings_drop(&telling->settings);
    free(telling);
}

void
notifier_free(struct notifier **notifier)
{
    struct notifier *old = *notifier;
    *notifier = NULL;
    if (!old)
        return;
    for (size_t i = 0; i < old->tellings.count; i++)
        telling_free(telling_at(old, i));
    vector_close(&old->tellings);
    loop_timer_free(&old->timer);
    free(old);
}

void
notifier_forget(struct notifier *notifier, const uint8_t *apex)
{
    struct telling **items = notifier->tellings.items;
    size_t kept = 0;
    for (size_t i = 0; i < notifier->tellings.count; i++)
        if (name_equal(items[i]->notify.apex, apex))
            telling_free(items[i]);
        else
            items[kept++] = items[i];
    notifier->tellings.count = kept;
}

// A try.

static const struct address *
telling_address(const struct telling *telling)
{
    const struct settings_addresses *addresses = &telling->remote->addresses;
    return &addresses->items[telling->address % addresses->count];
}

static void
outcome_log(const struct telling *telling, enum log_level level, const char *sentence,
            const char *reason)
{
    char address[ADDRESS_TEXT_MAX];
    log_at(level, sentence, "zone", telling->domain, "remote", telling->remote->id, "address",
           address_to_text(telling_address(telling), address), "serial",
           LOG_NUMBER(telling->notify.serial), "tries", LOG_NUMBER(telling->notify.tries), "reason",
           reason);
}

static bool
on_answer(void *context, const uint8_t *octets, size_t length)
{
    struct telling *telling = context;
    struct fault fault = {0};
    if (!notify_out_read(&telling->notify, octets, length, clock_unix_seconds(), &fault))
        return false;
    if (telling->notify.state == NOTIFY_REFUSED)
        outcome_log(telling, LOG_LEVEL_WARNING, "a secondary refuses NOTIFY", fault.text);
    else
        outcome_log(telling, LOG_LEVEL_DEBUG, "a secondary took NOTIFY", NULL);
    return true;
}

static void
on_ended(void *context, const struct fault *fault)
{
    struct telling *telling = context;
    if (fault)
        outcome_log(telling, LOG_LEVEL_DEBUG, "NOTIFY was not answered", fault->text);
    exchange_end(telling);
    if (fault)
        telling->address++;
    loop_timer_start(telling->notifier->timer, 0, PUMP_MS);
}

static void
telling_try(struct telling *telling, int64_t now_ms)
{
    static const struct udp_exchange_events events = {.answer = on_answer, .ended = on_ended};
    uint8_t message[NOTIFY_SIZE_MAX];
    struct fault fault;
    size_t length = notify_out_write(&telling->notify, (uint16_t)hash_key_draw(), message,
                                     sizeof message, now_ms, clock_unix_seconds());
    if (length == 0) {
        if (telling->notify.state == NOTIFY_GAVE_UP)
            outcome_log(telling, LOG_LEVEL_WARNING,
                        "a secondary does not answer NOTIFY: its own refresh must do", NULL);
        return;
    }
    struct udp_exchange_options options = {.peer = *telling_address(telling),
                                           .source = telling->remote->source,
                                           .octets = message,
                                           .length = length,
                                           .tries = 1,
                                           .timeout_ms = NOTIFIER_TRY_MS};
    telling->exchange =
        udp_exchange_new(telling->notifier->loop, &options, &events, telling, &fault);
    if (telling->exchange)
        telling->notifier->in_flight++;
    else
        outcome_log(telling, LOG_LEVEL_WARNING, "NOTIFY could not be sent", fault.text);
}

// Starts what is due, from where the last round stopped; stops its timer when nothing is under way.
static void
notifier_pump(void *context)
{
    struct notifier *notifier = context;
    int64_t now_ms = (int64_t)clock_monotonic_ms();
    size_t waiting = 0;
    for (size_t i = 0; i < notifier->tellings.count; i++) {
        notifier->next = (notifier->next + 1) % notifier->tellings.count;
        struct telling *telling = telling_at(notifier, notifier->next);
        if (telling->notify.state != NOTIFY_WAITING)
            continue;
        waiting++;
        if (notifier->in_flight >= NOTIFIER_IN_FLIGHT_MAX)
            break;
        if (!telling->exchange && notify_out_due(&telling->notify) <= now_ms)
            telling_try(telling, now_ms);
    }
    if (waiting == 0)
        loop_timer_stop(notifier->timer);
}

// A round.

static struct telling *
telling_find(const struct notifier *notifier, const uint8_t *apex, const char *remote)
{
    for (size_t i = 0; i < notifier->tellings.count; i++) {
        struct telling *telling = telling_at(notifier, i);
        if (name_equal(telling->notify.apex, apex) && strcmp(telling->remote->id, remote) == 0)
            return telling;
    }
    return NULL;
}

static void
telling_start(struct telling *telling, const struct version *version)
{
    struct rrset soa;
    struct rr rr = {0};
    uint32_t position = 0;
    if (node_rrset_find(version_apex_node(version), RRTYPE_SOA, &soa))
        rrset_next(soa.wire, soa.wire_length, &position, &rr);
    notify_out_start(&telling->notify, rr.rdata, rr.rdlength, rr.ttl,
                     (int64_t)clock_monotonic_ms());
}

static void
telling_new(struct notifier *notifier, struct settings_hold *settings,
            const struct primary_zone_settings *zone, const struct remote_settings *remote,
            const struct version *version)
{
    struct telling *telling = memory_zalloc(sizeof *telling);
    const struct tsig_key *key =
        remote->key == SETTINGS_NONE ? NULL : &settings->settings->keys[remote->key];
    telling->notifier = notifier;
    telling->settings = settings_hold(settings);
    telling->remote = remote;
    telling->domain = zone->domain;
    notify_out_init(&telling->notify, zone->name, remote->id, key);
    telling_start(telling, version);
    vector_add(&notifier->tellings, &telling);
}

void
notifier_tell(struct notifier *notifier, struct settings_hold *settings,
              const struct primary_zone_settings *zone, const struct version *version)
{
    for (size_t i = 0; i < zone->notify.count; i++) {
        const struct remote_settings *remote = &settings->settings->remotes[zone->notify.items[i]];
        struct telling *telling = telling_find(notifier, zone->name, remote->id);
        if (telling && telling->settings == settings) {
            exchange_end(telling);
            telling_start(telling, version);
        } else {
            telling_new(notifier, settings, zone, remote, version);
        }
    }
    if (zone->notify.count > 0)
        loop_timer_start(notifier->timer, 0, PUMP_MS);
}

void
notifier_count(const struct notifier *notifier, const uint8_t *apex,
               struct notifier_counts *ret_counts)
{
    *ret_counts = (struct notifier_counts){0};
    for (size_t i = 0; i < notifier->tellings.count; i++) {
        const struct notify_out *notify = &telling_at(notifier, i)->notify;
        if (!name_equal(notify->apex, apex))
            continue;
        ret_counts->remotes++;
        ret_counts->acknowledged += notify->state == NOTIFY_ACKNOWLEDGED;
        ret_counts->waiting += notify->state == NOTIFY_WAITING;
        ret_counts->failed += notify->state == NOTIFY_REFUSED || notify->state == NOTIFY_GAVE_UP;
    }
}

size_t
notifier_in_flight(const struct notifier *notifier)
{
    return notifier->in_flight;
}
