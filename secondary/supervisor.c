// Why does the supervisor hold version descriptors? So that a server that was restarted serves at
// once, also while the signer is down: it gets the sockets, the versions and the states again from
// here.
//
// Why one socket for each worker and address, and not one shared one? SO_REUSEPORT lets the kernel
// spread packets without a thundering herd; the sockets stay open here, so a packet that comes
// while a server restarts waits in its buffer.
#include "secondary/supervisor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sodium.h>

#include "common/base/arena.h"
#include "common/base/quantity.h"
#include "common/base/vector.h"
#include "common/daemon/clock.h"
#include "common/daemon/config_table.h"
#include "common/daemon/log.h"
#include "common/daemon/service.h"
#include "common/net/listen.h"
#include "common/net/loop.h"
#include "secondary/child.h"
#include "secondary/cookie_file.h"
#include "secondary/counters.h"
#include "secondary/review.h"
#include "secondary/route.h"
#include "secondary/settings.h"

#define WORKERS_MAX       256 // more cores than that want several machines
#define WATCH_INTERVAL_MS 1000
#define EVENTS_KEPT_MAX   10000 // while the desk is away; more are counted in the log
#define FIRST_CHILDREN    3     // fetcher, signer, desk; servers follow

struct zone_entry {
    uint32_t id;
    uint8_t name[NAME_SIZE_MAX];
    bool published;
    struct version_place place;
    bool has_state;
    struct message_zone_state state;
};

struct listen_entry {
    uint32_t worker;
    bool tcp;
    char address[64];
    int fd;
};

// An event that found the desk away: mailed when it is back.
struct kept_event {
    uint32_t zone;
    uint8_t *octets;
    size_t length;
};

struct supervisor {
    struct loop *loop;
    struct vector events; // of struct kept_event
    struct supervisor_options options;
    struct secondary_settings *settings;
    struct role_extras extras;
    char host[256];
    struct vector zones;    // of struct zone_entry, ids ascending
    struct vector sockets;  // of struct listen_entry
    struct vector children; // of struct child *: fetcher, signer, desk, servers by index
    int *counters;          // a memfd for each server
    uint32_t next_zone_id;
    struct reviews *reviews;
    struct loop_timer *watch;
    bool all_were_ready, stopping;
    int exit_code;
};

static struct child *
child_at(const struct supervisor *supervisor, size_t index)
{
    return *(struct child **)vector_at(&supervisor->children, index);
}

static struct child *
child_of_role(const struct supervisor *supervisor, enum message_role role)
{
    for (size_t i = 0; i < supervisor->children.count; i++) {
        if (child_role(child_at(supervisor, i)) == role) {
            return child_at(supervisor, i);
        }
    }
    return NULL;
}

