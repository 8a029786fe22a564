// Who is told what: servers the version and whether to answer from it, the fetcher the verdict and
// whom to notify, the desk facts and events.
#include "secondary/signer/keeper_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/quantity.h"
#include "common/daemon/log.h"

void
keeper_send(struct keeper *keeper, enum message_type type, enum message_role to,
            const struct octets_buffer *body, const int *descriptors, unsigned count,
            uint64_t request)
{
    struct message message = {.type = type,
                              .to = to,
                              .from = ROLE_SIGNER,
                              .zone = keeper->id,
                              .request = request,
                              .descriptor_count = count};
    if (body != NULL) {
        message.body = (struct octets){body->data, body->length};
    }
    for (unsigned i = 0; i < count; i++) {
        message.descriptors[i] = descriptors[i];
    }
    keeper->shared->send(keeper->shared->context, &message);
}

void
keeper_reply(struct keeper *keeper, uint64_t request, const char *json, size_t length)
{
    struct octets_buffer body = {.data = (uint8_t *)(uintptr_t)json, .length = length};
    keeper_send(keeper, MESSAGE_CONTROL_REPLY, ROLE_DESK, &body, NULL, 0, request);
}

void
keeper_tell_facts(struct keeper *keeper)
{
    struct message_zone_facts facts;
    keeper_facts_fill(keeper, &facts);
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_zone_facts_write(&facts, &body);
    keeper_send(keeper, MESSAGE_ZONE_FACTS, ROLE_DESK, &body, NULL, 0, 0);
    octets_buffer_close(&body);
    message_zone_facts_close(&facts);
}

// The desk hears every second, the log every ten.
void
keeper_tell_progress(void *context)
{
    struct keeper *keeper = context;
    struct keeper_progress progress = keeper_progress(keeper);
    keeper_tell_facts(keeper);
    if (++keeper->progress_told % KEEPER_LOG_EVERY != 0 || progress.total == 0) {
        return;
    }
    char left[QUANTITY_TEXT_MAX] = "?";
    if (progress.left_seconds >= 0) {
        quantity_about_text(progress.left_seconds, left);
    }
    log_info("signing goes on", "zone", keeper->domain, "names_done", LOG_NUMBER(progress.done),
             "names", LOG_NUMBER(progress.total), "percent",
             LOG_NUMBER(progress.done * 100 / progress.total), "names_per_second",
             LOG_NUMBER(progress.per_second), "left_about", left);
}

static struct message_zone_state
state_of(struct keeper *keeper)
{
    return (struct message_zone_state){
        .serving = keeper->expired                 ? ZONE_EXPIRED
                   : keeper_served(keeper) == NULL ? ZONE_NOT_READY
                                                   : ZONE_SERVE,
        .expires_seconds = contact_expires(&keeper->contact, keeper_expire_seconds(keeper)),
    };
}

void
keeper_tell_zone_state(struct keeper *keeper)
{
    const struct message_zone_state state = state_of(keeper);
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_zone_state_write(&state, &body);
    keeper_send(keeper, MESSAGE_ZONE_STATE, ROLE_SERVER, &body, NULL, 0, 0);
    octets_buffer_close(&body);
}

void
keeper_tell_version(struct keeper *keeper)
{
    struct fault fault = {0};
    struct version_place place;
    struct message_pooled pooled = {.zone = keeper->id};
    if (keeper_served(keeper) == NULL) {
        return;
    }
    if (store_pool_place(keeper->store, &pooled.place)) {
        pooled.state = state_of(keeper);
        pooled_tell(keeper->shared->pooled, &pooled);
        return;
    }
    if (!store_place(keeper->store, &place, &fault)) {
        log_error(fault.text, "zone", keeper->domain);
        return;
    }
    int descriptors[VERSION_DESCRIPTORS_MAX];
    unsigned count = message_place_descriptors(&place, descriptors);
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_place_write(&place, &body);
    keeper_send(keeper, MESSAGE_PUBLISHED, ROLE_SERVER, &body, descriptors, count, 0);
    octets_buffer_close(&body);
    version_place_close(&place);
}

void
keeper_tell_served(struct keeper *keeper)
{
    struct zone_pool_place place;
    keeper_tell_version(keeper);
    if (keeper_served(keeper) == NULL || !store_pool_place(keeper->store, &place)) {
        keeper_tell_zone_state(keeper); // else it was told with the version
    }
}

