// Who lives and who dies, and what passes between. The parts that are kept (places, events,
// sockets) and the texts of messages (orders) are nouns of their own; here is what happens when.
//
// Why does the supervisor hold version descriptors? So that a server that was restarted serves at
// once, also while the signer is down: it gets the sockets, the versions and the states again from
// here.
#include "secondary/supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sodium.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/base/vector.h"
#include "common/daemon/clock.h"
#include "common/daemon/log.h"
#include "common/daemon/service.h"
#include "common/daemon/spare_memory.h"
#include "common/net/loop.h"
#include "secondary/child.h"
#include "secondary/children.h"
#include "secondary/cookie_file.h"
#include "secondary/counters.h"
#include "secondary/deliveries.h"
#include "secondary/kept_events.h"
#include "secondary/last_batch.h"
#include "secondary/listening.h"
#include "secondary/orders.h"
#include "secondary/places.h"
#include "secondary/rate_table.h"
#include "secondary/reload.h"
#include "secondary/review.h"
#include "secondary/route.h"
#include "secondary/settings_keep.h"

#define WORKERS_MAX       256 // more cores than that want several machines
#define WATCH_INTERVAL_MS 1000

struct supervisor {
    struct loop *loop;
    struct supervisor_options options;
    struct role_settings *kept;
    struct secondary_settings *settings; // of kept
    struct role_extras extras;
    char host[256];
    struct places places;
    struct kept_events events;
    struct listening listening;
    struct children children;
    struct deliveries deliveries;
    int *counters;  // a memfd for each server
    int rate_table; // one for all
    uint64_t rate_key;
    struct reviews *reviews;
    struct loop_timer *watch;
    struct spare_memory spare;
    bool all_were_ready, stopping;
    int exit_code;
};

static struct child *
desk_of(const struct supervisor *supervisor)
{
    return children_of_role(&supervisor->children, ROLE_DESK);
}

static void
send_settings(struct supervisor *supervisor, struct child *child)
{
    uint32_t *ids = places_ids(&supervisor->places, supervisor->settings);
    order_settings(child, supervisor->settings, ids, &supervisor->extras);
    free(ids);
}

static void
send_role_facts(struct supervisor *supervisor, const struct child *about)
{
    order_role_facts(desk_of(supervisor), about);
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
    return child_send(desk_of(supervisor), &message);
}

// Kept until the desk has it on disk.
static void
take_event(struct supervisor *supervisor, uint32_t zone, struct octets body)
{
    struct kept_event event = {kept_events_add(&supervisor->events, zone, body), zone, body};
    bool sent = send_event(supervisor, &event);
    if (event.number == 0 && !sent) {
        log_limited(LOG_LEVEL_ERROR, "events", 60,
                    "the desk is away and too many events wait: one is not mailed");
    }
}

static void
tell_event(struct supervisor *supervisor, enum message_event_kind kind, const char *why)
{
    struct message_event event = {
        .kind = kind, .at_seconds = clock_unix_seconds(), .why = memory_text(why)};
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_event_write(&event, &body);
    take_event(supervisor, MESSAGE_NO_ZONE, (struct octets){body.data, body.length});
    octets_buffer_close(&body);
    message_event_close(&event);
}

// --- Births and deaths ---

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

static void
child_started(void *context, struct child *child)
{
    struct supervisor *supervisor = context;
    send_settings(supervisor, child);
    if (child_role(child) == ROLE_SERVER) {
        started_server(supervisor, child);
    } else if (child_role(child) == ROLE_DESK) {
        started_desk(supervisor, child);
    } else if (child_role(child) == ROLE_SIGNER) {
        started_signer(supervisor);
    }
    send_role_facts(supervisor, child);
}

static void
child_died(void *context, struct child *child)
{
    struct supervisor *supervisor = context;
    char text[256];
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
    tell_event(supervisor, EVENT_CRASH, text);
}

static void
took_ready(struct supervisor *supervisor, struct child *child, const struct message *message)
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
                 "servers", LOG_NUMBER(supervisor->extras.server_count));
        service_ready(status);
    }
}

// --- Settings ---

// Files of the pool that the zones have left.
static void
drop_files(struct supervisor *supervisor)
{
    uint32_t number;
    while ((number = places_drop_file(&supervisor->places)) != 0) {
        deliveries_file_gone(&supervisor->deliveries, number);
    }
}

