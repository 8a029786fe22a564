// needs: secondary transfer daemon net
// fetch CONFIG: one tandem-fetcher without a supervisor. It gets the settings of a secondary.yaml;
// what it says goes to standard output, one JSON line each. Orders come on standard input, one a
// line:
//
// clang-format off
//   verdict WORD            what the signer says of candidates from now on: published, unchanged, held,
//                           rejected, failed, doubt, none
//   exact on|off            and whether what is served is then exactly what came (CONFIG exact: from the start)
//   doubt ZONE              out of turn: the signer wants the whole zone
//   started                 the signer began anew
//   hint ZONE SERIAL        a server was sent a NOTIFY
//   publish ZONE SERIAL     the signer has published
//   control ZONE REQUEST VERB [wait] [dry_run]
//   settings                reads CONFIG again and sends it
//   stop
// clang-format on
//
// The fetcher ends when this ends, however it ends.
#include <fcntl.h>
#include <inttypes.h>
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
#include "common/daemon/json_value.h"
#include "common/daemon/settings_secondary.h"
#include "common/daemon/signals.h"
#include "common/dns/rdata_text.h"
#include "common/dns/rrtype.h"
#include "common/net/loop.h"
#include "common/transfer/rr_stream.h"
#include "secondary/messages.h"
#include "secondary/settings.h"
#include "tests/support/role_child.h"

#define RECORDS_SHOWN 2000
#define LINE_ROOM     4096
#define OPTIONS_MAX   4

struct fetch {
    struct loop *loop;
    struct message_link *link;
    const char *config;
    struct secondary_settings *settings;
    pid_t pid;
    int outcome; // enum message_outcome, or -1: none
    bool exact;
    char line[LINE_ROOM];
    size_t line_length;
};

static void
check(bool good, const struct fault *fault)
{
    if (good)
        return;
    fprintf(stderr, "fetch: %s\n", fault->text);
    exit(1);
}

static void
tell(struct fetch *fetch, enum message_type type, enum message_role from, uint32_t zone,
     uint64_t request, const struct octets_buffer *body)
{
    struct message message = {
        .type = type, .to = ROLE_FETCHER, .from = from, .zone = zone, .request = request};
    if (body)
        message.body = (struct octets){body->data, body->length};
    message_link_send(fetch->link, &message);
}

static void
settings_send(struct fetch *fetch)
{
    struct octets_buffer body;
    struct config_errors errors;
    struct role_extras extras = {.host = "test", .server_count = 1};
    config_errors_init(&errors);
    secondary_settings_free(&fetch->settings);
    if (!secondary_settings_load(fetch->config, &fetch->settings, &errors)) {
        config_errors_print(&errors, stderr);
        exit(78);
    }
    config_errors_close(&errors);
    uint32_t *ids = memory_zalloc((fetch->settings->zone_count + 1) * sizeof *ids);
    for (uint32_t i = 0; i < fetch->settings->zone_count; i++)
        ids[i] = i;
    octets_buffer_init(&body);
    role_settings_write(fetch->settings, ids, &extras, ROLE_FETCHER, &body);
    tell(fetch, MESSAGE_SETTINGS, ROLE_SUPERVISOR, MESSAGE_NO_ZONE, 0, &body);
    octets_buffer_close(&body);
    free(ids);
}

// ---- what the fetcher says ----

// The first 8 octets of the line's BLAKE2b as a number.
static uint64_t
line_number(const struct octets_buffer *line)
{
    struct hash_digest digest;
    hash_digest_octets(line->data, line->length, &digest);
    return (uint64_t)octets_get_u32(digest.octets) << 32 | octets_get_u32(digest.octets + 4);
}

