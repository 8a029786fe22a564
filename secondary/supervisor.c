// Who lives and who dies, and what passes between. The parts that are kept (places, events,
// sockets) and the texts of messages (orders) are nouns of their own; here is what happens when.
//
// Why does the supervisor hold version descriptors? So that a server that was restarted serves at
// once, also while the signer is down: it gets the sockets, the versions and the states again from
// here.
#include "secondary/supervisor_inside.h"

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
#include "common/net/loop.h"
#include "secondary/cookie_file.h"
#include "secondary/counters.h"
#include "secondary/orders.h"
#include "secondary/rate_table.h"
#include "secondary/review.h"
#include "secondary/route.h"
#include "secondary/settings_keep.h"

#define WORKERS_MAX       256 // more cores than that want several machines
#define WATCH_INTERVAL_MS 1000

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
    order_reply(supervisor_desk(supervisor), message->request, &json);
    octets_buffer_close(&json);
}

static void
pass_on(struct supervisor *supervisor, const struct message *message)
{
    if (message->type == MESSAGE_EVENT) {
        supervisor_take_event(supervisor, message->zone, message->body);
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
    supervisor_drop_files(supervisor);
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
    supervisor_drop_files(supervisor);
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
        supervisor_take_control(supervisor, message);
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
        supervisor_role_ready(supervisor, child, message);
    } else if (route_allows(child_role(child), message->type, message->to)) {
        took_routed(supervisor, message);
    } else {
        log_limited(LOG_LEVEL_ERROR, "route", 60, "a role sent what it may not send: dropped",
                    "from", message_role_word(child_role(child)), "type",
                    message_type_word(message->type));
    }
}

static void
child_started(void *context, struct child *child)
{
    supervisor_role_started(context, child);
}

static void
child_died(void *context, struct child *child)
{
    supervisor_role_died(context, child);
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