static struct zone_entry *
zone_by_id(const struct supervisor *supervisor, uint32_t id)
{
    size_t low = 0, high = supervisor->zones.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        struct zone_entry *entry = vector_at(&supervisor->zones, middle);
        if (entry->id == id) {
            return entry;
        }
        if (entry->id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

static struct zone_entry *
zone_by_name(const struct supervisor *supervisor, const uint8_t *name)
{
    for (size_t i = 0; i < supervisor->zones.count; i++) {
        struct zone_entry *entry = vector_at(&supervisor->zones, i);
        if (name_equal(entry->name, name)) {
            return entry;
        }
    }
    return NULL;
}

static void
zone_add(struct supervisor *supervisor, const uint8_t *name)
{
    struct zone_entry *entry = vector_add(&supervisor->zones, NULL);
    entry->id = supervisor->next_zone_id++;
    name_copy(entry->name, name);
    entry->place = (struct version_place){.heap = -1, .old_heap = -1, .base = -1, .index = -1};
}

// One number for each zone of the settings (freed by the caller).
static uint32_t *
zone_ids(const struct supervisor *supervisor)
{
    const struct secondary_settings *settings = supervisor->settings;
    uint32_t *ids = memory_zalloc(sizeof *ids * (settings->zone_count + 1));
    for (size_t i = 0; i < settings->zone_count; i++) {
        const struct zone_entry *entry = zone_by_name(supervisor, settings->zones[i].name);
        ENSURE(entry != NULL);
        ids[i] = entry->id;
    }
    return ids;
}

static bool
send_to(struct child *child, enum message_type type, uint32_t zone,
        const struct octets_buffer *body, const int *descriptors, unsigned descriptor_count)
{
    struct message message = {.type = type,
                              .to = child_role(child),
                              .from = ROLE_SUPERVISOR,
                              .zone = zone,
                              .descriptor_count = descriptor_count};
    if (body != NULL) {
        message.body = (struct octets){body->data, body->length};
    }
    for (unsigned i = 0; i < descriptor_count; i++) {
        message.descriptors[i] = descriptors[i];
    }
    return child_send(child, &message);
}

static void
send_settings(struct supervisor *supervisor, struct child *child)
{
    uint32_t *ids = zone_ids(supervisor);
    struct octets_buffer body;
    octets_buffer_init(&body);
    role_settings_write(supervisor->settings, ids, &supervisor->extras, child_role(child), &body);
    send_to(child, MESSAGE_SETTINGS, MESSAGE_NO_ZONE, &body, NULL, 0);
    sodium_memzero(body.data, body.length);
    octets_buffer_close(&body);
    free(ids);
}

static void
send_listen(struct supervisor *supervisor, struct child *child)
{
    struct message_listen listen = {.server_index = child_index(child),
                                    .server_count = supervisor->extras.server_count};
    int descriptors[MESSAGES_DESCRIPTORS_MAX];
    size_t left = 0;
    for (size_t i = 0; i < supervisor->sockets.count; i++) {
        left += ((struct listen_entry *)vector_at(&supervisor->sockets, i))->worker ==
                listen.server_index;
    }
    for (size_t i = 0; i < supervisor->sockets.count; i++) {
        const struct listen_entry *entry = vector_at(&supervisor->sockets, i);
        if (entry->worker != listen.server_index) {
            continue;
        }
        struct message_listen_socket *socket = &listen.sockets[listen.socket_count];
        memcpy(socket->address, entry->address, sizeof socket->address);
        socket->tcp = entry->tcp;
        descriptors[listen.socket_count++] = entry->fd;
        left--;
        if (listen.socket_count == MESSAGES_DESCRIPTORS_MAX || left == 0) {
            listen.last = left == 0;
            struct octets_buffer body;
            octets_buffer_init(&body);
            message_listen_write(&listen, &body);
            send_to(child, MESSAGE_LISTEN, MESSAGE_NO_ZONE, &body, descriptors,
                    listen.socket_count);
            octets_buffer_close(&body);
            listen.socket_count = 0;
        }
    }
}

static void
send_counters(struct supervisor *supervisor, struct child *child, uint32_t server)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    octets_buffer_add_u32(&body, server);
    send_to(child, MESSAGE_COUNTERS, MESSAGE_NO_ZONE, &body, &supervisor->counters[server], 1);
    octets_buffer_close(&body);
}

static void
send_place(struct child *child, const struct zone_entry *entry)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    int descriptors[VERSION_DESCRIPTORS_MAX];
    unsigned count = message_place_descriptors(&entry->place, descriptors);
    message_place_write(&entry->place, &body);
    send_to(child, MESSAGE_VERSION, entry->id, &body, descriptors, count);
    octets_buffer_close(&body);
}

static void
send_zone_state(struct child *child, const struct zone_entry *entry)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_zone_state_write(&entry->state, &body);
    send_to(child, MESSAGE_ZONE_STATE, entry->id, &body, NULL, 0);
    octets_buffer_close(&body);
}

static void
send_role_facts(struct supervisor *supervisor, const struct child *about)
{
    struct child *desk = child_of_role(supervisor, ROLE_DESK);
    if (desk == NULL || !child_is_running(desk)) {
        return;
    }
    struct message_role_facts facts;
    child_facts(about, &facts);
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_role_facts_write(&facts, &body);
    send_to(desk, MESSAGE_ROLE_FACTS, MESSAGE_NO_ZONE, &body, NULL, 0);
    octets_buffer_close(&body);
}

