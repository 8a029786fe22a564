#include "secondary/fetcher/downstream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/base/vector.h"
#include "common/daemon/clock.h"
#include "common/daemon/log.h"
#include "common/net/loop.h"
#include "common/net/udp_exchange.h"
#include "common/transfer/notify.h"

#define LABEL_MAX      192
#define TARGET_WHY_MAX 256 // a sentence for status; longer ones are cut

// One address of a remote. Each try is an exchange of its own with one datagram, so that its TSIG
// has the time of the try.
struct target {
    struct downstream *downstream;
    char label[LABEL_MAX];
    struct address peer, source;
    struct tsig_key key;
    struct notify_out notify;
    struct udp_exchange *exchange;
    struct loop_timer *timer;
    char why[TARGET_WHY_MAX]; // what it answered that was not taken, "" for nothing
};

struct downstream {
    struct loop *loop;
    downstream_changed *changed;
    void *context;
    char *domain;
    bool told;
    uint32_t serial;
    struct vector targets; // of struct target *
};

static struct target *
target_at(const struct downstream *downstream, size_t index)
{
    return *(struct target **)vector_at(&downstream->targets, index);
}

static int64_t
now_ms(const struct target *target)
{
    return (int64_t)loop_now_ms(target->downstream->loop);
}

static void
plan(struct target *target)
{
    int64_t due = notify_out_due(&target->notify);
    if (due == INT64_MAX)
        return;
    int64_t wait = due - now_ms(target);
    loop_timer_start(target->timer, wait > 0 ? (uint64_t)wait : 0, 0);
}

// A bad signature, or none: it may be forged, so the tries go on, but the operator should know.
static void
note_bad_answer(struct target *target, const struct fault *fault)
{
    bool news = strncmp(target->why, fault->text, sizeof(target->why) - 1) != 0;
    snprintf(target->why, sizeof(target->why), "%.255s", fault->text);
    log_limited(LOG_LEVEL_WARNING, target->label, 60, fault->text, "zone",
                target->downstream->domain, "downstream", target->label);
    if (news)
        target->downstream->changed(target->downstream->context);
}

static bool
on_datagram(void *context, const uint8_t *octets, size_t length)
{
    struct target *target = context;
    struct fault fault = {0};
    bool answered = notify_out_read(&target->notify, octets, length, clock_unix_seconds(), &fault);
    if (!answered && fault.kind)
        note_bad_answer(target, &fault);
    if (answered && target->notify.state == NOTIFY_REFUSED)
        log_warning(fault.text, "zone", target->downstream->domain, "downstream", target->label);
    return answered;
}

static void
on_exchange_ended(void *context, const struct fault *why)
{
    struct target *target = context;
    udp_exchange_free(&target->exchange);
    if (!why)
        log_debug("NOTIFY answered", "zone", target->downstream->domain, "downstream",
                  target->label, "serial", LOG_NUMBER(target->downstream->serial));
    if (notify_out_due(&target->notify) == INT64_MAX) {
        loop_timer_stop(target->timer);
        target->downstream->changed(target->downstream->context);
    }
}

static void
give_up(struct target *target)
{
    log_warning("a downstream server does not answer NOTIFY; its own refresh must do", "zone",
                target->downstream->domain, "downstream", target->label, "tries",
                LOG_NUMBER(NOTIFY_TRIES_MAX));
    target->downstream->changed(target->downstream->context);
}

static void
send_try(struct target *target, const uint8_t *octets, size_t length)
{
    static const struct udp_exchange_events events = {.answer = on_datagram,
                                                      .ended = on_exchange_ended};
    struct fault fault = {0};
    int64_t wait = notify_out_due(&target->notify) - now_ms(target);
    const struct udp_exchange_options options = {
        .peer = target->peer,
        .source = target->source,
        .octets = octets,
        .length = length,
        .tries = 1,
        .timeout_ms = wait > 1 ? (uint64_t)wait - 1 : 1,
    };
    target->exchange =
        udp_exchange_new(target->downstream->loop, &options, &events, target, &fault);
    if (!target->exchange)
        log_limited(LOG_LEVEL_WARNING, target->label, 60, fault.text, "zone",
                    target->downstream->domain, "downstream", target->label);
}

