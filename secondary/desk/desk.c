#include "secondary/desk/desk.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/arena.h"
#include "common/daemon/clock.h"
#include "common/daemon/control.h"
#include "common/daemon/http.h"
#include "common/daemon/log.h"
#include "common/daemon/mail.h"
#include "common/daemon/metrics.h"
#include "common/daemon/privileges.h"
#include "common/net/address.h"
#include "common/net/loop.h"
#include "secondary/desk/alert.h"
#include "secondary/desk/desk_inside.h"
#include "secondary/desk/pages.h"
#include "secondary/desk/verbs.h"
#include "secondary/settings.h"

#define TICK_MS 1000

static void
count_mail(void *context, const char *kind, const char *result)
{
    struct desk *desk = context;
    metrics_add(desk->metrics, METRIC_ALERTS, 1, kind, result);
}

static bool
http_start(struct desk *desk, struct fault *fault)
{
    const struct address *listen = &desk->known.settings->settings.http.listen;
    size_t count;
    const struct http_route *routes = pages_table(&count);
    return !address_is_set(listen) ||
           http_open(&desk->http, desk->loop, listen, routes, count, desk, fault);
}

static bool
mail_start(struct desk *desk, struct fault *fault)
{
    const struct secondary_settings *settings = &desk->known.settings->settings;
    const struct mail_options options = {.alert = &settings->alert,
                                         .state_directory = settings->state_directory,
                                         .host = desk->known.settings->extras.host,
                                         .tell = count_mail,
                                         .context = desk};
    if (!mail_open(&desk->mail, desk->loop, &options, fault)) {
        return false;
    }
    desk->alerts = alerts_new(desk->mail);
    return true;
}

static bool
control_start(struct desk *desk, int socket, uid_t uid, struct fault *fault)
{
    struct control_options options = {
        .path = desk->known.settings->settings.control_socket, .context = desk, .daemon_uid = uid};
    options.verbs = verbs_table(&options.verb_count);
    return control_open_socket(&desk->control, desk->loop, socket, &options, fault);
}

// The control socket and the HTTP port are opened before privileges go: their directory and port
// may need them.
static bool
settle(struct desk *desk, struct fault *fault)
{
    const struct secondary_settings *settings = &desk->known.settings->settings;
    const struct privileges_options drop = {.user = settings->user};
    uid_t uid = getuid();
    gid_t gid;
    if (privileges_is_root() && settings->user[0] != '\0' &&
        !privileges_find_user(settings->user, &uid, &gid, fault)) {
        return false;
    }
    int socket = control_listen(settings->control_socket, "tandem", fault);
    return socket >= 0 && http_start(desk, fault) && privileges_drop(&drop, fault) &&
           mail_start(desk, fault) && control_start(desk, socket, uid, fault) &&
           privileges_seccomp(PRIVILEGES_DESK, fault);
}

static void
take_settings(struct desk *desk, const struct message *message)
{
    struct role_settings *settings;
    struct fault fault = {0};
    if (!role_settings_read(message->body, &settings)) {
        message_link_tell(desk->link, ROLE_DESK, MESSAGE_READY, "the settings are not readable");
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
    message_link_tell(desk->link, ROLE_DESK, MESSAGE_READY, NULL);
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
        errands_fail(&desk->errands, role, INT64_MAX, text);
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
        errands_take_reply(&desk->errands, message);
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
    message_link_tell(desk->link, ROLE_DESK, MESSAGE_HEARTBEAT, NULL);
    spare_memory_beat(&desk->spare);
    if (desk->alerts == NULL) {
        return;
    }
    held_events_release(&desk->held, &desk->known, loop_now_ms(desk->loop), false);
    verbs_look_after_test(desk, now);
    errands_fail(&desk->errands, ROLE_COUNT, now - ERRANDS_SECONDS, "no answer in time");
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
    held_events_init(&desk->held, event_due, desk);
    desk->link = message_link_new(loop, &link_fd, received, closed, desk);
    errands_init(&desk->errands, desk->link);
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
    errands_fail(&old->errands, ROLE_COUNT, INT64_MAX, "tandem-secondary stops");
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
    errands_close(&old->errands);
    free(old);
    *desk = NULL;
}