static void
started_server(struct supervisor *supervisor, struct child *child)
{
    send_counters(supervisor, child, child_index(child));
    send_listen(supervisor, child);
    for (size_t i = 0; i < supervisor->zones.count; i++) {
        const struct zone_entry *entry = vector_at(&supervisor->zones, i);
        if (entry->published) {
            send_place(child, entry);
        }
        if (entry->has_state) {
            send_zone_state(child, entry);
        }
    }
}

// A desk that was restarted knows nothing: signer and fetcher tell everything again.
static void
started_desk(struct supervisor *supervisor, struct child *desk)
{
    for (size_t i = 0; i < supervisor->children.count; i++) {
        struct child *child = child_at(supervisor, i);
        bool tells = child_role(child) == ROLE_SIGNER || child_role(child) == ROLE_FETCHER;
        if (tells && child_was_ready(child)) {
            send_to(child, MESSAGE_PLACES_WANTED, MESSAGE_NO_ZONE, NULL, NULL, 0);
        }
    }
    for (size_t i = 0; i < supervisor->events.count; i++) {
        struct kept_event *event = vector_at(&supervisor->events, i);
        struct octets_buffer body = {.data = event->octets, .length = event->length};
        send_to(desk, MESSAGE_EVENT, event->zone, &body, NULL, 0);
        free(event->octets);
    }
    vector_clear(&supervisor->events);
}

static void
keep_event(struct supervisor *supervisor, uint32_t zone, struct octets body)
{
    if (supervisor->events.count >= EVENTS_KEPT_MAX) {
        log_limited(LOG_LEVEL_ERROR, "events", 60,
                    "the desk is away and too many events wait: dropped");
        return;
    }
    struct kept_event event = {zone, memory_alloc(body.length + 1), body.length};
    memcpy(event.octets, body.data, body.length);
    vector_add(&supervisor->events, &event);
}

static void
child_started(void *context, struct child *child)
{
    struct supervisor *supervisor = context;
    send_settings(supervisor, child);
    if (child_role(child) == ROLE_SERVER) {
        started_server(supervisor, child);
    } else if (child_role(child) == ROLE_DESK) {
        for (uint32_t i = 0; i < supervisor->extras.server_count; i++) {
            send_counters(supervisor, child, i);
        }
        for (size_t i = 0; i < supervisor->children.count; i++) {
            send_role_facts(supervisor, child_at(supervisor, i));
        }
        started_desk(supervisor, child);
    }
    send_role_facts(supervisor, child);
}

static void
send_event(struct supervisor *supervisor, enum message_event_kind kind, const char *why)
{
    struct child *desk = child_of_role(supervisor, ROLE_DESK);
    struct message_event event = {
        .kind = kind, .at_seconds = clock_unix_seconds(), .why = memory_text(why)};
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_event_write(&event, &body);
    if (!send_to(desk, MESSAGE_EVENT, MESSAGE_NO_ZONE, &body, NULL, 0)) {
        keep_event(supervisor, MESSAGE_NO_ZONE, (struct octets){body.data, body.length});
    }
    octets_buffer_close(&body);
    message_event_close(&event);
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
              LOG_NUMBER(facts.restarts + 1));
    send_event(supervisor, EVENT_CRASH, text);
}

static bool
children_all_ready(const struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->children.count; i++) {
        if (!child_was_ready(child_at(supervisor, i))) {
            return false;
        }
    }
    return true;
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
    if (!supervisor->all_were_ready && children_all_ready(supervisor)) {
        supervisor->all_were_ready = true;
        char status[64];
        snprintf(status, sizeof status, "%zu zones", supervisor->settings->zone_count);
        log_info("all roles are running", "zones", LOG_NUMBER(supervisor->settings->zone_count),
                 "servers", LOG_NUMBER(supervisor->extras.server_count));
        service_ready(status);
    }
}

