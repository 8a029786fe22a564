#include "secondary/fetcher/fetcher.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/vector.h"
#include "common/daemon/control.h"
#include "common/daemon/json_value.h"
#include "common/daemon/log.h"
#include "common/daemon/privileges.h"
#include "common/daemon/spare_memory.h"
#include "common/net/loop.h"
#include "secondary/fetcher/downstream.h"
#include "secondary/fetcher/ds_watch.h"
#include "secondary/fetcher/poll.h"
#include "secondary/fetcher/report.h"
#include "secondary/fetcher/turns.h"
#include "secondary/fetcher/zone_digest.h"
#include "secondary/messages.h"
#include "secondary/settings.h"

// One zone: its polls, its downstream servers, its parent.
struct zone {
    struct poll *poll;
    struct downstream *downstream; // NULL: nobody to notify
    struct ds_watch *ds_watch;     // NULL: no ds-check
    struct hash_digest digest;     // of the settings that these were made from
};

struct fetcher {
    struct loop *loop;
    struct message_link *link;
    struct turns *turns;
    struct loop_timer *heartbeat;
    struct spare_memory spare;
    struct role_settings *settings; // in force; NULL: none came yet
    struct vector zones;            // of struct zone *
    int exit_code;
};

static struct zone *
zone_at(const struct fetcher *fetcher, size_t index)
{
    return *(struct zone **)vector_at(&fetcher->zones, index);
}

// Among the first count zones, which are in order of their numbers.
static struct zone *
zone_among(const struct fetcher *fetcher, size_t count, uint32_t id)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (poll_zone(zone_at(fetcher, middle)->poll) < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && poll_zone(zone_at(fetcher, low)->poll) == id ? zone_at(fetcher, low)
                                                                       : NULL;
}

static struct zone *
zone_by_id(const struct fetcher *fetcher, uint32_t id)
{
    return zone_among(fetcher, fetcher->zones.count, id);
}

static int
compare_ids(const void *a, const void *b)
{
    uint32_t left = poll_zone((*(struct zone *const *)a)->poll);
    uint32_t right = poll_zone((*(struct zone *const *)b)->poll);
    return left < right ? -1 : left > right;
}

static void
zone_free(struct zone **zone)
{
    poll_free(&(*zone)->poll);
    downstream_free(&(*zone)->downstream);
    ds_watch_free(&(*zone)->ds_watch);
    free(*zone);
    *zone = NULL;
}

static void
give_up(struct fetcher *fetcher, const char *why)
{
    log_error(why);
    fetcher->exit_code = 1;
    loop_stop(fetcher->loop);
}

// ---- settings ----

// jansson opens /dev/urandom at its first object (an operator's order is answered with one); that
// must be over before the rights are gone.
static void
use_libraries_once(void)
{
    struct json_value *object = json_value_object();
    json_value_free(&object);
}

static bool
settle(const struct role_settings *settings, struct fault *fault)
{
    const struct privileges_options drop = {.user = settings->settings.user};
    use_libraries_once();
    return privileges_drop(&drop, fault) && privileges_seccomp(PRIVILEGES_FETCHER, fault);
}

static void
on_downstream_changed(void *context)
{
    struct zone *zone = context;
    struct downstream_state state;
    downstream_state(zone->downstream, &state);
    poll_set_downstream(zone->poll, state.count, state.current, state.text);
    poll_tell_facts(zone->poll);
}

// What hangs on remotes and policy is made anew; a poll that runs goes on.
static void
zone_configure(struct fetcher *fetcher, struct zone *zone, const struct role_settings *settings,
               size_t index)
{
    const struct secondary_zone_settings *of = &settings->settings.zones[index];
    downstream_free(&zone->downstream);
    ds_watch_free(&zone->ds_watch);
    zone_digest(&settings->settings, of, &zone->digest);
    zone->downstream =
        downstream_new(fetcher->loop, &settings->settings, of, on_downstream_changed, zone);
    if (of->rules->policy == POLICY_NONE)
        return;
    const struct policy_settings *policy = &settings->settings.policies[of->rules->policy];
    if (policy->ds_check_parents.count)
        zone->ds_watch =
            ds_watch_new(fetcher->loop, fetcher->turns, fetcher->link, settings->zone_ids[index],
                         of->name, &policy->ds_check_parents, policy->ds_check_interval_seconds);
}

static void
zone_add(struct fetcher *fetcher, const struct role_settings *settings, size_t index)
{
    struct zone *zone = memory_zalloc(sizeof(*zone));
    const struct poll_shared shared = {.loop = fetcher->loop,
                                       .turns = fetcher->turns,
                                       .link = fetcher->link,
                                       .zone_count = settings->settings.zone_count};
    zone->poll = poll_new(&shared, settings->zone_ids[index], &settings->settings,
                          &settings->settings.zones[index]);
    zone_configure(fetcher, zone, settings, index);
    vector_add(&fetcher->zones, &zone);
}