// The sum over all lines is that of the content, in whatever order it comes.
static void
show_records(struct json_value *object, int fd)
{
    struct rr_stream_reader *reader = memory_alloc(sizeof *reader);
    struct rr_stream_rr rr;
    struct fault fault = {0};
    enum rr_stream_step step = RR_STREAM_BAD;
    struct octets_buffer text;
    uint64_t sum = 0;
    char sum_text[17];
    struct json_value *records = json_value_put_array(object, "records");
    check(rr_stream_reader_map(reader, fd, RR_STREAM_SIZE_MAX, &fault), &fault);
    octets_buffer_init(&text);
    while ((step = rr_stream_next(reader, &rr, &fault)) == RR_STREAM_RR) {
        text.length = 0;
        rr_to_text(rr.owner, rr.ttl, rr.type, rr.rdata, rr.rdlength, &text);
        if (rr.type != RRTYPE_SOA)
            sum += line_number(&text);
        if (reader->count > RECORDS_SHOWN)
            continue;
        octets_buffer_add_u8(&text, 0);
        json_value_add_text(records, (const char *)text.data);
    }
    check(step == RR_STREAM_DONE, &fault);
    json_value_put_integer(object, "record_count", (int64_t)reader->count);
    snprintf(sum_text, sizeof sum_text, "%016" PRIx64, sum);
    json_value_put_text(object, "sum", sum_text);
    octets_buffer_close(&text);
    rr_stream_reader_close(reader);
    free(reader);
}

static void
verdict_send(struct fetch *fetch, uint32_t zone, uint32_t number)
{
    static char *const texts[] = {
        "", "published", "held by the gate", "this is no zone", "disk full", "it does not fit"};
    if (fetch->outcome < 0)
        return;
    struct octets_buffer body;
    const struct message_verdict verdict = {.outcome = (enum message_outcome)fetch->outcome,
                                            .text = texts[fetch->outcome],
                                            .number = number,
                                            .exact = fetch->exact,
                                            .steady = fetch->exact};
    octets_buffer_init(&body);
    message_verdict_write(&verdict, &body);
    tell(fetch, MESSAGE_VERDICT, ROLE_SIGNER, zone, 0, &body);
    octets_buffer_close(&body);
}

static void
show_candidate(struct fetch *fetch, struct json_value *object, const struct message *message)
{
    struct message_candidate candidate;
    if (!message_candidate_read(message->body, &candidate) || message->descriptor_count != 1)
        return;
    json_value_put_text(object, "primary", candidate.primary);
    json_value_put_integer(object, "serial", candidate.serial);
    json_value_put_integer(object, "wire_octets", (int64_t)candidate.wire_octets);
    json_value_put_boolean(object, "notified", candidate.notified);
    json_value_put_boolean(object, "forced", candidate.forced);
    show_records(object, message->descriptors[0]);
    json_value_put_boolean(object, "delta", candidate.is_delta);
    json_value_put_integer(object, "from_serial", candidate.from_serial);
    message_candidate_close(&candidate);
    verdict_send(fetch, message->zone, candidate.number);
}

static void
show_contact(struct json_value *object, const struct message *message)
{
    struct message_contact contact;
    if (!message_contact_read(message->body, &contact))
        return;
    if (contact.has_serial)
        json_value_put_integer(object, "serial", contact.serial);
}

static void
show_facts(struct json_value *object, const struct message *message)
{
    struct message_poll_facts facts;
    if (!message_poll_facts_read(message->body, &facts))
        return;
    json_value_put_time(object, "last_success", facts.last_success_seconds);
    json_value_put_time(object, "next_poll", facts.next_poll_seconds);
    json_value_put_integer(object, "failures_in_row", facts.failures_in_row);
    json_value_put_text(object, "primary", facts.primary);
    json_value_put_text(object, "failure", facts.failure);
    json_value_put_integer(object, "upstream_serial", facts.upstream_serial);
    json_value_put_integer(object, "round_trip_ms", facts.round_trip_ms);
    json_value_put_integer(object, "transfers_ok", (int64_t)facts.transfers_ok);
    json_value_put_integer(object, "transfers_failed", (int64_t)facts.transfers_failed);
    json_value_put_integer(object, "deltas_ok", (int64_t)facts.deltas_ok);
    json_value_put_integer(object, "deltas_failed", (int64_t)facts.deltas_failed);
    json_value_put_integer(object, "unchanged", (int64_t)facts.unchanged);
    json_value_put_text(object, "kind", facts.kind);
    json_value_put_integer(object, "octets_in", (int64_t)facts.octets_in);
    json_value_put_integer(object, "notifies_in", (int64_t)facts.notifies_in);
    json_value_put_integer(object, "downstream_count", facts.downstream_count);
    json_value_put_integer(object, "downstream_current", facts.downstream_current);
    json_value_put_text(object, "downstream", facts.downstream);
    message_poll_facts_close(&facts);
}

