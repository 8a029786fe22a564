#include "secondary/server/role.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/daemon/log.h"
#include "common/daemon/privileges.h"
#include "common/daemon/spare_memory.h"
#include "secondary/counters.h"
#include "secondary/messages.h"
#include "secondary/rate_table.h"
#include "secondary/server/hints.h"
#include "secondary/server/respond.h"
#include "secondary/server/tcp_worker.h"
#include "secondary/server/udp_worker.h"
#include "secondary/server/zones.h"
#include "secondary/settings.h"

#define NSID_MAX 255

struct received_socket {
    int fd;
    bool tcp;
};

struct role {
    struct loop *loop;
    uint32_t index;
    struct message_link *link;
    struct loop_timer *heartbeat, *quiet;
    struct spare_memory spare;
    struct role_settings *settings; // in force; NULL: not yet there
    struct zones zones;
    struct hints *hints;
    struct responder responder;
    struct denial_memo memo; // of the answers
    struct counters_memory *memory;
    struct rate_table *rate_table;
    uint64_t rate_key;     // of its hashes
    struct vector sockets; // of struct received_socket, until the workers have them
    bool sockets_complete;
    uint64_t complete_ms; // when they were
    bool running;
    struct udp_worker *udp;
    struct tcp_worker *tcp;
    uint8_t nsid[NSID_MAX];
    int exit_code;
};

static void
give_up(struct role *role, const char *why)
{
    log_error(why);
    role->exit_code = 1;
    loop_stop(role->loop);
}