static void
took_published(struct supervisor *supervisor, struct message *message)
{
    struct zone_entry *entry = zone_by_id(supervisor, message->zone);
    struct version_place place;
    if (entry == NULL || !message_place_read(message, &place)) {
        return;
    }
    version_place_close(&entry->place);
    entry->place = place;
    entry->published = true;
    for (size_t i = FIRST_CHILDREN; i < supervisor->children.count; i++) {
        send_place(child_at(supervisor, i), entry);
    }
}

static void
took_zone_state(struct supervisor *supervisor, const struct message *message)
{
    struct zone_entry *entry = zone_by_id(supervisor, message->zone);
    if (entry == NULL || !message_zone_state_read(message->body, &entry->state)) {
        return;
    }
    entry->has_state = true;
    for (size_t i = FIRST_CHILDREN; i < supervisor->children.count; i++) {
        send_zone_state(child_at(supervisor, i), entry);
    }
}

// The supervisor's own verbs; their replies are small enough to be written by hand (no JSON library
// here).
static void
add_json_text(struct octets_buffer *json, const char *text)
{
    octets_buffer_add_u8(json, '"');
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\') {
            octets_buffer_printf(json, "\\%c", *at);
        } else if (*at < 0x20 || *at >= 0x7f) {
            octets_buffer_printf(json, "\\u%04x", *at);
        } else {
            octets_buffer_add_u8(json, *at);
        }
    }
    octets_buffer_add_u8(json, '"');
}

static void
reply(struct supervisor *supervisor, uint64_t request, const struct octets_buffer *json)
{
    struct child *desk = child_of_role(supervisor, ROLE_DESK);
    struct message message = {.type = MESSAGE_CONTROL_REPLY,
                              .to = ROLE_DESK,
                              .from = ROLE_SUPERVISOR,
                              .zone = MESSAGE_NO_ZONE,
                              .request = request,
                              .body = {json->data, json->length}};
    child_send(desk, &message);
}

struct reload_outcome {
    bool done;
    struct config_errors errors;
    struct vector restart_keys;            // of const char *
    struct vector added, removed, changed; // of char * (domains)
};

static void
outcome_init(struct reload_outcome *outcome)
{
    outcome->done = false;
    config_errors_init(&outcome->errors);
    vector_init(&outcome->restart_keys, sizeof(char *));
    vector_init(&outcome->added, sizeof(char *));
    vector_init(&outcome->removed, sizeof(char *));
    vector_init(&outcome->changed, sizeof(char *));
}

static void
close_texts(struct vector *texts)
{
    for (size_t i = 0; i < texts->count; i++) {
        free(*(char **)vector_at(texts, i));
    }
    vector_close(texts);
}

static void
outcome_close(struct reload_outcome *outcome)
{
    config_errors_close(&outcome->errors);
    close_texts(&outcome->restart_keys);
    close_texts(&outcome->added);
    close_texts(&outcome->removed);
    close_texts(&outcome->changed);
}

static void
add_text(struct vector *texts, const char *text)
{
    char *copy = memory_text(text);
    vector_add(texts, &copy);
}

static void
json_list(struct octets_buffer *json, const char *key, const struct vector *texts)
{
    octets_buffer_printf(json, "\"%s\": [", key);
    for (size_t i = 0; i < texts->count; i++) {
        if (i > 0) {
            octets_buffer_printf(json, ", ");
        }
        add_json_text(json, *(char **)vector_at(texts, i));
    }
    octets_buffer_printf(json, "]");
}

static void
json_errors(struct octets_buffer *json, const char *key, const struct config_errors *errors,
            bool warnings)
{
    octets_buffer_printf(json, "\"%s\": [", key);
    bool first = true;
    for (size_t i = 0; i < errors->entries.count; i++) {
        const struct config_error *error = vector_at(&errors->entries, i);
        if (error->warning == warnings) {
            octets_buffer_printf(json, first ? "" : ", ");
            add_json_text(json, error->text);
            first = false;
        }
    }
    octets_buffer_printf(json, "]");
}