static void
show_ds(struct json_value *object, const struct message *message)
{
    struct message_ds_seen seen;
    if (!message_ds_seen_read(message->body, &seen))
        return;
    json_value_put_boolean(object, "answered", seen.answered);
    json_value_put_text(object, "text", seen.text);
    json_value_put_integer(object, "count", seen.ds_count);
    json_value_put_integer(object, "rdata_octets", (int64_t)seen.rdatas.length);
    message_ds_seen_close(&seen);
}

static void
show_event(struct json_value *object, const struct message *message)
{
    struct message_event event;
    if (!message_event_read(message->body, &event))
        return;
    json_value_put_text(object, "kind", message_event_word(event.kind));
    json_value_put_text(object, "why", event.why);
    json_value_put_text(object, "hint", event.hint);
    message_event_close(&event);
}

static void
received(void *context, struct message *message)
{
    struct fetch *fetch = context;
    if (message->type == MESSAGE_HEARTBEAT)
        return;
    struct json_value *object = json_value_object();
    json_value_put_text(object, "type", message_type_word(message->type));
    json_value_put_text(object, "to", message_role_word(message->to));
    json_value_put_integer(object, "zone", message->zone);
    if (message->type == MESSAGE_CANDIDATE)
        show_candidate(fetch, object, message);
    else if (message->type == MESSAGE_CONTACT)
        show_contact(object, message);
    else if (message->type == MESSAGE_POLL_FACTS)
        show_facts(object, message);
    else if (message->type == MESSAGE_DS_SEEN)
        show_ds(object, message);
    else if (message->type == MESSAGE_EVENT)
        show_event(object, message);
    else if (message->type == MESSAGE_CONTROL_REPLY) {
        struct json_value *reply = NULL;
        json_value_put_integer(object, "request", (int64_t)message->request);
        if (json_value_read((const char *)message->body.data, message->body.length, &reply, NULL))
            json_value_put(object, "reply", &reply);
    }
    char *line = json_value_write(object, 0, NULL);
    puts(line);
    fflush(stdout);
    free(line);
    json_value_free(&object);
}

// ---- orders ----

static void
control_send(struct fetch *fetch, uint32_t zone, uint64_t request, char *verb, char *rest)
{
    struct octets_buffer body;
    struct message_control control = {.object = "zone", .verb = verb};
    char options[OPTIONS_MAX][64];
    for (char *word = strtok(rest, " "); word && control.option_count < OPTIONS_MAX;
         word = strtok(NULL, " ")) {
        snprintf(options[control.option_count], sizeof options[0], "%.60s=", word);
        control.options[control.option_count] = options[control.option_count];
        control.option_count++;
    }
    octets_buffer_init(&body);
    message_control_write(&control, &body);
    tell(fetch, MESSAGE_CONTROL_REQUEST, ROLE_DESK, zone, request, &body);
    octets_buffer_close(&body);
}

static void
number_send(struct fetch *fetch, enum message_type type, uint32_t zone, uint32_t serial)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    if (type == MESSAGE_NOTIFY_OUT) {
        octets_buffer_add_u32(&body, serial);
    } else {
        const struct message_notify_hint hint = {
            .source = "127.0.0.1@1", .has_serial = true, .serial = serial};
        message_notify_hint_write(&hint, &body);
    }
    tell(fetch, type, type == MESSAGE_NOTIFY_OUT ? ROLE_SIGNER : ROLE_SERVER, zone, 0, &body);
    octets_buffer_close(&body);
}

// Without a candidate: the signer wants the whole zone.
static void
doubt_send(struct fetch *fetch, uint32_t zone)
{
    struct octets_buffer body;
    const struct message_verdict verdict = {.outcome = OUTCOME_DOUBT, .text = ""};
    octets_buffer_init(&body);
    message_verdict_write(&verdict, &body);
    tell(fetch, MESSAGE_VERDICT, ROLE_SIGNER, zone, 0, &body);
    octets_buffer_close(&body);
}

static int
outcome_of(const char *word)
{
    static const char *const words[] = {"unchanged", "published", "held",
                                        "rejected",  "failed",    "doubt"};
    for (int i = 0; i < OUTCOME_COUNT; i++)
        if (strcmp(word, words[i]) == 0)
            return i;
    return -1;
}

