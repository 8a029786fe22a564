// Each zone and remote is a telling: the state machine of notify.h with the exchange of its present
// try. The rounds with tellings that are not done stand in a queue, which is gone through whenever
// one may start, until so many are under way as may be: what is done costs nothing any more, and a
// round that had its turn waits behind the others.
#include "primary/notifier.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/daemon/clock.h"
#include "common/daemon/log.h"
#include "common/dns/rrtype.h"
#include "common/net/udp_exchange.h"
#include "common/transfer/notify.h"
#include "common/zone/zone_set.h"

#define PUMP_MS 200 // how often due tellings are looked for while there are any

struct telling {
    struct round *round;
    const struct remote_settings *remote;
    struct notify_out notify;
    struct udp_exchange *exchange; // the present try
    size_t address;                // index of the remote's address for the next try
};

struct round {
    struct notifier *notifier;
    struct round *next, *previous; // in the queue
    bool queued;
    struct settings_hold *settings;
    uint8_t apex[NAME_SIZE_MAX];
    const char *domain; // of the settings
    size_t count;
    struct telling tellings[];
};

struct notifier {
    struct loop *loop;
    struct loop_timer *timer;
    struct zone_set *rounds;
    struct round *first, *last; // of the queue
    size_t queue_count, in_flight;
};

static void notifier_pump(void *context);

struct notifier *
notifier_new(struct loop *loop)
{
    struct notifier *notifier = memory_zalloc(sizeof *notifier);
    notifier->loop = loop;
    notifier->timer = loop_timer_new(loop, notifier_pump, notifier);
    notifier->rounds = zone_set_new();
    return notifier;
}

static void
exchange_end(struct telling *telling)
{
    if (!telling->exchange)
        return;
    udp_exchange_free(&telling->exchange);
    telling->round->notifier->in_flight--;
}

// The queue.

static void
queue_add(struct round *round)
{
    struct notifier *notifier = round->notifier;
    round->previous = notifier->last;
    round->next = NULL;
    round->queued = true;
    *(notifier->last ? &notifier->last->next : &notifier->first) = round;
    notifier->last = round;
    notifier->queue_count++;
}

static void
queue_remove(struct round *round)
{
    struct notifier *notifier = round->notifier;
    if (!round->queued)
        return;
    *(round->previous ? &round->previous->next : &notifier->first) = round->next;
    *(round->next ? &round->next->previous : &notifier->last) = round->previous;
    round->queued = false;
    notifier->queue_count--;
}

static void
round_free(struct round *round)
{
    queue_remove(round);
    for (size_t i = 0; i < round->count; i++) {
        exchange_end(&round->tellings[i]);
        notify_out_close(&round->tellings[i].notify);
    }
    settings_drop(&round->settings);
    free(round);
}

void
notifier_free(struct notifier **notifier)
{
    struct notifier *old = *notifier;
    *notifier = NULL;
    if (!old)
        return;
    for (size_t i = 0; i < zone_set_count(old->rounds); i++)
        round_free(zone_set_at(old->rounds, i));
    zone_set_free(&old->rounds);
    loop_timer_free(&old->timer);
    free(old);
}

void
notifier_forget(struct notifier *notifier, const uint8_t *apex)
{
    struct round *round = zone_set_remove(notifier->rounds, apex);
    if (round)
        round_free(round);
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
    log_at(level, sentence, "zone", telling->round->domain, "remote", telling->remote->id,
           "address", address_to_text(telling_address(telling), address), "serial",
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
    // Somebody may wait for its turn; what waits for its time is found by the timer as it is.
    if (telling->round->notifier->in_flight == NOTIFIER_IN_FLIGHT_MAX - 1)
        loop_timer_start(telling->round->notifier->timer, 0, PUMP_MS);
}

// Until the next try is due, within reason.
static uint64_t
try_ms(const struct telling *telling, int64_t now_ms)
{
    int64_t left = notify_out_due(&telling->notify) - now_ms;
    return left > 0 && left < NOTIFIER_TRY_MS ? (uint64_t)left : NOTIFIER_TRY_MS;
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
                                           .timeout_ms = try_ms(telling, now_ms)};
    telling->exchange =
        udp_exchange_new(telling->round->notifier->loop, &options, &events, telling, &fault);
    if (telling->exchange)
        telling->round->notifier->in_flight++;
    else
        outcome_log(telling, LOG_LEVEL_WARNING, "NOTIFY could not be sent", fault.text);
}

