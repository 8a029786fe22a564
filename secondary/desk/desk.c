// An order for another role goes out as a CONTROL_REQUEST with a number of ours and stays pending
// until its reply comes, the role dies, or it takes too long; a client that waits always gets an
// answer.
#include "secondary/desk/desk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/base/quantity.h"
#include "common/base/vector.h"
#include "common/daemon/clock.h"
#include "common/daemon/control.h"
#include "common/daemon/http.h"
#include "common/daemon/http_page.h"
#include "common/daemon/json_value.h"
#include "common/daemon/log.h"
#include "common/daemon/mail.h"
#include "common/daemon/metrics.h"
#include "common/daemon/privileges.h"
#include "common/daemon/spare_memory.h"
#include "common/net/address.h"
#include "common/net/loop.h"
#include "secondary/desk/alert.h"
#include "secondary/desk/held_events.h"
#include "secondary/desk/known.h"
#include "secondary/desk/status.h"
#include "secondary/desk/status_rate.h"
#include "secondary/messages.h"
#include "secondary/settings.h"

#define TICK_MS           1000
#define PENDING_MAX       1024
#define PENDING_SECONDS   900 // a signing of millions of names with -b
#define TEST_WAIT_SECONDS 60

struct pending {
    uint64_t number;
    enum message_role role;
    struct control_request *request;
    int64_t since_seconds;
};

struct desk {
    struct loop *loop;
    struct message_link *link;
    struct known known;
    struct control *control;
    struct http *http;
    struct mail *mail;
    struct metrics *metrics;
    struct alerts *alerts;
    struct held_events held;
    struct vector pending; // of struct pending
    uint64_t next_number;
    struct control_request *test_request; // alert test -b
    uint64_t test_sent, test_failed;
    int64_t test_since;
    int64_t last_heartbeat_seconds;
    struct loop_timer *tick;
    struct spare_memory spare;
    int exit_code;
};

static void
send_text(struct desk *desk, enum message_type type, const char *text)
{
    struct octets_buffer body;
    octets_buffer_init(&body);
    if (text != NULL) {
        octets_buffer_add_text(&body, text);
    }
    struct message message = {.type = type,
                              .to = ROLE_SUPERVISOR,
                              .from = ROLE_DESK,
                              .zone = MESSAGE_NO_ZONE,
                              .body = {body.data, body.length}};
    message_link_send(desk->link, &message);
    octets_buffer_close(&body);
}

// --- Verbs answered here ---

static void
verb_status(void *context, struct control_request *request)
{
    struct desk *desk = context;
    struct mail_status mail;
    mail_status(desk->mail, &mail);
    struct json_value *result = status_all(&desk->known, &mail, clock_unix_seconds());
    control_reply(&request, &result);
}

static void
verb_version(void *context, struct control_request *request)
{
    (void)context;
    struct json_value *result = json_value_object();
    json_value_put_text(result, "program", "tandem-secondary");
    json_value_put_text(result, "version", TANDEM_VERSION);
    json_value_put_text(result, "build", __VERSION__);
    control_reply(&request, &result);
}

static void
verb_check(void *context, struct control_request *request)
{
    struct desk *desk = context;
    struct mail_status mail;
    struct json_value *result;
    mail_status(desk->mail, &mail);
    int code = status_check(&desk->known, &mail, clock_unix_seconds(), &result);
    control_reply_code(&request, code, &result);
}

static void
verb_zone_list(void *context, struct control_request *request)
{
    struct desk *desk = context;
    int64_t now = clock_unix_seconds();
    struct json_value *result = json_value_object();
    struct json_value *zones = json_value_put_array(result, "zones");
    for (size_t i = 0; i < desk->known.zones.count; i++) {
        struct json_value *zone = status_zone(&desk->known, vector_at(&desk->known.zones, i), now);
        json_value_add(zones, &zone);
    }
    control_reply(&request, &result);
}