static void
obey(struct fetch *fetch, char *line)
{
    unsigned zone, serial;
    unsigned long long request;
    char word[64], rest[256] = "";
    if (sscanf(line, "verdict %63s", word) == 1)
        fetch->outcome = outcome_of(word);
    else if (sscanf(line, "exact %63s", word) == 1)
        fetch->exact = strcmp(word, "on") == 0;
    else if (sscanf(line, "doubt %u", &zone) == 1)
        doubt_send(fetch, zone);
    else if (strcmp(line, "started") == 0)
        tell(fetch, MESSAGE_SIGNER_STARTED, ROLE_SUPERVISOR, MESSAGE_NO_ZONE, 0, NULL);
    else if (sscanf(line, "hint %u %u", &zone, &serial) == 2)
        number_send(fetch, MESSAGE_NOTIFY_HINT, zone, serial);
    else if (sscanf(line, "publish %u %u", &zone, &serial) == 2)
        number_send(fetch, MESSAGE_NOTIFY_OUT, zone, serial);
    else if (sscanf(line, "control %u %llu %63s %255[^\n]", &zone, &request, word, rest) >= 3)
        control_send(fetch, zone, request, word, rest);
    else if (strcmp(line, "settings") == 0)
        settings_send(fetch);
    else if (strcmp(line, "stop") == 0)
        tell(fetch, MESSAGE_STOP, ROLE_SUPERVISOR, MESSAGE_NO_ZONE, 0, NULL);
}

static void
orders_read(void *context, unsigned events)
{
    struct fetch *fetch = context;
    char *end;
    (void)events;
    ssize_t got = read(0, fetch->line + fetch->line_length, LINE_ROOM - 1 - fetch->line_length);
    if (got <= 0) {
        loop_stop(fetch->loop);
        return;
    }
    fetch->line_length += (size_t)got;
    fetch->line[fetch->line_length] = '\0';
    while ((end = strchr(fetch->line, '\n'))) {
        *end = '\0';
        obey(fetch, fetch->line);
        fetch->line_length -= (size_t)(end + 1 - fetch->line);
        memmove(fetch->line, end + 1, fetch->line_length + 1);
    }
}

static void
stop(void *context)
{
    loop_stop(((struct fetch *)context)->loop);
}

// A child that was stopped or goes on is told by the same signal.
static void
child_changed(void *context)
{
    struct fetch *fetch = context;
    siginfo_t end = {0};
    if (waitid(P_PID, (id_t)fetch->pid, &end, WEXITED | WNOHANG | WNOWAIT) < 0 || end.si_pid != 0)
        loop_stop(fetch->loop);
}

static void
fetcher_start(struct fetch *fetch)
{
    struct fault fault = {0};
    int end = role_child_start("tandem-fetcher", NULL, &fetch->pid, &fault);
    check(end >= 0, &fault);
    fetch->link = message_link_new(fetch->loop, &end, received, stop, fetch);
}

int
main(int count, char **values)
{
    struct fetch fetch = {.outcome = OUTCOME_PUBLISHED};
    const struct signals_events events = {.stop = stop, .child = child_changed};
    int status = 0;
    if (count == 3 && strcmp(values[2], "exact") == 0) {
        fetch.exact = true;
        count--;
    }
    if (count != 2) {
        fprintf(stderr, "usage: fetch CONFIG [exact]\n");
        return 2;
    }
    if (sodium_init() < 0)
        return 1;
    fetch.config = values[1];
    fetch.loop = loop_new();
    struct signals *signals = signals_new(fetch.loop, &events, &fetch);
    fetcher_start(&fetch);
    settings_send(&fetch);
    struct loop_watch *watch = loop_watch_new(fetch.loop, 0, orders_read, &fetch);
    loop_watch_want(watch, LOOP_READABLE);
    loop_run(fetch.loop);
    loop_watch_free(&watch);
    message_link_free(&fetch.link);
    waitpid(fetch.pid, &status, 0);
    signals_free(&signals);
    loop_free(&fetch.loop);
    secondary_settings_free(&fetch.settings);
    printf("{\"type\": \"end\", \"status\": %d}\n", status);
    return status == 0 ? 0 : 1;
}