static void
drop_gone_zones(struct fetcher *fetcher, const struct role_settings *settings)
{
    size_t kept = 0;
    for (size_t i = 0; i < fetcher->zones.count; i++) {
        struct zone *zone = zone_at(fetcher, i);
        if (role_settings_zone(settings, poll_zone(zone->poll)) == SETTINGS_NONE)
            zone_free(&zone);
        else
            memcpy(vector_at(&fetcher->zones, kept++), &zone, sizeof(zone));
    }
    fetcher->zones.count = kept;
}

// Then a reload for another zone's sake leaves this one alone.
static bool
zone_is_as_before(const struct zone *zone, const struct role_settings *settings, size_t index)
{
    struct hash_digest digest;
    zone_digest(&settings->settings, &settings->settings.zones[index], &digest);
    return memcmp(digest.octets, zone->digest.octets, sizeof(digest.octets)) == 0;
}

static void
take_zones(struct fetcher *fetcher, const struct role_settings *settings)
{
    drop_gone_zones(fetcher, settings);
    size_t known = fetcher->zones.count; // new ones stand behind these until all are there
    for (size_t i = 0; i < settings->settings.zone_count; i++) {
        struct zone *zone = zone_among(fetcher, known, settings->zone_ids[i]);
        if (!zone) {
            zone_add(fetcher, settings, i);
            continue;
        }
        bool same = zone_is_as_before(zone, settings, i);
        poll_change_settings(zone->poll, &settings->settings, &settings->settings.zones[i], same);
        if (!same)
            zone_configure(fetcher, zone, settings, i);
    }
    if (fetcher->zones.count > 0)
        qsort(fetcher->zones.items, fetcher->zones.count, sizeof(struct zone *), compare_ids);
}

static void
take_settings(struct fetcher *fetcher, const struct message *message)
{
    struct role_settings *settings = NULL;
    struct fault fault = {0};
    if (!role_settings_read(message->body, &settings)) {
        message_link_tell(fetcher->link, ROLE_FETCHER, MESSAGE_READY,
                          "the fetcher's settings could not be read");
        return;
    }
    log_open("fetcher", settings->settings.log.level, settings->settings.log.format);
    if (!fetcher->settings && !settle(settings, &fault)) {
        role_settings_free(&settings);
        message_link_tell(fetcher->link, ROLE_FETCHER, MESSAGE_READY, fault.text);
        give_up(fetcher, fault.text);
        return;
    }
    take_zones(fetcher, settings);
    role_settings_free(&fetcher->settings);
    fetcher->settings = settings;
    spare_memory_give_back(&fetcher->spare);
    message_link_tell(fetcher->link, ROLE_FETCHER, MESSAGE_READY, NULL);
}

// ---- orders for a zone ----

static void
take_hint(struct zone *zone, const struct message *message)
{
    struct message_notify_hint hint;
    if (message_notify_hint_read(message->body, &hint))
        poll_take_hint(zone->poll, &hint);
}

static void
take_verdict(struct zone *zone, const struct message *message)
{
    struct message_verdict verdict;
    if (!message_verdict_read(message->body, &verdict))
        return;
    poll_take_verdict(zone->poll, &verdict);
    message_verdict_close(&verdict);
}

static void
take_notify_out(struct zone *zone, const struct message *message)
{
    struct octets_reader reader;
    octets_reader_init(&reader, message->body.data, message->body.length);
    uint32_t serial = octets_read_u32(&reader);
    if (reader.failed)
        return;
    downstream_tell(zone->downstream, serial);
    on_downstream_changed(zone);
}

static bool
is_on(const struct message_control *control, const char *option)
{
    const char *value = message_control_option(control, option);
    return value && strcmp(value, "false") != 0 && strcmp(value, "0") != 0;
}

static void
notify_again(struct fetcher *fetcher, struct zone *zone, const struct report_request *request,
             const char *domain, bool dry_run)
{
    struct fault fault = {0};
    struct downstream_state state;
    downstream_state(zone->downstream, &state);
    if (!state.count) {
        fault_set(&fault, FAULT_NOT_FOUND,
                  "zone %s: nobody to tell: no notify is set, or nothing was published yet",
                  domain);
        report_failed(fetcher->link, request, CONTROL_NOT_FOUND, &fault);
        return;
    }
    if (!dry_run && downstream_tell_again(zone->downstream))
        on_downstream_changed(zone);
    report_done(fetcher->link, request, domain, true, dry_run, false,
                "NOTIFY goes out to the downstream servers");
}

static const char *
domain_of(const struct fetcher *fetcher, const struct zone *zone)
{
    size_t index = role_settings_zone(fetcher->settings, poll_zone(zone->poll));
    return fetcher->settings->settings.zones[index].domain;
}

