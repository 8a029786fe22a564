// What a role is told when it starts, what its death means, and how all of them end.
#include "secondary/supervisor_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "common/base/arena.h"
#include "common/base/vector.h"
#include "common/daemon/clock.h"
#include "common/daemon/log.h"
#include "common/daemon/service.h"
#include "common/net/loop.h"
#include "secondary/last_batch.h"
#include "secondary/orders.h"

struct child *
supervisor_desk(const struct supervisor *supervisor)
{
    return children_of_role(&supervisor->children, ROLE_DESK);
}

void
supervisor_send_settings(struct supervisor *supervisor, struct child *child)
{
    uint32_t *ids = places_ids(&supervisor->places, supervisor->settings);
    order_settings(child, supervisor->settings, ids, &supervisor->extras);
    free(ids);
}

void
supervisor_drop_files(struct supervisor *supervisor)
{
    uint32_t number;
    while ((number = places_drop_file(&supervisor->places)) != 0) {
        deliveries_file_gone(&supervisor->deliveries, number);
    }
}

// --- Events ---

static bool
send_event(struct supervisor *supervisor, const struct kept_event *event)
{
    const struct message message = {.type = MESSAGE_EVENT,
                                    .to = ROLE_DESK,
                                    .from = ROLE_SUPERVISOR,
                                    .zone = event->zone,
                                    .request = event->number,
                                    .body = event->body};
    return child_send(supervisor_desk(supervisor), &message);
}

void
supervisor_take_event(struct supervisor *supervisor, uint32_t zone, struct octets body)
{
    struct kept_event event = {kept_events_add(&supervisor->events, zone, body), zone, body};
    bool sent = send_event(supervisor, &event);
    if (event.number == 0 && !sent) {
        log_limited(LOG_LEVEL_ERROR, "events", 60,
                    "the desk is away and too many events wait: one is not mailed");
    }
}

static void
tell_event(struct supervisor *supervisor, enum message_event_kind kind, const char *why,
           const char *health, const char *hint)
{
    struct message_event event = {.kind = kind,
                                  .at_seconds = clock_unix_seconds(),
                                  .why = memory_text(why),
                                  .health = memory_text(health),
                                  .hint = memory_text(hint)};
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_event_write(&event, &body);
    supervisor_take_event(supervisor, MESSAGE_NO_ZONE, (struct octets){body.data, body.length});
    octets_buffer_close(&body);
    message_event_close(&event);
}

// --- Births and deaths ---

static void
send_role_facts(struct supervisor *supervisor, const struct child *about)
{
    order_role_facts(supervisor_desk(supervisor), about);
}

static void
started_server(struct supervisor *supervisor, struct child *server)
{
    order_counters(server, child_index(server), supervisor->counters[child_index(server)]);
    order_rate_table(server, supervisor->rate_key, supervisor->rate_table);
    listening_send(&supervisor->listening, child_index(server), server);
    deliveries_begin(&supervisor->deliveries, child_index(server));
}

// A desk that was restarted knows nothing: signer and fetcher tell everything again.
static void
started_desk(struct supervisor *supervisor, struct child *desk)
{
    for (uint32_t i = 0; i < supervisor->extras.server_count; i++) {
        order_counters(desk, i, supervisor->counters[i]);
    }
    order_rate_table(desk, supervisor->rate_key, supervisor->rate_table);
    for (size_t i = 0; i < children_count(&supervisor->children); i++) {
        struct child *child = children_at(&supervisor->children, i);
        bool tells = child_role(child) == ROLE_SIGNER || child_role(child) == ROLE_FETCHER;
        order_role_facts(desk, child);
        if (tells && child_was_ready(child)) {
            child_order(child, MESSAGE_PLACES_WANTED, MESSAGE_NO_ZONE, NULL, NULL, 0);
        }
    }
    for (size_t i = 0; i < supervisor->events.events.count; i++) {
        send_event(supervisor, vector_at(&supervisor->events.events, i));
    }
}