static void
take_settings(struct supervisor *supervisor, struct secondary_settings **settings)
{
    struct vector gone;
    settings_keep_free(&supervisor->kept);
    supervisor->kept = settings_keep(settings);
    supervisor->settings = &supervisor->kept->settings;
    if (supervisor->options.verbose) {
        supervisor->settings->log.level = LOG_LEVEL_DEBUG;
    }
    vector_init(&gone, sizeof(uint32_t));
    places_take_settings(&supervisor->places, supervisor->settings, &gone);
    for (size_t i = 0; i < gone.count; i++) {
        for (size_t k = 0; k < children_server_count(&supervisor->children); k++) {
            order_zone_gone(children_server(&supervisor->children, k),
                            *(uint32_t *)vector_at(&gone, i));
        }
    }
    vector_close(&gone);
    drop_files(supervisor);
    log_open("supervisor", supervisor->settings->log.level, supervisor->settings->log.format);
    for (size_t i = 0; i < children_count(&supervisor->children); i++) {
        send_settings(supervisor, children_at(&supervisor->children, i));
    }
}

static void
reload(struct supervisor *supervisor, bool dry_run, struct reload *ret_reload)
{
    struct secondary_settings *fresh = NULL;
    reload_read(supervisor->options.file, supervisor->settings, &fresh, ret_reload);
    if (!dry_run) {
        reload_log(ret_reload);
    }
    if (ret_reload->valid && !dry_run) {
        take_settings(supervisor, &fresh);
    }
    secondary_settings_free(&fresh);
}

void
supervisor_reload(struct supervisor *supervisor)
{
    struct reload outcome;
    service_reloading(clock_monotonic_ms() * 1000);
    reload(supervisor, false, &outcome);
    service_ready(outcome.valid ? "reloaded" : "reload refused, old settings stay");
    reload_close(&outcome);
}

// --- Verbs of tandemctl ---

static void
control_reload(struct supervisor *supervisor, uint64_t request, bool dry_run)
{
    struct reload outcome;
    struct octets_buffer json;
    octets_buffer_init(&json);
    reload(supervisor, dry_run, &outcome);
    reload_json(&outcome, dry_run, &json);
    order_reply(desk_of(supervisor), request, &json);
    octets_buffer_close(&json);
    reload_close(&outcome);
}

static void
stop_soon(void *context)
{
    supervisor_stop(context);
}

static void
control_stop(struct supervisor *supervisor, uint64_t request, bool dry_run)
{
    struct octets_buffer json;
    octets_buffer_init(&json);
    octets_buffer_printf(
        &json,
        "{\"ok\": true, \"exit_code\": 0, \"result\": {\"done\": %s, \"dry_run\": %s, "
        "\"text\": \"%s\"}}",
        dry_run ? "false" : "true", dry_run ? "true" : "false",
        dry_run ? "would stop" : "stopping");
    order_reply(desk_of(supervisor), request, &json);
    octets_buffer_close(&json);
    if (!dry_run) {
        loop_defer(supervisor->loop, stop_soon, supervisor);
    }
}

static void
took_control(struct supervisor *supervisor, const struct message *message)
{
    struct message_control control;
    if (!message_control_read(message->body, &control)) {
        return;
    }
    const char *option = message_control_option(&control, "dry_run");
    bool dry_run = option != NULL && strcmp(option, "false") != 0;
    if (strcmp(control.verb, "reload") == 0) {
        control_reload(supervisor, message->request, dry_run);
    } else if (strcmp(control.verb, "stop") == 0) {
        control_stop(supervisor, message->request, dry_run);
    }
    message_control_close(&control);
}

// --- Reviews ---

static const struct secondary_zone_settings *
zone_settings(const struct supervisor *supervisor, uint32_t id)
{
    const struct kept_place *zone = places_find(&supervisor->places, id);
    for (size_t i = 0; zone != NULL && i < supervisor->settings->zone_count; i++) {
        if (name_equal(supervisor->settings->zones[i].name, zone->name)) {
            return &supervisor->settings->zones[i];
        }
    }
    return NULL;
}

// The command is that of our own settings, whatever the signer says: a signer that was taken over
// must not choose a program that runs outside its system call filter.
static void
took_review(struct supervisor *supervisor, const struct message *message)
{
    struct message_review review;
    const struct secondary_zone_settings *zone = zone_settings(supervisor, message->zone);
    if (zone == NULL || !message_review_read(message->body, &review)) {
        return;
    }
    free(review.command);
    free(review.zone);
    review.command = memory_text(zone->rules->gate.review);
    review.zone = memory_text(zone->domain);
    review.timeout_seconds = zone->rules->gate.review_timeout_seconds;
    reviews_start(supervisor->reviews, supervisor->settings->user, message->zone, message->request,
                  &review);
    message_review_close(&review);
}