// The zone that a request names; answers the request itself when there is none.
static struct known_zone *
named_zone(struct desk *desk, struct control_request **request)
{
    const char *name = control_argument(*request, 0);
    struct known_zone *zone = known_zone_by_name(&desk->known, name);
    if (zone == NULL) {
        size_t count = desk->known.zones.count;
        const char **names = memory_zalloc(sizeof *names * (count + 1));
        for (size_t i = 0; i < count; i++) {
            names[i] = ((struct known_zone *)vector_at(&desk->known.zones, i))->domain;
        }
        const char *nearest = quantity_nearest_word(name, names, count);
        struct fault fault = {0};
        fault_set(&fault, FAULT_NOT_FOUND, "zone %.900s: not configured here%s%s", name,
                  nearest != NULL ? "; nearest is " : "; see \"tandemctl zone list\"",
                  nearest != NULL ? nearest : "");
        free(names);
        control_reply_fault(request, &fault);
    }
    return zone;
}

static void
verb_zone_status(void *context, struct control_request *request)
{
    struct desk *desk = context;
    struct known_zone *zone = named_zone(desk, &request);
    if (zone == NULL) {
        return;
    }
    struct json_value *result = json_value_object();
    struct json_value *one = status_zone(&desk->known, zone, clock_unix_seconds());
    struct json_value *keys = status_zone_keys(zone);
    json_value_put(result, "zone", &one);
    json_value_put(result, "keys", &keys);
    control_reply(&request, &result);
}

static void
verb_alert_list(void *context, struct control_request *request)
{
    struct desk *desk = context;
    struct mail_status mail;
    mail_status(desk->mail, &mail);
    struct json_value *result = json_value_object();
    struct json_value *mails = status_mail(&mail);
    struct json_value *alerts = alerts_list(desk->alerts);
    json_value_put(result, "mail", &mails);
    json_value_put(result, "alerts", &alerts);
    control_reply(&request, &result);
}

static void
verb_rate_limit_list(void *context, struct control_request *request)
{
    struct desk *desk = context;
    const char *all = control_option(request, "all");
    struct json_value *result = status_rate_list(
        &desk->known, all != NULL && strcmp(all, "false") != 0, clock_unix_seconds());
    control_reply(&request, &result);
}

static struct json_value *
test_result(struct desk *desk, bool done, const char *text)
{
    struct mail_status mail;
    mail_status(desk->mail, &mail);
    struct json_value *result = json_value_object();
    struct json_value *mails = status_mail(&mail);
    json_value_put_boolean(result, "done", done);
    json_value_put_boolean(result, "dry_run", !done);
    json_value_put_text(result, "text", text);
    json_value_put(result, "mail", &mails);
    return result;
}

static void
verb_alert_test(void *context, struct control_request *request)
{
    struct desk *desk = context;
    struct fault fault = {0};
    struct mail_status mail;
    mail_status(desk->mail, &mail);
    if (control_dry_run(request)) {
        struct json_value *result = test_result(desk, false, "would send a test mail");
        control_reply(&request, &result);
        return;
    }
    if (!alerts_test(desk->alerts, &desk->known, clock_unix_seconds(), &fault)) {
        control_reply_fault(&request, &fault);
        return;
    }
    if (!control_wait(request) || desk->test_request != NULL) {
        struct json_value *result = test_result(desk, true, "a test mail is in the queue");
        control_reply(&request, &result);
        return;
    }
    desk->test_request = request;
    desk->test_sent = mail.sent_total;
    desk->test_failed = mail.failed_total;
    desk->test_since = clock_unix_seconds();
}

// The end of `alert test -b`: accepted, or the first try failed.
static void
look_after_test(struct desk *desk, int64_t now)
{
    struct mail_status mail;
    if (desk->test_request == NULL) {
        return;
    }
    mail_status(desk->mail, &mail);
    if (mail.sent_total > desk->test_sent) {
        struct json_value *result = test_result(desk, true, "the test mail was accepted");
        control_reply(&desk->test_request, &result);
    } else if (mail.failed_total > desk->test_failed ||
               now - desk->test_since > TEST_WAIT_SECONDS) {
        struct fault fault = {0};
        struct json_value *result =
            test_result(desk, true, "the test mail was not accepted; it stays in the queue");
        fault_set(&fault, FAULT_IO, "the test mail was not accepted: %.1500s",
                  mail.last_error[0] != '\0' ? mail.last_error : "no answer yet");
        control_reply_failed(&desk->test_request, CONTROL_FAILED, &fault, &result);
    }
}