static void
control(struct fetcher *fetcher, struct zone *zone, const struct message_control *order,
        uint64_t id)
{
    const struct report_request request = {.zone = poll_zone(zone->poll), .request = id};
    const char *domain = domain_of(fetcher, zone);
    bool dry_run = is_on(order, "dry_run") || is_on(order, "dry-run");
    bool forced = strcmp(order->verb, "retransfer") == 0;
    struct fault fault = {0};
    if (strcmp(order->verb, "notify") == 0) {
        notify_again(fetcher, zone, &request, domain, dry_run);
    } else if (!forced && strcmp(order->verb, "refresh") != 0) {
        fault_set(&fault, FAULT_UNSUPPORTED, "%s %s: not a verb of the fetcher", order->object,
                  order->verb);
        report_failed(fetcher->link, &request, CONTROL_USAGE, &fault);
    } else if (dry_run) {
        report_done(fetcher->link, &request, domain, false, true, false,
                    "the primaries would be polled now");
    } else {
        poll_command(zone->poll, id, forced, is_on(order, "wait"));
    }
}

static void
take_control(struct fetcher *fetcher, struct zone *zone, const struct message *message)
{
    struct message_control order;
    if (!message_control_read(message->body, &order))
        return;
    if (zone) {
        control(fetcher, zone, &order, message->request);
    } else {
        const struct report_request request = {message->zone, message->request};
        struct fault fault = {0};
        fault_set(&fault, FAULT_NOT_FOUND, "the fetcher does not know this zone (yet)");
        report_failed(fetcher->link, &request, CONTROL_NOT_FOUND, &fault);
    }
    message_control_close(&order);
}

static void
take_zone_order(struct fetcher *fetcher, const struct message *message)
{
    struct zone *zone = zone_by_id(fetcher, message->zone);
    if (message->type == MESSAGE_CONTROL_REQUEST)
        take_control(fetcher, zone, message);
    else if (!zone)
        return; // it went with a reload
    else if (message->type == MESSAGE_NOTIFY_HINT)
        take_hint(zone, message);
    else if (message->type == MESSAGE_VERDICT)
        take_verdict(zone, message);
    else if (message->type == MESSAGE_NOTIFY_OUT)
        take_notify_out(zone, message);
}

// ---- life ----

static void
for_each_poll(struct fetcher *fetcher, void (*act)(struct poll *poll))
{
    for (size_t i = 0; i < fetcher->zones.count; i++)
        act(zone_at(fetcher, i)->poll);
}

static void
received(void *context, struct message *message)
{
    struct fetcher *fetcher = context;
    if (message->type == MESSAGE_SETTINGS)
        take_settings(fetcher, message);
    else if (message->type == MESSAGE_STOP)
        loop_stop(fetcher->loop);
    else if (message->type == MESSAGE_SIGNER_STARTED)
        for_each_poll(fetcher, poll_take_signer_started);
    else if (message->type == MESSAGE_PLACES_WANTED)
        for_each_poll(fetcher, poll_tell_facts);
    else
        take_zone_order(fetcher, message);
}

static void
closed(void *context)
{
    struct fetcher *fetcher = context;
    loop_stop(fetcher->loop);
}

static void
beat(void *context)
{
    struct fetcher *fetcher = context;
    message_link_tell(fetcher->link, ROLE_FETCHER, MESSAGE_HEARTBEAT, NULL);
    spare_memory_beat(&fetcher->spare);
}

struct fetcher *
fetcher_new(struct loop *loop, int *connection)
{
    struct fetcher *fetcher = memory_zalloc(sizeof(*fetcher));
    fetcher->loop = loop;
    vector_init(&fetcher->zones, sizeof(struct zone *));
    fetcher->turns = turns_new(loop, FETCHER_TURNS_MAX);
    fetcher->link = message_link_new(loop, connection, received, closed, fetcher);
    fetcher->heartbeat = loop_timer_new(loop, beat, fetcher);
    loop_timer_start(fetcher->heartbeat, FETCHER_HEARTBEAT_MS, FETCHER_HEARTBEAT_MS);
    return fetcher;
}

void
fetcher_free(struct fetcher **fetcher)
{
    struct fetcher *gone = *fetcher;
    if (!gone)
        return;
    for (size_t i = 0; i < gone->zones.count; i++) {
        struct zone *zone = zone_at(gone, i);
        zone_free(&zone);
    }
    vector_close(&gone->zones);
    loop_timer_free(&gone->heartbeat);
    turns_free(&gone->turns);
    message_link_free(&gone->link);
    role_settings_free(&gone->settings);
    free(gone);
    *fetcher = NULL;
}

int
fetcher_exit_code(const struct fetcher *fetcher)
{
    return fetcher->exit_code;
}