static void
on_time(void *context)
{
    struct target *target = context;
    uint8_t octets[NOTIFY_SIZE_MAX];
    udp_exchange_free(&target->exchange);
    size_t length = notify_out_write(&target->notify, (uint16_t)hash_key_draw(), octets,
                                     sizeof(octets), now_ms(target), clock_unix_seconds());
    if (length)
        send_try(target, octets, length);
    else if (target->notify.state == NOTIFY_GAVE_UP)
        give_up(target);
    plan(target);
}

static void
add_target(struct downstream *downstream, const struct secondary_settings *settings,
           const struct remote_settings *remote, const struct address *peer, const uint8_t *apex)
{
    struct target *target = memory_zalloc(sizeof(*target));
    char address[ADDRESS_TEXT_MAX];
    target->downstream = downstream;
    target->peer = *peer;
    target->source = remote->source;
    if (remote->key != SETTINGS_NONE)
        target->key = settings->keys[remote->key];
    snprintf(target->label, sizeof(target->label), "%.96s %s", remote->id,
             address_to_text(peer, address));
    notify_out_init(&target->notify, apex, target->label,
                    remote->key != SETTINGS_NONE ? &target->key : NULL);
    target->timer = loop_timer_new(downstream->loop, on_time, target);
    vector_add(&downstream->targets, &target);
}

struct downstream *
downstream_new(struct loop *loop, const struct secondary_settings *settings,
               const struct secondary_zone_settings *zone, downstream_changed *changed,
               void *context)
{
    if (zone->rules->notify.count == 0)
        return NULL;
    struct downstream *downstream = memory_zalloc(sizeof(*downstream));
    downstream->loop = loop;
    downstream->changed = changed;
    downstream->context = context;
    downstream->domain = memory_text(zone->domain);
    vector_init(&downstream->targets, sizeof(struct target *));
    for (size_t i = 0; i < zone->rules->notify.count; i++) {
        const struct remote_settings *remote = &settings->remotes[zone->rules->notify.items[i]];
        for (size_t j = 0; j < remote->addresses.count; j++)
            add_target(downstream, settings, remote, &remote->addresses.items[j], zone->name);
    }
    return downstream;
}

void
downstream_free(struct downstream **downstream)
{
    struct downstream *gone = *downstream;
    if (!gone)
        return;
    for (size_t i = 0; i < gone->targets.count; i++) {
        struct target *target = target_at(gone, i);
        udp_exchange_free(&target->exchange);
        loop_timer_free(&target->timer);
        notify_out_close(&target->notify);
        explicit_bzero(&target->key, sizeof(target->key));
        free(target);
    }
    vector_close(&gone->targets);
    free(gone->domain);
    free(gone);
    *downstream = NULL;
}

void
downstream_tell(struct downstream *downstream, uint32_t serial)
{
    if (!downstream)
        return;
    downstream->told = true;
    downstream->serial = serial;
    for (size_t i = 0; i < downstream->targets.count; i++) {
        struct target *target = target_at(downstream, i);
        target->why[0] = '\0';
        notify_out_start(&target->notify, NULL, 0, 0, now_ms(target));
        plan(target);
    }
}

bool
downstream_tell_again(struct downstream *downstream)
{
    if (!downstream || !downstream->told)
        return false;
    downstream_tell(downstream, downstream->serial);
    return true;
}

static void
add_text(struct downstream_state *state, const struct target *target)
{
    static const char *const words[] = {
        [NOTIFY_IDLE] = "was not told",       [NOTIFY_WAITING] = "has not answered yet",
        [NOTIFY_ACKNOWLEDGED] = "knows it",   [NOTIFY_REFUSED] = "refuses NOTIFY",
        [NOTIFY_GAVE_UP] = "does not answer",
    };
    size_t at = strlen(state->text);
    snprintf(state->text + at, sizeof(state->text) - at, "%s%s %s%s%s%s", at ? ", " : "",
             target->label, words[target->notify.state], *target->why ? " (" : "", target->why,
             *target->why ? ")" : "");
}

void
downstream_state(const struct downstream *downstream, struct downstream_state *ret_state)
{
    *ret_state = (struct downstream_state){0};
    if (!downstream || !downstream->told)
        return;
    ret_state->count = (unsigned)downstream->targets.count;
    for (size_t i = 0; i < downstream->targets.count; i++) {
        const struct target *target = target_at(downstream, i);
        if (target->notify.state == NOTIFY_ACKNOWLEDGED)
            ret_state->current++;
        else
            add_text(ret_state, target);
    }
}