// A candidate that the signer had not judged died with it; the fetcher would wait for the verdict.
static void
started_signer(struct supervisor *supervisor)
{
    for (size_t i = 0; i < children_count(&supervisor->children); i++) {
        struct child *child = children_at(&supervisor->children, i);
        if (child_role(child) == ROLE_FETCHER && child_was_ready(child)) {
            child_order(child, MESSAGE_SIGNER_STARTED, MESSAGE_NO_ZONE, NULL, NULL, 0);
        }
    }
}

void
supervisor_role_started(struct supervisor *supervisor, struct child *child)
{
    supervisor_send_settings(supervisor, child);
    if (child_role(child) == ROLE_SERVER) {
        started_server(supervisor, child);
    } else if (child_role(child) == ROLE_DESK) {
        started_desk(supervisor, child);
    } else if (child_role(child) == ROLE_SIGNER) {
        started_signer(supervisor);
    }
    send_role_facts(supervisor, child);
}

void
supervisor_stop(struct supervisor *supervisor)
{
    if (supervisor->stopping) { // asked again: patience is over
        children_kill(&supervisor->children);
        return;
    }
    supervisor->stopping = true;
    service_stopping("stopping");
    log_info("stopping");
    children_stop(&supervisor->children);
    if (!children_any_running(&supervisor->children)) {
        loop_stop(supervisor->loop);
    }
}

void
supervisor_role_died(struct supervisor *supervisor, struct child *child)
{
    char text[256], health[128];
    child_death_text(child, text, sizeof text);
    struct message_role_facts facts;
    child_facts(child, &facts);
    send_role_facts(supervisor, child);
    if (supervisor->stopping) {
        log_debug(text);
        return;
    }
    // A role that gives up by itself before it ever was ready will not do better in a second: say
    // so and end.
    bool gave_up = WIFEXITED(facts.last_exit) && !child_was_ready(child);
    if (gave_up && !supervisor->all_were_ready) {
        log_error("a role could not start, see its line above", "role",
                  message_role_word(child_role(child)), "exit_code",
                  LOG_NUMBER(WEXITSTATUS(facts.last_exit)));
        supervisor->exit_code = WEXITSTATUS(facts.last_exit) == 78 ? 78 : 1;
        supervisor_stop(supervisor);
        return;
    }
    log_error("a role died and is started again", "what", text, "restarts",
              LOG_NUMBER(facts.restarts + 1), "pause_ms", LOG_NUMBER(child_pause_ms(child)));
    if (child_role(child) == ROLE_SERVER) {
        last_batch_log(supervisor->counters[child_index(child)], child_index(child));
    }
    snprintf(health, sizeof health, "it is started again (restart %u); %s", facts.restarts + 1,
             child_role(child) == ROLE_SERVER ? "its sockets stay open, queries wait for it"
                                              : "the servers go on answering");
    tell_event(supervisor, EVENT_CRASH, text, health, "tandemctl status");
}

void
supervisor_role_ready(struct supervisor *supervisor, struct child *child,
                      const struct message *message)
{
    if (message->body.length > 0) {
        struct octets_reader reader;
        octets_reader_init(&reader, message->body.data, message->body.length);
        char *text = octets_read_text(&reader, MESSAGES_TEXT_MAX);
        log_error("a role did not take its settings", "role", message_role_word(child_role(child)),
                  "why", text != NULL ? text : "unreadable");
        free(text);
        return;
    }
    child_is_ready(child);
    if (!supervisor->all_were_ready && children_all_ready(&supervisor->children)) {
        supervisor->all_were_ready = true;
        spare_memory_give_back(&supervisor->spare);
        char status[64];
        snprintf(status, sizeof status, "%zu zones", supervisor->settings->zone_count);
        log_info("all roles are running", "zones", LOG_NUMBER(supervisor->settings->zone_count),
                 "servers", LOG_NUMBER(supervisor->extras.server_count), "version", TANDEM_VERSION);
        service_ready(status);
    }
}