static void
reload_json(const struct reload_outcome *outcome, bool dry_run, struct octets_buffer *json)
{
    if (!outcome->done) {
        octets_buffer_printf(
            json,
            "{\"ok\": false, \"exit_code\": 3, \"error\": {\"kind\": \"config\", \"text\": "
            "\"the configuration has %zu errors; the old settings stay\"}, \"result\": {",
            outcome->errors.error_count);
        json_errors(json, "errors", &outcome->errors, false);
        octets_buffer_printf(json, "}}");
        return;
    }
    octets_buffer_printf(
        json,
        "{\"ok\": true, \"exit_code\": 0, \"result\": {\"done\": %s, \"dry_run\": %s, "
        "\"text\": \"%s\", ",
        dry_run ? "false" : "true", dry_run ? "true" : "false",
        dry_run ? "the configuration is valid; nothing was changed" : "configuration reloaded");
    json_list(json, "restart_keys", &outcome->restart_keys);
    octets_buffer_printf(json, ", ");
    json_list(json, "zones_added", &outcome->added);
    octets_buffer_printf(json, ", ");
    json_list(json, "zones_removed", &outcome->removed);
    octets_buffer_printf(json, ", ");
    json_list(json, "zones_changed", &outcome->changed);
    octets_buffer_printf(json, ", ");
    json_errors(json, "warnings", &outcome->errors, true);
    octets_buffer_printf(json, "}}");
}

static const struct secondary_zone_settings *
settings_zone(const struct secondary_settings *settings, const uint8_t *name)
{
    for (size_t i = 0; i < settings->zone_count; i++) {
        if (name_equal(settings->zones[i].name, name)) {
            return &settings->zones[i];
        }
    }
    return NULL;
}

static void
compare_zones(const struct secondary_settings *old, const struct secondary_settings *fresh,
              struct reload_outcome *outcome)
{
    for (size_t i = 0; i < fresh->zone_count; i++) {
        const struct secondary_zone_settings *zone = &fresh->zones[i];
        const struct secondary_zone_settings *was = settings_zone(old, zone->name);
        if (was == NULL) {
            add_text(&outcome->added, zone->domain);
        } else if (!secondary_zone_settings_equal(old, was, fresh, zone)) {
            add_text(&outcome->changed, zone->domain);
        }
    }
    for (size_t i = 0; i < old->zone_count; i++) {
        if (settings_zone(fresh, old->zones[i].name) == NULL) {
            add_text(&outcome->removed, old->zones[i].domain);
        }
    }
}

static void
remove_zones(struct supervisor *supervisor)
{
    size_t kept = 0;
    for (size_t i = 0; i < supervisor->zones.count; i++) {
        struct zone_entry *entry = vector_at(&supervisor->zones, i);
        if (settings_zone(supervisor->settings, entry->name) != NULL) {
            memmove(vector_at(&supervisor->zones, kept++), entry, sizeof *entry);
            continue;
        }
        entry->state = (struct message_zone_state){.serving = ZONE_GONE};
        for (size_t k = FIRST_CHILDREN; k < supervisor->children.count; k++) {
            send_zone_state(child_at(supervisor, k), entry);
        }
        version_place_close(&entry->place);
    }
    supervisor->zones.count = kept;
}

static void
take_settings(struct supervisor *supervisor, struct secondary_settings **settings)
{
    secondary_settings_free(&supervisor->settings);
    supervisor->settings = *settings;
    *settings = NULL;
    remove_zones(supervisor);
    for (size_t i = 0; i < supervisor->settings->zone_count; i++) {
        if (zone_by_name(supervisor, supervisor->settings->zones[i].name) == NULL) {
            zone_add(supervisor, supervisor->settings->zones[i].name);
        }
    }
    log_open("supervisor", supervisor->settings->log.level, supervisor->settings->log.format);
    for (size_t i = 0; i < supervisor->children.count; i++) {
        send_settings(supervisor, child_at(supervisor, i));
    }
}

static void
log_config_errors(const struct config_errors *errors)
{
    for (size_t i = 0; i < errors->entries.count; i++) {
        const struct config_error *error = vector_at(&errors->entries, i);
        log_at(error->warning ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, error->text);
    }
}