// --- Verbs of other roles ---

static void
fill_options(struct control_request *request, struct message_control *control)
{
    static const char *const names[] = {"all", "signed", "serial", "role", "standby", "source"};
    char text[512];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = control_option(request, names[i]);
        if (value != NULL) {
            snprintf(text, sizeof text, "%s=%s", names[i], value);
            control->options[control->option_count++] = memory_text(text);
        }
    }
    if (control_dry_run(request)) {
        control->options[control->option_count++] = memory_text("dry_run=true");
    }
    if (control_wait(request)) {
        control->options[control->option_count++] = memory_text("wait=true");
    }
}

static void
fill_control(struct control_request *request, struct message_control *control)
{
    *control = (struct message_control){.peer_uid = control_uid(request),
                                        .object = memory_text(control_object(request)),
                                        .verb = memory_text(control_verb(request))};
    for (size_t i = 0; i < control_argument_count(request); i++) {
        control->arguments[control->argument_count++] = memory_text(control_argument(request, i));
    }
    fill_options(request, control);
}

static void
pass_to(struct desk *desk, struct control_request *request, enum message_role role, uint32_t zone)
{
    struct fault fault = {0};
    if (desk->pending.count >= PENDING_MAX) {
        fault_set(&fault, FAULT_LIMIT, "%d requests wait already; try again in a moment",
                  PENDING_MAX);
        control_reply_fault(&request, &fault);
        return;
    }
    if (control_descriptor_count(request) > MESSAGES_DESCRIPTORS_MAX) {
        fault_set(&fault, FAULT_LIMIT, "more than %d files in one command; import them in several",
                  MESSAGES_DESCRIPTORS_MAX);
        control_reply_fault(&request, &fault);
        return;
    }
    struct message_control control;
    struct octets_buffer body;
    octets_buffer_init(&body);
    fill_control(request, &control);
    message_control_write(&control, &body);
    struct message message = {.type = MESSAGE_CONTROL_REQUEST,
                              .to = role,
                              .from = ROLE_DESK,
                              .zone = zone,
                              .request = ++desk->next_number,
                              .body = {body.data, body.length}};
    for (size_t i = 0; i < control_descriptor_count(request); i++) {
        message.descriptors[message.descriptor_count++] = control_take_descriptor(request, i);
    }
    struct pending pending = {message.request, role, request, clock_unix_seconds()};
    vector_add(&desk->pending, &pending);
    message_link_send(desk->link, &message);
    for (unsigned i = 0; i < message.descriptor_count; i++) {
        close(message.descriptors[i]);
    }
    message_control_close(&control);
    octets_buffer_close(&body);
}

static void
verb_of_supervisor(void *context, struct control_request *request)
{
    pass_to(context, request, ROLE_SUPERVISOR, MESSAGE_NO_ZONE);
}

static void
verb_of_signer(void *context, struct control_request *request)
{
    struct known_zone *zone = named_zone(context, &request);
    if (zone != NULL) {
        pass_to(context, request, ROLE_SIGNER, zone->id);
    }
}

static void
verb_of_fetcher(void *context, struct control_request *request)
{
    struct known_zone *zone = named_zone(context, &request);
    if (zone != NULL) {
        pass_to(context, request, ROLE_FETCHER, zone->id);
    }
}