static int
hex_digit(char letter)
{
    if (letter >= '0' && letter <= '9')
        return letter - '0';
    letter = (char)(letter | 0x20);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

// NSID as the settings write it: a text, or octets in hexadecimal behind "0x". Gives its octets.
static size_t
nsid_read(const char *text, uint8_t ret_octets[static NSID_MAX])
{
    size_t length = 0;
    if (strncmp(text, "0x", 2) != 0) {
        length = strnlen(text, NSID_MAX);
        memcpy(ret_octets, text, length);
        return length;
    }
    for (text += 2; length < NSID_MAX && hex_digit(text[0]) >= 0 && hex_digit(text[1]) >= 0;
         text += 2)
        ret_octets[length++] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
    return length;
}

static void
service_configure(struct role *role)
{
    const struct secondary_settings *settings = &role->settings->settings;
    bool hexadecimal = strncmp(settings->nsid, "0x", 2) == 0;
    role->responder.service = (struct answer_service){
        .zones = role->zones.set,
        .version = settings->version,
        .identity = hexadecimal ? "" : settings->nsid,
        .nsid = {role->nsid, nsid_read(settings->nsid, role->nsid)},
        .cookies_on = settings->cookies && role->settings->extras.cookie_secrets.count > 0,
        .cookies = role->settings->extras.cookie_secrets,
        .tcp_idle_tenths = (uint16_t)(settings->tcp_idle_seconds * 10), // at most an hour
        .memo = &role->memo,
    };
    role->responder.keys = settings->keys;
    role->responder.key_count = settings->key_count;
}

// Once settings and table are there, in either order.
static void
rate_configure(struct role *role)
{
    if (!role->settings || !role->rate_table)
        return;
    response_rate_free(&role->responder.rate);
    role->responder.rate =
        response_rate_new(&role->settings->settings.rate_limit, role->rate_table, role->rate_key);
}

// The limits of the whole service, shared out: the kernel spreads connections evenly, more or less.
static void
limits_configure(struct role *role)
{
    const struct secondary_settings *settings = &role->settings->settings;
    uint32_t servers = role->settings->extras.server_count;
    servers = servers > 0 ? servers : 1;
    const struct tcp_worker_options options = {
        .clients_max = (settings->tcp_clients + servers - 1) / servers,
        .idle_ms = (uint64_t)settings->tcp_idle_seconds * 1000,
    };
    tcp_worker_configure(role->tcp, &options);
    rate_configure(role);
}

// Started as root only: an empty place to be locked into. NULL (and a warning) where it cannot be
// had.
static const char *
root_make(void)
{
    if (!privileges_is_root())
        return NULL;
    if (mkdir(ROLE_ROOT, 0555) == 0 || errno == EEXIST)
        return ROLE_ROOT;
    log_warning("no empty root directory for the server: it stays in the system's", "directory",
                ROLE_ROOT, "error", strerror(errno));
    return NULL;
}

static void
rights_drop(struct role *role)
{
    const struct secondary_settings *settings = &role->settings->settings;
    const char *user = settings->server_user[0] != '\0' ? settings->server_user : settings->user;
    const struct privileges_options options = {
        .user = user,
        .root = user[0] != '\0' ? root_make() : NULL, // a root who stays root could leave it
    };
    struct fault fault = {0};
    if (!privileges_drop(&options, &fault))
        give_up(role, fault.text);
}

static void
log_configure(struct role *role)
{
    const struct log_settings *settings = &role->settings->settings.log;
    char name[LOG_ROLE_MAX];
    snprintf(name, sizeof name, "server %u", role->index);
    log_open(name, settings->level, settings->format);
}

static void
take_settings(struct role *role, const struct message *message)
{
    struct role_settings *settings = NULL, *former = role->settings;
    if (!role_settings_read(message->body, &settings)) {
        message_link_tell(role->link, ROLE_SERVER, MESSAGE_READY,
                          "the server's settings could not be read");
        if (!role->settings) // a supervisor of another version; waiting would help nobody
            give_up(role, "the settings could not be read: restart tandem-secondary");
        return;
    }
    role->settings = settings;
    log_configure(role);
    if (!former)
        rights_drop(role);
    zones_take_settings(&role->zones, settings);
    service_configure(role);
    limits_configure(role);
    role_settings_free(&former);
    if (role->running)
        message_link_tell(role->link, ROLE_SERVER, MESSAGE_READY, NULL);
}

static void
take_counters(struct role *role, const struct message *message)
{
    struct fault fault = {0};
    if (role->memory || message->descriptor_count != 1)
        return;
    if (!counters_map(message->descriptors[0], true, &role->memory, &fault)) {
        give_up(role, fault.text);
        return;
    }
    role->responder.counters = &role->memory->counters;
    // Gauges of the server that had this memory before, and what it had in hand, which is told.
    __atomic_store_n(&role->memory->counters.tcp_open, 0, __ATOMIC_RELAXED);
    role->memory->seen.count = role->memory->seen.current = role->memory->tcp.in_hand = 0;
    tcp_worker_show(role->tcp, &role->memory->tcp);
}

static void
take_rate_table(struct role *role, const struct message *message)
{
    struct message_rate_table body;
    struct fault fault = {0};
    if (role->rate_table || message->descriptor_count != 1 ||
        !message_rate_table_read(message->body, &body))
        return;
    if (!rate_table_map(message->descriptors[0], true, &role->rate_table, &fault)) {
        give_up(role, fault.text);
        return;
    }
    role->rate_key = body.key;
    rate_configure(role);
}

static void
take_listen(struct role *role, struct message *message)
{
    struct message_listen listen;
    if (role->running || !message_listen_read(message->body, &listen) ||
        listen.socket_count != message->descriptor_count)
        return;
    for (unsigned i = 0; i < listen.socket_count; i++) {
        const struct received_socket received = {message->descriptors[i], listen.sockets[i].tcp};
        vector_add(&role->sockets, &received);
        message->descriptors[i] = -1;
    }
    if (listen.last && !role->sockets_complete) {
        role->sockets_complete = true;
        role->complete_ms = loop_now_ms(role->loop);
    }
}

static void
bad_message(struct role *role, const struct message *message)
{
    if (role->memory)
        counter_add(&role->memory->counters.bad_messages, 1);
    log_limited(LOG_LEVEL_WARNING, message_type_word(message->type), 60,
                "a message of the supervisor makes no sense", "type",
                message_type_word(message->type));
}

static void
take_version(struct role *role, struct message *message)
{
    struct served_zone *zone = zones_by_id(&role->zones, message->zone);
    struct version_place place;
    struct fault fault = {0};
    if (!message_place_read(message, &place)) {
        bad_message(role, message);
        return;
    }
    if (!zone) { // a zone that the settings do not name any more
        version_place_close(&place);
        return;
    }
    if (!zones_take_version(zone, &place, &fault)) {
        log_error(fault.text, "zone", zone->domain);
        return;
    }
    if (role->memory)
        counter_add(&role->memory->counters.versions_swapped, 1);
    log_debug("version in service", "zone", zone->domain, "serial",
              LOG_NUMBER(version_facts(zone->version)->signed_serial));
}

static void
take_file(struct role *role, struct message *message)
{
    struct octets_reader reader;
    struct fault fault = {0};
    octets_reader_init(&reader, message->body.data, message->body.length);
    uint32_t number = octets_read_u32(&reader);
    if (reader.failed || message->descriptor_count != 1)
        bad_message(role, message);
    else if (!zones_take_file(&role->zones, number, &message->descriptors[0], &fault))
        log_error(fault.text);
}

static void
drop_file(struct role *role, const struct message *message)
{
    struct octets_reader reader;
    octets_reader_init(&reader, message->body.data, message->body.length);
    zones_drop_file(&role->zones, octets_read_u32(&reader));
}

static void
take_pooled(struct role *role, const struct message *message)
{
    size_t count = message_pooled_count(message->body);
    if (count == 0)
        bad_message(role, message);
    for (size_t i = 0; i < count; i++) {
        struct message_pooled pooled;
        struct served_zone *zone = NULL;
        struct fault fault = {0};
        if (message_pooled_read(message->body, i, &pooled))
            zone = zones_by_id(&role->zones, pooled.zone);
        if (!zone) // one that the settings do not name any more
            continue;
        if (!zones_take_pooled(&role->zones, zone, &pooled.place, &fault)) {
            log_error(fault.text, "zone", zone->domain);
            continue;
        }
        zones_take_state(zone, &pooled.state);
        if (role->memory)
            counter_add(&role->memory->counters.versions_swapped, 1);
    }
}

static void
take_zone_state(struct role *role, const struct message *message)
{
    struct served_zone *zone = zones_by_id(&role->zones, message->zone);
    struct message_zone_state state;
    if (!message_zone_state_read(message->body, &state))
        bad_message(role, message);
    else if (zone)
        zones_take_state(zone, &state);
}

static void
workers_start(struct role *role)
{
    for (size_t i = 0; i < role->sockets.count; i++) {
        struct received_socket *received = vector_at(&role->sockets, i);
        if (received->tcp)
            tcp_worker_add(role->tcp, &received->fd);
        else
            udp_worker_add(role->udp, &received->fd);
    }
    vector_clear(&role->sockets);
}

// Everything is there and the supervisor has said what it had to say.
static void
start(void *context)
{
    struct role *role = context;
    struct fault fault = {0};
    role->udp = udp_worker_new(role->loop, &role->responder, &role->memory->seen);
    workers_start(role);
    spare_memory_give_back(&role->spare);
    if (!privileges_seccomp(PRIVILEGES_SERVER, &fault)) {
        give_up(role, fault.text);
        return;
    }
    role->running = true;
    message_link_tell(role->link, ROLE_SERVER, MESSAGE_READY, NULL);
    log_debug("answering", "zones", LOG_NUMBER(role->zones.list.count));
}

static void
start_when_quiet(struct role *role)
{
    uint64_t now = loop_now_ms(role->loop);
    if (role->running || !role->settings || !role->memory || !role->rate_table ||
        !role->sockets_complete)
        return;
    if (loop_timer_is_running(role->quiet) && now - role->complete_ms > ROLE_QUIET_MAX_MS)
        return;
    loop_timer_start(role->quiet, ROLE_QUIET_MS, 0);
}

static void
received(void *context, struct message *message)
{
    struct role *role = context;
    switch ((int)message->type) {
    case MESSAGE_SETTINGS:
        take_settings(role, message);
        break;
    case MESSAGE_STOP:
        loop_stop(role->loop);
        return;
    case MESSAGE_COUNTERS:
        take_counters(role, message);
        break;
    case MESSAGE_RATE_TABLE:
        take_rate_table(role, message);
        break;
    case MESSAGE_LISTEN:
        take_listen(role, message);
        break;
    case MESSAGE_VERSION:
        take_version(role, message);
        break;
    case MESSAGE_POOL:
        take_file(role, message);
        break;
    case MESSAGE_POOL_GONE:
        drop_file(role, message);
        break;
    case MESSAGE_POOLED:
        take_pooled(role, message);
        break;
    case MESSAGE_ZONE_STATE:
        take_zone_state(role, message);
        break;
    default:
        bad_message(role, message);
    }
    start_when_quiet(role);
}

static void
closed(void *context)
{
    struct role *role = context;
    loop_stop(role->loop);
}

static void
beat(void *context)
{
    struct role *role = context;
    message_link_tell(role->link, ROLE_SERVER, MESSAGE_HEARTBEAT, NULL);
    spare_memory_beat(&role->spare);
}

struct role *
role_new(struct loop *loop, int *connection, uint32_t index)
{
    struct role *role = memory_zalloc(sizeof *role);
    role->loop = loop;
    role->index = index;
    zones_init(&role->zones);
    vector_init(&role->sockets, sizeof(struct received_socket));
    role->responder.zones = &role->zones;
    role->link = message_link_new(loop, connection, received, closed, role);
    role->hints = hints_new(loop, &role->zones, role->link);
    role->responder.hints = role->hints;
    role->responder.transfers = transfers_new(loop, role->link);
    role->responder.refusals = refusals_new();
    role->tcp = tcp_worker_new(loop, &role->responder);
    role->quiet = loop_timer_new(loop, start, role);
    role->heartbeat = loop_timer_new(loop, beat, role);
    loop_timer_start(role->heartbeat, ROLE_HEARTBEAT_MS, ROLE_HEARTBEAT_MS);
    return role;
}

void
role_free(struct role **role)
{
    struct role *gone = *role;
    if (!gone)
        return;
    tcp_worker_free(&gone->tcp);
    udp_worker_free(&gone->udp);
    hints_free(&gone->hints);
    transfers_free(&gone->responder.transfers);
    refusals_free(&gone->responder.refusals);
    loop_timer_free(&gone->heartbeat);
    loop_timer_free(&gone->quiet);
    message_link_free(&gone->link);
    for (size_t i = 0; i < gone->sockets.count; i++)
        close(((struct received_socket *)vector_at(&gone->sockets, i))->fd);
    vector_close(&gone->sockets);
    zones_close(&gone->zones);
    response_rate_free(&gone->responder.rate);
    rate_table_unmap(&gone->rate_table);
    counters_unmap(&gone->memory);
    role_settings_free(&gone->settings);
    free(gone);
    *role = NULL;
}

int
role_exit_code(const struct role *role)
{
    return role->exit_code;
}