static void
reload(struct supervisor *supervisor, bool dry_run, struct reload_outcome *outcome)
{
    struct secondary_settings *fresh = NULL;
    outcome->done = secondary_settings_load(supervisor->options.file, &fresh, &outcome->errors);
    if (!outcome->done) {
        return;
    }
    struct vector paths;
    vector_init(&paths, sizeof(const char *));
    config_restart_changes(supervisor->settings->config, fresh->config, &paths);
    for (size_t i = 0; i < paths.count; i++) {
        add_text(&outcome->restart_keys, *(const char **)vector_at(&paths, i));
    }
    vector_close(&paths);
    compare_zones(supervisor->settings, fresh, outcome);
    if (dry_run) {
        secondary_settings_free(&fresh);
        return;
    }
    take_settings(supervisor, &fresh);
}

static void
log_reload(const struct reload_outcome *outcome)
{
    log_config_errors(&outcome->errors);
    if (!outcome->done) {
        log_error("reload refused: the old settings stay", "errors",
                  LOG_NUMBER(outcome->errors.error_count));
        return;
    }
    for (size_t i = 0; i < outcome->restart_keys.count; i++) {
        log_warning("a changed setting needs a restart", "key",
                    *(char **)vector_at(&outcome->restart_keys, i));
    }
    log_info("configuration reloaded", "added", LOG_NUMBER(outcome->added.count), "removed",
             LOG_NUMBER(outcome->removed.count), "changed", LOG_NUMBER(outcome->changed.count));
}

void
supervisor_reload(struct supervisor *supervisor)
{
    struct reload_outcome outcome;
    outcome_init(&outcome);
    service_reloading(clock_monotonic_ms() * 1000);
    reload(supervisor, false, &outcome);
    log_reload(&outcome);
    service_ready(outcome.done ? "reloaded" : "reload refused, old settings stay");
    outcome_close(&outcome);
}