static void
review_ended(void *context, uint32_t zone, uint64_t request, const struct message_review_done *done)
{
    const struct supervisor *supervisor = context;
    struct child *signer = children_of_role(&supervisor->children, ROLE_SIGNER);
    order_review_done(signer, zone, request, done);
}

// --- The switchboard ---

// A request is answered also when its receiver is away.
static void
answer_for(struct supervisor *supervisor, const struct message *message)
{
    struct octets_buffer json;
    octets_buffer_init(&json);
    octets_buffer_printf(
        &json,
        "{\"ok\": false, \"exit_code\": 1, \"error\": {\"kind\": \"busy\", \"text\": \"the "
        "%s is not running; it is being restarted, try again\"}, \"result\": null}",
        message_role_word(message->to));
    order_reply(desk_of(supervisor), message->request, &json);
    octets_buffer_close(&json);
}

static void
pass_on(struct supervisor *supervisor, const struct message *message)
{
    if (message->type == MESSAGE_EVENT) {
        take_event(supervisor, message->zone, message->body);
        return;
    }
    struct child *to = children_of_role(&supervisor->children, message->to);
    if (to == NULL || !child_send(to, message)) {
        log_debug("a message found its receiver away", "type", message_type_word(message->type),
                  "to", message_role_word(message->to));
        if (message->type == MESSAGE_CONTROL_REQUEST) {
            answer_for(supervisor, message);
        }
    }
}

static void
took_published(struct supervisor *supervisor, struct message *message)
{
    const struct kept_place *zone = places_take_published(&supervisor->places, message);
    if (zone != NULL) {
        deliveries_version(&supervisor->deliveries, zone);
    }
    drop_files(supervisor);
}

static void
took_file(struct supervisor *supervisor, struct message *message)
{
    if (places_take_file(&supervisor->places, message)) {
        struct octets_reader reader;
        octets_reader_init(&reader, message->body.data, message->body.length);
        deliveries_file(&supervisor->deliveries, octets_read_u32(&reader));
    }
}

static void
took_pooled(struct supervisor *supervisor, const struct message *message)
{
    uint32_t least = places_take_pooled(&supervisor->places, message);
    if (least != MESSAGE_NO_ZONE) {
        deliveries_pooled(&supervisor->deliveries, message->body, least);
    }
    drop_files(supervisor);
}

static void
took_zone_state(struct supervisor *supervisor, const struct message *message)
{
    const struct kept_place *zone = places_take_state(&supervisor->places, message);
    if (zone != NULL) {
        deliveries_state(&supervisor->deliveries, zone);
    }
}

// For us, or for others by us.
static void
took_routed(struct supervisor *supervisor, struct message *message)
{
    if (message->type == MESSAGE_PUBLISHED) {
        took_published(supervisor, message);
    } else if (message->type == MESSAGE_POOL) {
        took_file(supervisor, message);
    } else if (message->type == MESSAGE_POOLED) {
        took_pooled(supervisor, message);
    } else if (message->type == MESSAGE_ZONE_STATE) {
        took_zone_state(supervisor, message);
    } else if (message->type == MESSAGE_REVIEW) {
        took_review(supervisor, message);
    } else if (message->type == MESSAGE_EVENT_TAKEN) {
        kept_events_taken(&supervisor->events, message->request);
    } else if (message->type == MESSAGE_CONTROL_REQUEST && message->to == ROLE_SUPERVISOR) {
        took_control(supervisor, message);
    } else {
        pass_on(supervisor, message);
    }
}

static void
child_received(void *context, struct child *child, struct message *message)
{
    struct supervisor *supervisor = context;
    if (message->type == MESSAGE_HEARTBEAT) {
        return;
    }
    if (message->type == MESSAGE_READY) {
        took_ready(supervisor, child, message);
    } else if (route_allows(child_role(child), message->type, message->to)) {
        took_routed(supervisor, message);
    } else {
        log_limited(LOG_LEVEL_ERROR, "route", 60, "a role sent what it may not send: dropped",
                    "from", message_role_word(child_role(child)), "type",
                    message_type_word(message->type));
    }
}

// --- Life ---

static void
watch_children(void *context)
{
    struct supervisor *supervisor = context;
    children_watch(&supervisor->children, loop_now_ms(supervisor->loop));
    spare_memory_beat(&supervisor->spare);
}

static uint32_t
count_workers(const struct secondary_settings *settings)
{
    long cores = settings->workers > 0 ? (long)settings->workers : sysconf(_SC_NPROCESSORS_ONLN);
    if (cores < 1) {
        cores = 1;
    }
    return (uint32_t)(cores < WORKERS_MAX ? cores : WORKERS_MAX);
}