static const struct control_verb VERBS[] = {
    {"", "status", 0, 0, 0, NULL, verb_status, NULL},
    {"", "version", 0, 0, 0, NULL, verb_version, NULL},
    {"", "check", 0, 0, 0, NULL, verb_check, NULL},
    {"", "reload", 0, 0, CONTROL_CHANGES | CONTROL_MAY_WAIT, NULL, verb_of_supervisor, NULL},
    {"", "stop", 0, 0, CONTROL_CHANGES | CONTROL_MAY_WAIT, NULL, verb_of_supervisor, NULL},
    {"zone", "list", 0, 0, 0, NULL, verb_zone_list, NULL},
    {"zone", "status", 1, 1, 0, NULL, verb_zone_status, NULL},
    {"zone", "history", 1, 1, 0, NULL, verb_of_signer, NULL},
    {"zone", "show", 1, 3, 0, NULL, verb_of_signer, NULL},
    {"zone", "diff", 1, 1, 0, "all", verb_of_signer, NULL},
    {"zone", "refresh", 1, 1, CONTROL_CHANGES | CONTROL_MAY_WAIT, NULL, verb_of_fetcher, NULL},
    {"zone", "retransfer", 1, 1, CONTROL_CHANGES | CONTROL_MAY_WAIT, NULL, verb_of_fetcher, NULL},
    {"zone", "accept", 2, 2, CONTROL_CHANGES | CONTROL_MAY_WAIT, NULL, verb_of_signer, NULL},
    {"zone", "sign", 1, 1, CONTROL_CHANGES | CONTROL_MAY_WAIT, "serial", verb_of_signer, NULL},
    {"zone", "notify", 1, 1, CONTROL_CHANGES | CONTROL_MAY_WAIT, NULL, verb_of_fetcher, NULL},
    {"zone", "verify", 1, 1, 0, NULL, verb_of_signer, NULL},
    {"zone", "export", 1, 1, 0, "signed", verb_of_signer, NULL},
    {"key", "list", 1, 1, 0, NULL, verb_of_signer, NULL},
    {"key", "ds", 1, 1, 0, NULL, verb_of_signer, NULL},
    {"key", "dnskey", 1, 1, 0, NULL, verb_of_signer, NULL},
    {"key", "timeline", 1, 1, 0, NULL, verb_of_signer, NULL},
    {"key", "generate", 1, 1, CONTROL_CHANGES | CONTROL_NEEDS_KEYS | CONTROL_MAY_WAIT,
     "role standby", verb_of_signer, NULL},
    {"key", "import", 2, CONTROL_ARGUMENTS_MAX,
     CONTROL_CHANGES | CONTROL_NEEDS_KEYS | CONTROL_MAY_WAIT, "role standby", verb_of_signer, NULL},
    {"key", "export", 2, 2, CONTROL_NEEDS_KEYS, NULL, verb_of_signer, NULL},
    {"key", "activate", 2, 2, CONTROL_CHANGES | CONTROL_NEEDS_KEYS | CONTROL_MAY_WAIT, NULL,
     verb_of_signer, NULL},
    {"key", "retire", 2, 2, CONTROL_CHANGES | CONTROL_NEEDS_KEYS | CONTROL_MAY_WAIT, NULL,
     verb_of_signer, NULL},
    {"key", "roll", 1, 1, CONTROL_CHANGES | CONTROL_NEEDS_KEYS, "role", NULL, NULL},
    {"alert", "list", 0, 0, 0, NULL, verb_alert_list, NULL},
    {"alert", "test", 0, 0, CONTROL_CHANGES | CONTROL_MAY_WAIT, NULL, verb_alert_test, NULL},
    {"rate-limit", "list", 0, 0, 0, "all", verb_rate_limit_list, NULL},
    {"alias", "list", 0, 1, 0, NULL, NULL, "ALIAS records are the primary's: ask tandem-primary"},
    {"alias", "show", 1, 1, 0, NULL, NULL, "ALIAS records are the primary's: ask tandem-primary"},
    {"alias", "history", 1, 1, 0, NULL, NULL,
     "ALIAS records are the primary's: ask tandem-primary"},
    {"alias", "refresh", 1, 1, CONTROL_CHANGES, NULL, NULL,
     "ALIAS records are the primary's: ask tandem-primary"},
};