void
keeper_tell_notify(struct keeper *keeper)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    octets_buffer_add_u32(&body, version_facts(keeper_served(keeper))->signed_serial);
    keeper_send(keeper, MESSAGE_NOTIFY_OUT, ROLE_FETCHER, &body, NULL, 0, 0);
    octets_buffer_close(&body);
}

void
keeper_tell_event(struct keeper *keeper, const struct message_event *event)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_event_write(event, &body);
    keeper_send(keeper, MESSAGE_EVENT, ROLE_DESK, &body, NULL, 0, 0);
    octets_buffer_close(&body);
}

// An event that is a sentence and perhaps a command; dedup says which occurrences are one.
void
keeper_tell_simple_event(struct keeper *keeper, enum message_event_kind kind, const char *dedup,
                         const char *why, const char *hint)
{
    const struct version *version = keeper_served(keeper);
    struct message_event event = {.kind = kind,
                                  .at_seconds = keeper_now(),
                                  .dedup = memory_text(dedup),
                                  .why = memory_text(why),
                                  .hint = memory_text(hint),
                                  .has_serials = version != NULL};
    if (version != NULL) {
        event.unsigned_serial = version_facts(version)->unsigned_serial;
        event.signed_serial = version_facts(version)->signed_serial;
        event.former_signed_serial = event.signed_serial;
        event.signature_expiry_seconds = keeper_first_expiration(keeper);
    }
    keeper_tell_event(keeper, &event);
    message_event_close(&event);
}

void
keeper_tell_verdict(struct keeper *keeper, const struct message_verdict *verdict, const char *text)
{
    struct message_verdict told = *verdict;
    struct octets_buffer body;
    told.text = memory_text(text);
    octets_buffer_init(&body);
    message_verdict_write(&told, &body);
    keeper_send(keeper, MESSAGE_VERDICT, ROLE_FETCHER, &body, NULL, 0, 0);
    octets_buffer_close(&body);
    message_verdict_close(&told);
}

void
keeper_tell_next_waits(struct keeper *keeper)
{
    const struct message_verdict verdict = {.outcome = OUTCOME_FAILED,
                                            .number = keeper->next.number};
    if (keeper->has_next) {
        keeper_tell_verdict(keeper, &verdict,
                            keeper->state_fault != NULL ? keeper->state_fault->text
                                                        : "the zone waits for its keys");
    }
}

void
keeper_want_whole(struct keeper *keeper, const char *why)
{
    const struct message_verdict verdict = {.outcome = OUTCOME_DOUBT};
    keeper->stand.known = false;
    keeper_tell_verdict(keeper, &verdict, why);
}

void
keeper_announce(struct keeper *keeper)
{
    keeper_tell_served(keeper);
    keeper_tell_facts(keeper);
}

// A state that an operator must see: logged and mailed once for each text.
void
keeper_fault_set(struct keeper *keeper, const struct fault *fault, enum message_event_kind kind,
                 const char *hint)
{
    bool same = keeper->state_fault != NULL && keeper->state_fault->kind == fault->kind &&
                strcmp(keeper->state_fault->text, fault->text) == 0;
    if (keeper->state_fault == NULL) { // two KiB that ten thousand zones do not need
        keeper->state_fault = memory_alloc(sizeof *keeper->state_fault);
    }
    *keeper->state_fault = *fault;
    if (!same) {
        log_error(fault->text, "zone", keeper->domain);
        keeper_tell_simple_event(keeper, kind, fault->text, fault->text, hint);
    }
    keeper_tell_facts(keeper);
}

void
keeper_fault_clear(struct keeper *keeper)
{
    if (keeper->state_fault != NULL && !keeper->damaged) {
        char why[FAULT_TEXT_MAX];
        snprintf(why, sizeof why, "mended: %.1900s", keeper->state_fault->text);
        free(keeper->state_fault);
        keeper->state_fault = NULL;
        log_info("recovered", "zone", keeper->domain, "was", why);
        keeper_tell_simple_event(keeper, EVENT_RECOVERED, "", why, "");
    }
}

void
keeper_damage_note(struct keeper *keeper, const struct fault *fault)
{
    keeper->damaged = true;
    keeper_want_whole(keeper, "records of what is served are damaged");
    keeper_fault_set(keeper, fault, EVENT_CRASH, "");
}