static bool
open_memories(struct supervisor *supervisor, struct fault *fault)
{
    supervisor->counters = memory_zalloc(sizeof(int) * supervisor->extras.server_count);
    for (uint32_t i = 0; i < supervisor->extras.server_count; i++) {
        supervisor->counters[i] = -1;
    }
    for (uint32_t i = 0; i < supervisor->extras.server_count; i++) {
        if (!counters_create(&supervisor->counters[i], fault)) {
            return false;
        }
    }
    supervisor->rate_key = hash_key_draw();
    return rate_table_create(&supervisor->rate_table, fault);
}

static void
find_host(struct supervisor *supervisor)
{
    if (gethostname(supervisor->host, sizeof supervisor->host - 1) != 0 ||
        supervisor->host[0] == '\0') {
        memcpy(supervisor->host, "localhost", sizeof "localhost");
    }
    supervisor->extras.host = supervisor->host;
}

bool
supervisor_new(struct loop *loop, struct secondary_settings **settings,
               const struct supervisor_options *options, struct supervisor **ret_supervisor,
               struct fault *fault)
{
    struct supervisor *supervisor = memory_zalloc(sizeof *supervisor);
    struct vector gone;
    supervisor->loop = loop;
    supervisor->options = *options;
    supervisor->kept = settings_keep(settings);
    supervisor->settings = &supervisor->kept->settings;
    supervisor->rate_table = -1;
    kept_events_init(&supervisor->events);
    listening_init(&supervisor->listening);
    children_init(&supervisor->children);
    find_host(supervisor);
    supervisor->extras.server_count = count_workers(supervisor->settings);
    deliveries_init(&supervisor->deliveries, loop, &supervisor->places, &supervisor->children,
                    supervisor->extras.server_count);
    places_init(&supervisor->places);
    vector_init(&gone, sizeof(uint32_t));
    places_take_settings(&supervisor->places, supervisor->settings, &gone);
    vector_close(&gone);
    bool good = cookie_file_secrets(supervisor->settings->cookie_secret_file,
                                    &supervisor->extras.cookie_secrets, fault) &&
                listening_open(&supervisor->listening, &supervisor->settings->listen,
                               supervisor->extras.server_count, fault) &&
                open_memories(supervisor, fault);
    if (!good) {
        supervisor_free(&supervisor);
        return false;
    }
    *ret_supervisor = supervisor;
    return true;
}

bool
supervisor_start(struct supervisor *supervisor, struct fault *fault)
{
    static const struct child_calls calls = {child_started, child_received, child_died};
    children_add_all(&supervisor->children, supervisor->loop, supervisor->extras.server_count,
                     supervisor->options.directory, &calls, supervisor);
    if (!children_start(&supervisor->children, fault)) {
        return false;
    }
    supervisor->reviews = reviews_new(supervisor->loop, review_ended, supervisor);
    supervisor->watch = loop_timer_new(supervisor->loop, watch_children, supervisor);
    loop_timer_start(supervisor->watch, WATCH_INTERVAL_MS, WATCH_INTERVAL_MS);
    return true;
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
supervisor_children_died(struct supervisor *supervisor)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        bool reaped = supervisor->reviews != NULL && reviews_reap(supervisor->reviews, pid, status);
        if (!reaped) {
            children_reap(&supervisor->children, pid, status, clock_unix_seconds());
        }
    }
    if (supervisor->stopping && !children_any_running(&supervisor->children)) {
        loop_stop(supervisor->loop);
    }
}

int
supervisor_exit_code(const struct supervisor *supervisor)
{
    return supervisor->exit_code;
}

void
supervisor_free(struct supervisor **supervisor)
{
    struct supervisor *old = *supervisor;
    if (old == NULL) {
        return;
    }
    loop_defer_cancel(old->loop, old);
    loop_timer_free(&old->watch);
    reviews_free(&old->reviews);
    deliveries_close(&old->deliveries);
    children_close(&old->children);
    for (uint32_t i = 0; old->counters != NULL && i < old->extras.server_count; i++) {
        if (old->counters[i] >= 0) {
            close(old->counters[i]);
        }
    }
    free(old->counters);
    if (old->rate_table >= 0) {
        close(old->rate_table);
    }
    places_close(&old->places);
    kept_events_close(&old->events);
    listening_close(&old->listening);
    settings_keep_free(&old->kept);
    sodium_memzero(old, sizeof *old);
    free(old);
    *supervisor = NULL;
}