static struct pending *
pending_by_number(struct desk *desk, uint64_t number)
{
    for (size_t i = 0; i < desk->pending.count; i++) {
        struct pending *pending = vector_at(&desk->pending, i);
        if (pending->number == number) {
            return pending;
        }
    }
    return NULL;
}

// Takes a pending request out of the list; the order of the others does not matter.
static struct control_request *
pending_take(struct desk *desk, struct pending *pending)
{
    struct control_request *request = pending->request;
    *pending = *(struct pending *)vector_at(&desk->pending, desk->pending.count - 1);
    desk->pending.count--;
    return request;
}

static void
fail_pending(struct desk *desk, enum message_role role, int64_t before, const char *text)
{
    for (size_t i = 0; i < desk->pending.count;) {
        struct pending *pending = vector_at(&desk->pending, i);
        if ((role != ROLE_COUNT && pending->role != role) || pending->since_seconds > before) {
            i++;
            continue;
        }
        struct fault fault = {0};
        fault_set(&fault, role == ROLE_COUNT ? FAULT_TIMEOUT : FAULT_BUSY, "%s", text);
        struct control_request *request = pending_take(desk, pending);
        control_reply_fault(&request, &fault);
    }
}

// A reply may be {json} alone, or {json}, newline, text for chunks.
static void
take_reply(struct desk *desk, const struct message *message)
{
    struct pending *pending = pending_by_number(desk, message->request);
    if (pending == NULL) {
        return;
    }
    struct control_request *request = pending_take(desk, pending);
    const char *line = (const char *)message->body.data;
    const char *newline =
        message->body.length > 0 ? memchr(line, '\n', message->body.length) : NULL;
    if (newline == NULL) {
        control_reply_line(&request, line, message->body.length);
        return;
    }
    struct json_value *reply = NULL;
    struct fault fault = {0};
    if (!json_value_read(line, (size_t)(newline - line), &reply, &fault)) {
        control_reply_fault(&request, &fault);
        return;
    }
    size_t length = message->body.length - (size_t)(newline - line) - 1;
    char *text = memory_alloc(length + 1);
    memcpy(text, newline + 1, length);
    text[length] = '\0';
    const struct json_value *found = json_value_get(reply, "result");
    struct json_value *result = found != NULL ? json_value_copy(found) : NULL;
    control_reply_text(&request, &text, length, &result);
    json_value_free(&reply);
}

// --- HTTP ---

static unsigned
render_metrics(void *context, struct octets_buffer *ret_body)
{
    struct desk *desk = context;
    struct mail_status mail;
    mail_status(desk->mail, &mail);
    status_metrics(&desk->known, &mail, desk->metrics);
    metrics_write(desk->metrics, ret_body);
    return 200;
}

static unsigned
render_health(void *context, struct octets_buffer *ret_body)
{
    struct desk *desk = context;
    struct mail_status mail;
    struct json_value *result;
    mail_status(desk->mail, &mail);
    int code = status_check(&desk->known, &mail, clock_unix_seconds(), &result);
    octets_buffer_printf(ret_body, "%s - %s\n", json_value_get_text(result, "nagios", ""),
                         json_value_get_text(result, "text", ""));
    json_value_free(&result);
    return code < CONTROL_USAGE ? 200 : 503;
}

static unsigned
render_status(void *context, struct octets_buffer *ret_body)
{
    struct desk *desk = context;
    struct mail_status mail;
    size_t length;
    mail_status(desk->mail, &mail);
    struct json_value *status = status_all(&desk->known, &mail, clock_unix_seconds());
    char *text = json_value_write(status, 2, &length);
    octets_buffer_add(ret_body, text, length);
    octets_buffer_add_u8(ret_body, '\n');
    free(text);
    json_value_free(&status);
    return 200;
}

static unsigned
render_page(void *context, struct octets_buffer *ret_body)
{
    struct desk *desk = context;
    struct mail_status mail;
    int64_t now = clock_unix_seconds();
    mail_status(desk->mail, &mail);
    struct json_value *status = status_all(&desk->known, &mail, now);
    http_page_render(status, now, ret_body);
    json_value_free(&status);
    return 200;
}

