// needs: secondary daemon net zone
// serve CONFIG APEX DIRECTORY [APEX DIRECTORY]...: one tandem-server without a supervisor. It gets
// the settings of a secondary.yaml, sockets on its listen addresses, and the current versions of
// the store directories. HUP sends the versions again. What the server says goes to standard
// output, one line each: "ready", "hint ZONE SOURCE SERIAL".
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sodium.h>

#include "common/base/arena.h"
#include "common/base/hash.h"
#include "common/daemon/config_errors.h"
#include "common/daemon/settings_secondary.h"
#include "common/daemon/signals.h"
#include "common/net/listen.h"
#include "common/net/loop.h"
#include "common/zone/store.h"
#include "secondary/counters.h"
#include "secondary/messages.h"
#include "secondary/rate_table.h"
#include "secondary/settings.h"
#include "tests/support/role_child.h"

struct serve {
    struct loop *loop;
    struct message_link *link;
    struct secondary_settings *settings;
    char **zones; // APEX DIRECTORY ...
    int zone_count;
    pid_t pid;
    int counters;
};

static void
check(bool good, const struct fault *fault)
{
    if (good)
        return;
    fprintf(stderr, "serve: %s\n", fault->text);
    exit(1);
}

static void
tell(struct serve *serve, enum message_type type, uint32_t zone, const struct octets_buffer *body,
     const int *descriptors, unsigned count)
{
    struct message message = {.type = type,
                              .to = ROLE_SERVER,
                              .from = ROLE_SUPERVISOR,
                              .zone = zone,
                              .descriptor_count = count};
    if (body)
        message.body = (struct octets){body->data, body->length};
    if (count > 0)
        memcpy(message.descriptors, descriptors, count * sizeof *descriptors);
    message_link_send(serve->link, &message);
}

static void
settings_send(struct serve *serve)
{
    struct octets_buffer body;
    struct role_extras extras = {.host = "test", .server_count = 1};
    uint32_t *ids = memory_zalloc((serve->settings->zone_count + 1) * sizeof *ids);
    for (uint32_t i = 0; i < serve->settings->zone_count; i++)
        ids[i] = i;
    extras.cookie_secrets.count = 1;
    randombytes_buf(extras.cookie_secrets.secret, sizeof extras.cookie_secrets.secret);
    octets_buffer_init(&body);
    role_settings_write(serve->settings, ids, &extras, ROLE_SERVER, &body);
    tell(serve, MESSAGE_SETTINGS, MESSAGE_NO_ZONE, &body, NULL, 0);
    octets_buffer_close(&body);
    free(ids);
}

static void
counters_send(struct serve *serve)
{
    struct octets_buffer body;
    struct fault fault = {0};
    check(counters_create(&serve->counters, &fault), &fault);
    octets_buffer_init(&body);
    octets_buffer_add_u32(&body, 0);
    tell(serve, MESSAGE_COUNTERS, MESSAGE_NO_ZONE, &body, &serve->counters, 1);
    octets_buffer_close(&body);
}

static void
rate_table_send(struct serve *serve)
{
    const struct message_rate_table table = {.key = hash_key_draw()};
    struct octets_buffer body;
    struct fault fault = {0};
    int memory;
    check(rate_table_create(&memory, &fault), &fault);
    octets_buffer_init(&body);
    message_rate_table_write(&table, &body);
    tell(serve, MESSAGE_RATE_TABLE, MESSAGE_NO_ZONE, &body, &memory, 1);
    octets_buffer_close(&body);
    close(memory);
}

static void
sockets_send(struct serve *serve)
{
    const struct settings_addresses *addresses = &serve->settings->listen;
    struct octets_buffer body;
    struct fault fault = {0};
    for (size_t i = 0; i < addresses->count; i++) {
        const struct listen_options options = {0};
        struct message_listen listen = {
            .server_count = 1, .socket_count = 2, .last = i + 1 == addresses->count};
        int sockets[2];
        check(listen_udp(&addresses->items[i], &options, &sockets[0], &fault), &fault);
        check(listen_tcp(&addresses->items[i], &options, &sockets[1], &fault), &fault);
        listen.sockets[1].tcp = true;
        octets_buffer_init(&body);
        message_listen_write(&listen, &body);
        tell(serve, MESSAGE_LISTEN, MESSAGE_NO_ZONE, &body, sockets, 2);
        octets_buffer_close(&body);
    }
}

static uint32_t
zone_number(const struct serve *serve, const uint8_t *apex)
{
    for (uint32_t i = 0; i < serve->settings->zone_count; i++)
        if (name_equal(serve->settings->zones[i].name, apex))
            return i;
    return MESSAGE_NO_ZONE;
}