static void
control_reload(struct supervisor *supervisor, uint64_t request, bool dry_run)
{
    struct reload_outcome outcome;
    struct octets_buffer json;
    outcome_init(&outcome);
    octets_buffer_init(&json);
    reload(supervisor, dry_run, &outcome);
    if (!dry_run) {
        log_reload(&outcome);
    }
    reload_json(&outcome, dry_run, &json);
    reply(supervisor, request, &json);
    octets_buffer_close(&json);
    outcome_close(&outcome);
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
    reply(supervisor, request, &json);
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

// The command is that of our own settings, whatever the signer says: a signer that was taken over
// must not choose a program that runs outside its system call filter.
static void
took_review(struct supervisor *supervisor, const struct message *message)
{
    struct message_review review;
    const struct zone_entry *entry = zone_by_id(supervisor, message->zone);
    const struct secondary_zone_settings *zone =
        entry != NULL ? settings_zone(supervisor->settings, entry->name) : NULL;
    if (zone == NULL || !message_review_read(message->body, &review)) {
        return;
    }
    free(review.command);
    free(review.zone);
    review.command = memory_text(zone->gate.review);
    review.zone = memory_text(zone->domain);
    review.timeout_seconds = zone->gate.review_timeout_seconds;
    reviews_start(supervisor->reviews, supervisor->settings->user, message->zone, message->request,
                  &review);
    message_review_close(&review);
}

static void
review_ended(void *context, uint32_t zone, uint64_t request, const struct message_review_done *done)
{
    struct supervisor *supervisor = context;
    struct octets_buffer body;
    octets_buffer_init(&body);
    message_review_done_write(done, &body);
    struct message message = {.type = MESSAGE_REVIEW_DONE,
                              .to = ROLE_SIGNER,
                              .from = ROLE_SUPERVISOR,
                              .zone = zone,
                              .request = request,
                              .body = {body.data, body.length}};
    child_send(child_of_role(supervisor, ROLE_SIGNER), &message);
    octets_buffer_close(&body);
}

static void
pass_on(struct supervisor *supervisor, struct message *message)
{
    struct child *to = child_of_role(supervisor, message->to);
    if (to == NULL || !child_send(to, message)) {
        if (message->type == MESSAGE_EVENT) {
            keep_event(supervisor, message->zone, message->body);
        }
        log_debug("a message found its receiver away", "type", message_type_word(message->type),
                  "to", message_role_word(message->to));
        if (message->type == MESSAGE_CONTROL_REQUEST) {
            struct octets_buffer json;
            octets_buffer_init(&json);
            octets_buffer_printf(
                &json,
                "{\"ok\": false, \"exit_code\": 1, \"error\": {\"kind\": \"busy\", \"text\": \"the "
                "%s is not running; it is being restarted, try again\"}, \"result\": null}",
                message_role_word(message->to));
            reply(supervisor, message->request, &json);
            octets_buffer_close(&json);
        }
    }
}

static void
child_received(void *context, struct child *child, struct message *message)
{
    struct supervisor *supervisor = context;
    if (message->type == MESSAGE_READY) {
        took_ready(supervisor, child, message);
        return;
    }
    if (message->type == MESSAGE_HEARTBEAT) {
        return;
    }
    if (!route_allows(child_role(child), message->type, message->to)) {
        log_limited(LOG_LEVEL_ERROR, "route", 60, "a role sent what it may not send: dropped",
                    "from", message_role_word(child_role(child)), "type",
                    message_type_word(message->type));
        return;
    }
    if (message->type == MESSAGE_PUBLISHED) {
        took_published(supervisor, message);
    } else if (message->type == MESSAGE_ZONE_STATE) {
        took_zone_state(supervisor, message);
    } else if (message->type == MESSAGE_REVIEW) {
        took_review(supervisor, message);
    } else if (message->type == MESSAGE_CONTROL_REQUEST && message->to == ROLE_SUPERVISOR) {
        took_control(supervisor, message);
    } else {
        pass_on(supervisor, message);
    }
}

static void
watch_children(void *context)
{
    struct supervisor *supervisor = context;
    for (size_t i = 0; i < supervisor->children.count; i++) {
        child_watch(child_at(supervisor, i), loop_now_ms(supervisor->loop));
    }
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
open_socket(struct supervisor *supervisor, const struct address *address, uint32_t worker, bool tcp,
            struct fault *fault)
{
    struct listen_options options = {.share_port = true};
    struct listen_entry entry = {.worker = worker, .tcp = tcp};
    char text[ADDRESS_TEXT_MAX];
    snprintf(entry.address, sizeof entry.address, "%.*s", (int)sizeof entry.address - 1,
             address_to_text(address, text));
    bool opened = tcp ? listen_tcp(address, &options, &entry.fd, fault)
                      : listen_udp(address, &options, &entry.fd, fault);
    if (opened) {
        vector_add(&supervisor->sockets, &entry);
    }
    return opened;
}

static bool
open_sockets(struct supervisor *supervisor, struct fault *fault)
{
    const struct settings_addresses *addresses = &supervisor->settings->listen;
    for (size_t i = 0; i < addresses->count; i++) {
        if (!listen_check_free(&addresses->items[i], fault)) {
            return fault_wrap(fault, "server.listen");
        }
        for (uint32_t worker = 0; worker < supervisor->extras.server_count; worker++) {
            if (!open_socket(supervisor, &addresses->items[i], worker, false, fault) ||
                !open_socket(supervisor, &addresses->items[i], worker, true, fault)) {
                return fault_wrap(fault, "server.listen");
            }
        }
    }
    return true;
}

static bool
open_counters(struct supervisor *supervisor, struct fault *fault)
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
    return true;
}

bool
supervisor_new(struct loop *loop, struct secondary_settings **settings,
               const struct supervisor_options *options, struct supervisor **ret_supervisor,
               struct fault *fault)
{
    struct supervisor *supervisor = memory_zalloc(sizeof *supervisor);
    supervisor->loop = loop;
    supervisor->options = *options;
    supervisor->settings = *settings;
    *settings = NULL;
    vector_init(&supervisor->zones, sizeof(struct zone_entry));
    vector_init(&supervisor->events, sizeof(struct kept_event));
    vector_init(&supervisor->sockets, sizeof(struct listen_entry));
    vector_init(&supervisor->children, sizeof(struct child *));
    if (gethostname(supervisor->host, sizeof supervisor->host - 1) != 0 ||
        supervisor->host[0] == '\0') {
        memcpy(supervisor->host, "localhost", sizeof "localhost");
    }
    supervisor->extras.host = supervisor->host;
    supervisor->extras.server_count = count_workers(supervisor->settings);
    for (size_t i = 0; i < supervisor->settings->zone_count; i++) {
        zone_add(supervisor, supervisor->settings->zones[i].name);
    }
    bool good = cookie_file_secrets(supervisor->settings->cookie_secret_file,
                                    &supervisor->extras.cookie_secrets, fault) &&
                open_sockets(supervisor, fault) && open_counters(supervisor, fault);
    if (!good) {
        supervisor_free(&supervisor);
        return false;
    }
    *ret_supervisor = supervisor;
    return true;
}

static void
add_child(struct supervisor *supervisor, enum message_role role, uint32_t index)
{
    static const struct child_calls calls = {child_started, child_received, child_died};
    struct child *child =
        child_new(supervisor->loop, role, index, supervisor->options.directory, &calls, supervisor);
    vector_add(&supervisor->children, &child);
}

bool
supervisor_start(struct supervisor *supervisor, struct fault *fault)
{
    add_child(supervisor, ROLE_DESK, 0);
    add_child(supervisor, ROLE_SIGNER, 0);
    add_child(supervisor, ROLE_FETCHER, 0);
    ENSURE(supervisor->children.count == FIRST_CHILDREN);
    for (uint32_t i = 0; i < supervisor->extras.server_count; i++) {
        add_child(supervisor, ROLE_SERVER, i);
    }
    for (size_t i = 0; i < supervisor->children.count; i++) {
        if (!child_start(child_at(supervisor, i), fault)) {
            return false;
        }
    }
    supervisor->reviews = reviews_new(supervisor->loop, review_ended, supervisor);
    supervisor->watch = loop_timer_new(supervisor->loop, watch_children, supervisor);
    loop_timer_start(supervisor->watch, WATCH_INTERVAL_MS, WATCH_INTERVAL_MS);
    return true;
}

static bool
any_running(const struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->children.count; i++) {
        if (child_is_running(child_at(supervisor, i))) {
            return true;
        }
    }
    return false;
}