static const struct http_route ROUTES[] = {
    {"/", HTTP_TYPE_HTML, render_page},
    {"/metrics", HTTP_TYPE_METRICS, render_metrics},
    {"/healthz", HTTP_TYPE_TEXT, render_health},
    {"/status.json", HTTP_TYPE_JSON, render_status},
};

// --- Settings and messages ---

static void
count_mail(void *context, const char *kind, const char *result)
{
    struct desk *desk = context;
    metrics_add(desk->metrics, METRIC_ALERTS, 1, kind, result);
}

// The control socket and the HTTP port are opened before privileges go: their directory and port
// may need them.
static bool
settle(struct desk *desk, struct fault *fault)
{
    const struct secondary_settings *settings = &desk->known.settings->settings;
    uid_t uid = getuid();
    gid_t gid;
    if (privileges_is_root() && settings->user[0] != '\0' &&
        !privileges_find_user(settings->user, &uid, &gid, fault)) {
        return false;
    }
    int socket = control_listen(settings->control_socket, "tandem", fault);
    if (socket < 0) {
        return false;
    }
    if (address_is_set(&settings->http.listen) &&
        !http_open(&desk->http, desk->loop, &settings->http.listen, ROUTES,
                   sizeof ROUTES / sizeof ROUTES[0], desk, fault)) {
        return fault_wrap(fault, "http.listen");
    }
    struct privileges_options drop = {.user = settings->user};
    struct control_options control = {.path = settings->control_socket,
                                      .verbs = VERBS,
                                      .verb_count = sizeof VERBS / sizeof VERBS[0],
                                      .context = desk,
                                      .daemon_uid = uid};
    struct mail_options mail = {.alert = &settings->alert,
                                .state_directory = settings->state_directory,
                                .host = desk->known.settings->extras.host,
                                .tell = count_mail,
                                .context = desk};
    if (!privileges_drop(&drop, fault) || !mail_open(&desk->mail, desk->loop, &mail, fault)) {
        return false;
    }
    desk->alerts = alerts_new(desk->mail);
    return control_open_socket(&desk->control, desk->loop, socket, &control, fault) &&
           privileges_seccomp(PRIVILEGES_DESK, fault);
}

static void
take_settings(struct desk *desk, const struct message *message)
{
    struct role_settings *settings;
    struct fault fault = {0};
    if (!role_settings_read(message->body, &settings)) {
        send_text(desk, MESSAGE_READY, "the settings are not readable");
        return;
    }
    log_open("desk", settings->settings.log.level, settings->settings.log.format);
    known_take_settings(&desk->known, &settings, clock_unix_seconds());
    if (desk->mail != NULL) {
        mail_change(desk->mail, &desk->known.settings->settings.alert);
    } else if (!settle(desk, &fault)) {
        log_error(fault.text);
        desk->exit_code = 1;
        loop_stop(desk->loop);
        return;
    }
    send_text(desk, MESSAGE_READY, NULL);
}

static void
tell_taken(struct desk *desk, uint64_t request)
{
    const struct message message = {.type = MESSAGE_EVENT_TAKEN,
                                    .to = ROLE_SUPERVISOR,
                                    .from = ROLE_DESK,
                                    .zone = MESSAGE_NO_ZONE,
                                    .request = request};
    message_link_send(desk->link, &message);
}

// The mail is on disk when alerts_take returns: only then the supervisor may forget the event.
static void
event_due(void *context, uint32_t zone, uint64_t request, const struct message_event *event)
{
    struct desk *desk = context;
    alerts_take(desk->alerts, &desk->known, known_zone_by_id(&desk->known, zone), event);
    tell_taken(desk, request);
}

static void
take_event(struct desk *desk, const struct message *message)
{
    struct message_event event;
    if (desk->alerts == NULL) {
        return; // we are about to end; it comes again
    }
    if (!message_event_read(message->body, &event)) {
        log_limited(LOG_LEVEL_ERROR, "event", 60, "an event could not be read: not mailed");
        tell_taken(desk, message->request);
        return;
    }
    held_events_take(&desk->held, &desk->known, message->zone, message->request, &event,
                     loop_now_ms(desk->loop));
}