// Starts what is due of one round; gives how many tellings wait for an answer or their next try.
static size_t
round_pump(struct round *round, int64_t now_ms)
{
    size_t waiting = 0;
    for (size_t i = 0; i < round->count; i++) {
        struct telling *telling = &round->tellings[i];
        bool due = !telling->exchange && notify_out_due(&telling->notify) <= now_ms;
        if (telling->notify.state == NOTIFY_WAITING && due &&
            round->notifier->in_flight < NOTIFIER_IN_FLIGHT_MAX)
            telling_try(telling, now_ms);
        waiting += telling->notify.state == NOTIFY_WAITING;
    }
    return waiting;
}

// Goes on from where the last turn stopped; stops its timer when nothing waits.
static void
notifier_pump(void *context)
{
    struct notifier *notifier = context;
    int64_t now_ms = (int64_t)clock_monotonic_ms();
    for (size_t left = notifier->queue_count;
         left > 0 && notifier->in_flight < NOTIFIER_IN_FLIGHT_MAX; left--) {
        struct round *round = notifier->first;
        queue_remove(round);
        if (round_pump(round, now_ms) > 0)
            queue_add(round);
    }
    if (notifier->queue_count == 0)
        loop_timer_stop(notifier->timer);
}

// A round.

static void
telling_start(struct telling *telling, const struct version *version)
{
    const struct primary_settings *settings = telling->round->settings->settings;
    size_t key = telling->remote->key;
    struct rrset soa;
    struct rr rr = {0};
    uint32_t position = 0;
    notify_out_init(&telling->notify, telling->round->apex, telling->remote->id,
                    key == SETTINGS_NONE ? NULL : &settings->keys[key]);
    if (node_rrset_find(version_apex_node(version), RRTYPE_SOA, &soa))
        rrset_next(soa.wire, soa.wire_length, &position, &rr);
    notify_out_start(&telling->notify, rr.rdata, rr.rdlength, rr.ttl,
                     (int64_t)clock_monotonic_ms());
}

void
notifier_tell(struct notifier *notifier, struct settings_hold *settings,
              const struct primary_zone_settings *zone, const struct version *version)
{
    size_t count = zone->notify.count;
    notifier_forget(notifier, zone->name);
    if (count == 0)
        return;
    struct round *round = memory_zalloc(sizeof *round + count * sizeof round->tellings[0]);
    round->notifier = notifier;
    round->settings = settings_hold(settings);
    name_copy(round->apex, zone->name);
    round->domain = zone->domain;
    round->count = count;
    for (size_t i = 0; i < count; i++) {
        struct telling *telling = &round->tellings[i];
        telling->round = round;
        telling->remote = &settings->settings->remotes[zone->notify.items[i]];
        telling_start(telling, version);
    }
    zone_set_put(notifier->rounds, round->apex, round);
    queue_add(round);
    loop_timer_start(notifier->timer, 0, PUMP_MS);
}

void
notifier_count(const struct notifier *notifier, const uint8_t *apex,
               struct notifier_counts *ret_counts)
{
    *ret_counts = (struct notifier_counts){0};
    const struct round *round = zone_set_get(notifier->rounds, apex);
    for (size_t i = 0; round && i < round->count; i++) {
        enum notify_state state = round->tellings[i].notify.state;
        ret_counts->remotes++;
        ret_counts->acknowledged += state == NOTIFY_ACKNOWLEDGED;
        ret_counts->waiting += state == NOTIFY_WAITING;
        ret_counts->failed += state == NOTIFY_REFUSED || state == NOTIFY_GAVE_UP;
    }
}

size_t
notifier_in_flight(const struct notifier *notifier)
{
    return notifier->in_flight;
}