void
supervisor_stop(struct supervisor *supervisor)
{
    if (supervisor->stopping) { // asked again: patience is over
        for (size_t i = 0; i < supervisor->children.count; i++) {
            child_kill(child_at(supervisor, i));
        }
        return;
    }
    supervisor->stopping = true;
    service_stopping("stopping");
    log_info("stopping");
    for (size_t i = 0; i < supervisor->children.count; i++) {
        child_stop(child_at(supervisor, i));
    }
    if (!any_running(supervisor)) {
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
        for (size_t i = 0; !reaped && i < supervisor->children.count; i++) {
            if (child_reap(child_at(supervisor, i), pid, status, clock_unix_seconds())) {
                break;
            }
        }
    }
    if (supervisor->stopping && !any_running(supervisor)) {
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
    loop_timer_free(&old->watch);
    reviews_free(&old->reviews);
    for (size_t i = 0; i < old->children.count; i++) {
        child_free(vector_at(&old->children, i));
    }
    for (size_t i = 0; i < old->zones.count; i++) {
        version_place_close(&((struct zone_entry *)vector_at(&old->zones, i))->place);
    }
    for (size_t i = 0; i < old->sockets.count; i++) {
        close(((struct listen_entry *)vector_at(&old->sockets, i))->fd);
    }
    for (uint32_t i = 0; old->counters != NULL && i < old->extras.server_count; i++) {
        if (old->counters[i] >= 0) {
            close(old->counters[i]);
        }
    }
    free(old->counters);
    for (size_t i = 0; i < old->events.count; i++) {
        free(((struct kept_event *)vector_at(&old->events, i))->octets);
    }
    vector_close(&old->events);
    vector_close(&old->children);
    vector_close(&old->zones);
    vector_close(&old->sockets);
    secondary_settings_free(&old->settings);
    sodium_memzero(old, sizeof *old);
    free(old);
    *supervisor = NULL;
}