static void
version_send(struct serve *serve, const char *apex_text, const char *directory)
{
    uint8_t apex[NAME_SIZE_MAX];
    const uint8_t root[] = {0};
    struct store *store;
    struct version_place place;
    struct octets_buffer body;
    struct fault fault = {0};
    int descriptors[VERSION_DESCRIPTORS_MAX];
    check(name_from_text(apex_text, root, apex, &fault) &&
              store_open(directory, apex, NULL, &store, NULL, &fault),
          &fault);
    check(store_place(store, &place, &fault), &fault);
    octets_buffer_init(&body);
    message_place_write(&place, &body);
    unsigned count = message_place_descriptors(&place, descriptors);
    tell(serve, MESSAGE_VERSION, zone_number(serve, apex), &body, descriptors, count);
    octets_buffer_close(&body);
    version_place_close(&place);
    store_close(&store);
}

static void
versions_send(void *context)
{
    struct serve *serve = context;
    for (int i = 0; i + 1 < serve->zone_count; i += 2)
        version_send(serve, serve->zones[i], serve->zones[i + 1]);
}

static void
received(void *context, struct message *message)
{
    (void)context;
    struct message_notify_hint hint;
    if (message->type == MESSAGE_READY)
        printf("ready%s\n", message->body.length > 0 ? " with a fault" : "");
    if (message->type == MESSAGE_NOTIFY_HINT && message_notify_hint_read(message->body, &hint))
        printf("hint %u %s %u\n", message->zone, hint.source, hint.serial);
    fflush(stdout);
}

static void
stop(void *context)
{
    loop_stop(((struct serve *)context)->loop);
}

// A server that was only stopped or continued (a test holds it still) is not gone.
static void
child_changed(void *context)
{
    struct serve *serve = context;
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)serve->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid == serve->pid)
        stop(context);
}

static void
counters_print(const struct serve *serve)
{
    struct counters_memory *memory;
    struct counters sum = {0};
    if (!counters_map(serve->counters, false, &memory, NULL))
        return;
    counters_sum(memory, &sum);
    for (unsigned transport = 0; transport < COUNTERS_TRANSPORTS; transport++)
        for (unsigned rcode = 0; rcode < COUNTERS_RCODES; rcode++)
            if (sum.queries[transport][rcode] > 0)
                printf("queries %s %u %llu\n", counters_transport_word(transport), rcode,
                       (unsigned long long)sum.queries[transport][rcode]);
    printf("dropped %llu\n", (unsigned long long)sum.dropped);
    printf("limited %llu\n", (unsigned long long)sum.limited);
    printf("tcp accepted %llu refused %llu timeouts %llu open %llu\n",
           (unsigned long long)sum.tcp_accepted, (unsigned long long)sum.tcp_refused,
           (unsigned long long)sum.tcp_timeouts, (unsigned long long)sum.tcp_open);
    counters_unmap(&memory);
}

static void
server_start(struct serve *serve)
{
    struct fault fault = {0};
    int end = role_child_start("tandem-server", "0", &serve->pid, &fault);
    check(end >= 0, &fault);
    serve->link = message_link_new(serve->loop, &end, received, stop, serve);
}

int
main(int count, char **values)
{
    struct serve serve = {.zones = values + 2, .zone_count = count - 2};
    struct config_errors errors;
    const struct signals_events events = {
        .stop = stop, .reload = versions_send, .child = child_changed};
    int status = 0;
    if (count < 2) {
        fprintf(stderr, "usage: serve CONFIG APEX DIRECTORY [APEX DIRECTORY]...\n");
        return 2;
    }
    config_errors_init(&errors);
    if (!secondary_settings_load(values[1], &serve.settings, &errors)) {
        config_errors_print(&errors, stderr);
        config_errors_close(&errors);
        return 78;
    }
    serve.loop = loop_new();
    struct signals *signals = signals_new(serve.loop, &events, &serve);
    server_start(&serve);
    settings_send(&serve);
    counters_send(&serve);
    rate_table_send(&serve);
    sockets_send(&serve);
    versions_send(&serve);
    loop_run(serve.loop);
    counters_print(&serve);
    message_link_free(&serve.link);
    waitpid(serve.pid, &status, 0);
    signals_free(&signals);
    loop_free(&serve.loop);
    secondary_settings_free(&serve.settings);
    config_errors_close(&errors);
    printf("server ended %d\n", status);
    return status == 0 ? 0 : 1;
}