static void
take_role_facts(struct desk *desk, const struct message *message)
{
    enum message_role role;
    if (known_take_role_facts(&desk->known, message->body, &role)) {
        char text[128];
        snprintf(text, sizeof text,
                 "the %s died before it answered; it is being restarted, try again",
                 message_role_word(role));
        fail_pending(desk, role, INT64_MAX, text);
    }
}

static void
received(void *context, struct message *message)
{
    struct desk *desk = context;
    switch ((int)message->type) {
    case MESSAGE_SETTINGS:
        take_settings(desk, message);
        break;
    case MESSAGE_STOP:
        loop_stop(desk->loop);
        break;
    case MESSAGE_ZONE_FACTS:
        known_take_zone_facts(&desk->known, message->zone, message->body);
        break;
    case MESSAGE_POLL_FACTS:
        known_take_poll_facts(&desk->known, message->zone, message->body);
        break;
    case MESSAGE_TRANSFERS_OUT:
        known_take_transfers_out(&desk->known, message->zone, message->body);
        break;
    case MESSAGE_ROLE_FACTS:
        take_role_facts(desk, message);
        break;
    case MESSAGE_COUNTERS:
        known_take_counters(&desk->known, message);
        break;
    case MESSAGE_RATE_TABLE:
        known_take_rate_table(&desk->known, message);
        break;
    case MESSAGE_EVENT:
        take_event(desk, message);
        break;
    case MESSAGE_CONTROL_REPLY:
        take_reply(desk, message);
        break;
    default:
        break;
    }
}

static void
closed(void *context)
{
    struct desk *desk = context;
    loop_stop(desk->loop);
}

static void
tick(void *context)
{
    struct desk *desk = context;
    int64_t now = clock_unix_seconds();
    send_text(desk, MESSAGE_HEARTBEAT, NULL);
    spare_memory_beat(&desk->spare);
    if (desk->alerts == NULL) {
        return;
    }
    held_events_release(&desk->held, &desk->known, loop_now_ms(desk->loop), false);
    look_after_test(desk, now);
    fail_pending(desk, ROLE_COUNT, now - PENDING_SECONDS, "no answer in time");
    int64_t interval = desk->known.settings->settings.alert.heartbeat_seconds;
    if (interval > 0 && now - desk->last_heartbeat_seconds >= interval) {
        desk->last_heartbeat_seconds = now;
        alerts_heartbeat(desk->alerts, &desk->known, now);
    }
}

struct desk *
desk_new(struct loop *loop, int link_fd)
{
    struct desk *desk = memory_zalloc(sizeof *desk);
    desk->loop = loop;
    desk->metrics = metrics_new();
    desk->last_heartbeat_seconds = clock_unix_seconds();
    known_init(&desk->known, clock_unix_seconds());
    vector_init(&desk->pending, sizeof(struct pending));
    held_events_init(&desk->held, event_due, desk);
    desk->link = message_link_new(loop, &link_fd, received, closed, desk);
    desk->tick = loop_timer_new(loop, tick, desk);
    loop_timer_start(desk->tick, 0, TICK_MS);
    return desk;
}

int
desk_exit_code(const struct desk *desk)
{
    return desk->exit_code;
}

void
desk_free(struct desk **desk)
{
    struct desk *old = *desk;
    fail_pending(old, ROLE_COUNT, INT64_MAX, "tandem-secondary stops");
    held_events_release(&old->held, &old->known, loop_now_ms(old->loop), true);
    held_events_close(&old->held);
    loop_timer_free(&old->tick);
    control_close(&old->control);
    http_close(&old->http);
    alerts_free(&old->alerts);
    mail_close(&old->mail);
    metrics_free(&old->metrics);
    message_link_free(&old->link);
    known_close(&old->known);
    vector_close(&old->pending);
    free(old);
    *desk = NULL;
}
