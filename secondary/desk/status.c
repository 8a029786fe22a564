#include "secondary/desk/status.h"

#include <stdio.h>
#include <string.h>

#include "secondary/desk/status_rate.h"
#include "secondary/desk/status_signing.h"

#define SOCKET_USUAL "/run/tandem/secondary.sock"
#define HINTS_MAX    20

static const char *
or_null(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : NULL;
}

static bool
is_stale(const struct known_zone *zone, int64_t now)
{
    const struct message_poll_facts *poll = &zone->poll;
    int64_t limit = KNOWN_STALE_INTERVALS * zone->refresh_seconds;
    return zone->has_poll && poll->failures_in_row > 0 && now - poll->last_success_seconds > limit;
}

const char *
status_zone_state(const struct known_zone *zone, int64_t now)
{
    if (!zone->has_facts) {
        return "loading";
    }
    if (strcmp(zone->facts.state, "ok") == 0 && is_stale(zone, now)) {
        return "stale";
    }
    return zone->facts.state;
}

const char *
status_without_zone(const char *text, const char *domain)
{
    static const char word[] = "zone ";
    size_t length = strlen(domain);
    bool named = strncmp(text, word, sizeof word - 1) == 0 &&
                 strncmp(text + sizeof word - 1, domain, length) == 0 &&
                 strncmp(text + sizeof word - 1 + length, ": ", 2) == 0;
    return named ? text + sizeof word - 1 + length + 2 : text;
}

// Beside the zone's name; NULL for an empty text.
static const char *
words_of(const struct known_zone *zone, const char *text)
{
    return text != NULL ? or_null(status_without_zone(text, zone->domain)) : NULL;
}

const char *
status_zone_reason(const struct known_zone *zone, const char *state)
{
    if (strcmp(state, "stale") == 0 ||
        (strcmp(state, "loading") == 0 && zone->has_poll && zone->poll.failures_in_row > 0)) {
        return words_of(zone, zone->poll.failure);
    }
    return zone->has_facts ? words_of(zone, zone->facts.reason) : NULL;
}

static void
put_serials(struct json_value *object, const struct known_zone *zone)
{
    struct json_value *serial = json_value_put_object(object, "serial");
    if (zone->facts.has_version) {
        json_value_put_integer(serial, "unsigned", zone->facts.unsigned_serial);
        json_value_put_integer(serial, "signed", zone->facts.signed_serial);
    } else {
        json_value_put_null(serial, "unsigned");
        json_value_put_null(serial, "signed");
    }
    json_value_put_null(serial, "source");
}

static void
put_last_change(struct json_value *object, const struct known_zone *zone, int64_t now)
{
    if (!zone->facts.has_version) {
        json_value_put_null(object, "last_change");
        return;
    }
    struct json_value *change = json_value_put_object(object, "last_change");
    json_value_put_time(change, "at", zone->facts.published_seconds);
    json_value_put_integer(change, "age_seconds", now - zone->facts.published_seconds);
    json_value_put_integer(change, "added", zone->facts.added);
    json_value_put_integer(change, "removed", zone->facts.removed);
}

static void
put_refresh(struct json_value *object, const struct known_zone *zone)
{
    struct json_value *refresh = json_value_put_object(object, "refresh");
    json_value_put_time(refresh, "last_success_at", zone->poll.last_success_seconds);
    json_value_put_time(refresh, "last_try_at", zone->poll.last_attempt_seconds);
    json_value_put_time(refresh, "next_at", zone->poll.next_poll_seconds);
    json_value_put_integer(refresh, "interval_seconds", zone->refresh_seconds);
    json_value_put_integer(refresh, "failures", zone->poll.failures_in_row);
    json_value_put_text(refresh, "error", words_of(zone, zone->poll.failure));
    json_value_put_text(refresh, "primary", or_null(zone->poll.primary));
    json_value_put_text(refresh, "kind", or_null(zone->poll.kind));
}

static void
put_gate(struct json_value *object, const struct known_zone *zone)
{
    struct json_value *gate = json_value_put_object(object, "gate");
    bool held = zone->has_facts && strcmp(zone->facts.state, "held") == 0;
    json_value_put_text(gate, "state", held ? "held" : "passed");
    json_value_put_text(gate, "reason", held ? or_null(zone->facts.reason_word) : NULL);
    json_value_put_text(gate, "text", held ? or_null(zone->facts.reason) : NULL);
    json_value_put_text(gate, "digest", held ? or_null(zone->facts.held_digest) : NULL);
    json_value_put_time(gate, "since", held ? zone->facts.held_since_seconds : 0);
}

static void
put_next(struct json_value *object, const struct known_zone *zone, const char *state)
{
    struct json_value *next = json_value_put_object(object, "next");
    if (strcmp(state, "held") == 0) {
        json_value_put_text(next, "what", "gate");
        json_value_put_null(next, "at");
        json_value_put_text(next, "text", or_null(zone->facts.reason));
    } else if (zone->has_facts && zone->facts.signing_total > 0) {
        char text[STATUS_SIGNING_MAX];
        json_value_put_text(next, "what", "sign");
        json_value_put_null(next, "at");
        json_value_put_text(next, "text", status_signing_text(&zone->facts, text));
    } else {
        json_value_put_text(next, "what", "poll");
        json_value_put_time(next, "at", zone->poll.next_poll_seconds);
        json_value_put_null(next, "text");
    }
}

static const char *
policy_name(const struct known *known, const struct known_zone *zone)
{
    size_t index = role_settings_zone(known->settings, zone->id);
    size_t policy =
        index == SETTINGS_NONE ? POLICY_NONE : known->settings->settings.zones[index].rules->policy;
    return policy == POLICY_NONE ? "none" : known->settings->settings.policies[policy].id;
}

// What IXFR out can reach; null without a journal.
static void
put_journal(struct json_value *object, const struct message_zone_facts *facts)
{
    if (facts->journal_steps == 0) {
        json_value_put_null(object, "journal");
        return;
    }
    struct json_value *journal = json_value_put_object(object, "journal");
    json_value_put_integer(journal, "steps", facts->journal_steps);
    json_value_put_integer(journal, "octets", (int64_t)facts->journal_octets);
    json_value_put_integer(journal, "from_serial", facts->journal_from_serial);
}

struct json_value *
status_zone(const struct known *known, const struct known_zone *zone, int64_t now)
{
    struct json_value *object = json_value_object();
    const char *state = status_zone_state(zone, now);
    json_value_put_text(object, "zone", zone->domain);
    json_value_put_text(object, "state", state);
    json_value_put_text(object, "reason", status_zone_reason(zone, state));
    json_value_put_text(object, "policy", policy_name(known, zone));
    put_serials(object, zone);
    put_last_change(object, zone, now);
    json_value_put_integer(object, "records", (int64_t)zone->facts.rr_count);
    json_value_put_integer(object, "size_octets", (int64_t)zone->facts.living_octets);
    put_refresh(object, zone);
    json_value_put_time(object, "expire_at", zone->facts.expires_seconds);
    struct json_value *signatures = json_value_put_object(object, "signatures");
    json_value_put_integer(signatures, "count", (int64_t)zone->facts.signature_count);
    json_value_put_time(signatures, "first_expiry_at", zone->facts.signature_expiry_seconds);
    json_value_put_time(signatures, "next_refresh_at", zone->facts.next_refresh_seconds);
    put_gate(object, zone);
    struct json_value *notify = json_value_put_object(object, "notify");
    json_value_put_integer(notify, "downstream", zone->poll.downstream_count);
    json_value_put_integer(notify, "acknowledged", zone->poll.downstream_current);
    json_value_put_text(notify, "text", or_null(zone->poll.downstream));
    put_journal(object, &zone->facts);
    json_value_put_null(object, "alias");
    status_signing_put(object, zone->has_facts ? &zone->facts : NULL);
    put_next(object, zone, state);
    return object;
}

struct json_value *
status_zone_keys(const struct known_zone *zone)
{
    struct json_value *keys = json_value_array();
    for (uint32_t i = 0; i < zone->facts.key_count; i++) {
        struct json_value *key = json_value_add_object(keys);
        json_value_put_text(key, "zone", zone->domain);
        json_value_put_integer(key, "tag", zone->facts.keys[i].tag);
        json_value_put_text(key, "role", zone->facts.keys[i].role);
        json_value_put_integer(key, "algorithm_number", zone->facts.keys[i].algorithm);
        json_value_put_text(key, "state", zone->facts.keys[i].state);
    }
    return keys;
}

struct json_value *
status_mail(const struct mail_status *mail)
{
    struct json_value *object = json_value_object();
    json_value_put_integer(object, "queue_length", (int64_t)mail->queue_length);
    json_value_put_time(object, "oldest_at", mail->oldest_at);
    json_value_put_integer(object, "sent_total", (int64_t)mail->sent_total);
    json_value_put_integer(object, "failed_total", (int64_t)mail->failed_total);
    json_value_put_time(object, "last_sent_at", mail->last_sent_at);
    json_value_put_time(object, "last_failed_at", mail->last_failed_at);
    json_value_put_time(object, "next_try_at", mail->next_try_at);
    json_value_put_text(object, "error", or_null(mail->last_error));
    json_value_put_text(object, "way", mail->way);
    return object;
}

const char *
status_tool(const struct known *known, char *text, size_t size)
{
    const char *socket = known->settings->settings.control_socket;
    if (strcmp(socket, SOCKET_USUAL) == 0) {
        snprintf(text, size, "tandemctl");
    } else {
        snprintf(text, size, "tandemctl -s %s", socket);
    }
    return text;
}

static void
add_hint(const struct known *known, struct json_value *hints, const struct known_zone *zone,
         const char *state)
{
    char tool[512];
    status_tool(known, tool, sizeof tool);
    bool held = strcmp(state, "held") == 0 && zone->facts.held_digest[0] != '\0';
    bool fails = strcmp(state, "loading") == 0 && zone->has_poll && zone->poll.failures_in_row > 0;
    if (!held && !fails && strcmp(state, "stale") != 0 && strcmp(state, "failed") != 0 &&
        strcmp(state, "expired") != 0) {
        return;
    }
    struct json_value *hint = json_value_add_object(hints);
    json_value_put_text(hint, "text", "see");
    json_value_put_text(hint, "zone", zone->domain);
    struct json_value *commands = json_value_put_array(hint, "commands");
    char command[1800];
    if (held) {
        snprintf(command, sizeof command, "%s zone diff %s", tool, zone->domain);
        json_value_add_text(commands, command);
        snprintf(command, sizeof command, "%s zone accept %s %s", tool, zone->domain,
                 zone->facts.held_digest);
        json_value_add_text(commands, command);
    } else {
        snprintf(command, sizeof command, "%s zone status %s", tool, zone->domain);
        json_value_add_text(commands, command);
        if (strcmp(state, "failed") == 0 && strstr(zone->facts.reason, "tandemctl reload")) {
            snprintf(command, sizeof command, "%s reload", tool);
        } else {
            snprintf(command, sizeof command, "%s zone refresh %s", tool, zone->domain);
        }
        json_value_add_text(commands, command);
    }
}

const char *
status_role_word(const struct message_role_facts *facts, char word[static STATUS_ROLE_WORD_MAX])
{
    const char *role = message_role_word(facts->role);
    if (facts->role == ROLE_SERVER) {
        snprintf(word, STATUS_ROLE_WORD_MAX, "%s %u", role, facts->index);
    } else {
        snprintf(word, STATUS_ROLE_WORD_MAX, "%s", role);
    }
    return word;
}

static void
put_roles(const struct known *known, struct json_value *object)
{
    struct json_value *roles = json_value_put_array(object, "roles");
    for (size_t i = 0; i < known->roles.count; i++) {
        const struct message_role_facts *facts = vector_at(&known->roles, i);
        struct json_value *role = json_value_add_object(roles);
        char word[STATUS_ROLE_WORD_MAX];
        json_value_put_text(role, "role", status_role_word(facts, word));
        json_value_put_integer(role, "pid", facts->pid);
        json_value_put_text(role, "state", facts->pid != 0 ? "running" : "restarting");
        json_value_put_time(role, "started_at", facts->started_seconds);
        json_value_put_integer(role, "restarts", facts->restarts);
    }
}

// The last contact with a primary, over the zones that it serves.
static const struct known_zone *
zone_of_primary(const struct known *known, size_t remote)
{
    const struct known_zone *best = NULL;
    for (size_t i = 0; i < known->zones.count; i++) {
        const struct known_zone *zone = vector_at(&known->zones, i);
        const struct settings_indexes *primaries =
            &known->settings->settings.zones[i].rules->primaries;
        bool uses = false;
        for (size_t k = 0; k < primaries->count; k++) {
            uses = uses || primaries->items[k] == remote;
        }
        if (uses && zone->has_poll &&
            (best == NULL || zone->poll.last_attempt_seconds > best->poll.last_attempt_seconds)) {
            best = zone;
        }
    }
    return best;
}

// What failed, beside the primary's id and address: without "zone Z: transfer from ID ADDRESS: ".
static const char *
error_of(const struct known_zone *zone, const char *id, const char *address)
{
    char front[1024];
    const char *text = words_of(zone, zone->poll.failure);
    snprintf(front, sizeof front, "transfer from %s %s: ", id, address);
    bool named = text != NULL && strncmp(text, front, strlen(front)) == 0;
    return named ? text + strlen(front) : text;
}

static void
put_primaries(const struct known *known, struct json_value *object)
{
    struct json_value *primaries = json_value_put_array(object, "primaries");
    const struct secondary_settings *settings = &known->settings->settings;
    for (size_t i = 0; i < settings->remote_count; i++) {
        const struct known_zone *zone = zone_of_primary(known, i);
        if (zone == NULL) {
            continue;
        }
        char address[ADDRESS_TEXT_MAX] = "";
        struct json_value *primary = json_value_add_object(primaries);
        json_value_put_text(primary, "id", settings->remotes[i].id);
        json_value_put_text(primary, "address",
                            settings->remotes[i].addresses.count > 0
                                ? address_to_text(&settings->remotes[i].addresses.items[0], address)
                                : NULL);
        json_value_put_text(primary, "state", zone->poll.failures_in_row == 0 ? "ok" : "failing");
        json_value_put_time(primary, "answered_at", zone->poll.last_success_seconds);
        json_value_put_integer(primary, "round_trip_milliseconds", zone->poll.round_trip_ms);
        json_value_put_text(primary, "error", error_of(zone, settings->remotes[i].id, address));
    }
}

static void
count_state(struct json_value *states, const char *state)
{
    json_value_put_integer(states, state, json_value_get_integer(states, state, 0) + 1);
}

static const char *
overall(const struct known *known, int64_t now)
{
    const char *worst = "ok";
    for (size_t i = 0; i < known->zones.count; i++) {
        const char *state = status_zone_state(vector_at(&known->zones, i), now);
        if (strcmp(state, "expired") == 0 || strcmp(state, "failed") == 0) {
            return "failed";
        }
        if (strcmp(state, "ok") != 0) {
            worst = "degraded";
        }
    }
    for (size_t i = 0; i < known->roles.count; i++) {
        if (((struct message_role_facts *)vector_at(&known->roles, i))->pid == 0) {
            worst = "degraded";
        }
    }
    return worst;
}

struct json_value *
status_all(const struct known *known, const struct mail_status *mail, int64_t now)
{
    struct json_value *object = json_value_object();
    json_value_put_text(object, "program", "tandem-secondary");
    json_value_put_text(object, "version", TANDEM_VERSION);
    json_value_put_text(object, "host", known->settings->extras.host);
    json_value_put_text(object, "state", overall(known, now));
    json_value_put_time(object, "started_at", known->started_seconds);
    json_value_put_time(object, "now", now);
    json_value_put_integer(object, "uptime_seconds", now - known->started_seconds);
    json_value_put_time(object, "configured_at", known->configured_seconds);
    json_value_put_integer(object, "zone_count", (int64_t)known->zones.count);
    struct json_value *states = json_value_put_object(object, "zone_states");
    struct json_value *zones = json_value_put_array(object, "zones");
    struct json_value *hints = json_value_array();
    for (size_t i = 0; i < known->zones.count; i++) {
        const struct known_zone *zone = vector_at(&known->zones, i);
        const char *state = status_zone_state(zone, now);
        struct json_value *one = status_zone(known, zone, now);
        count_state(states, state);
        json_value_add(zones, &one);
        if (json_value_count(hints) < HINTS_MAX) {
            add_hint(known, hints, zone, state);
        }
    }
    char tool[512];
    status_rate_hint(known, status_tool(known, tool, sizeof tool), now, hints);
    put_primaries(known, object);
    put_roles(known, object);
    struct json_value *mails = status_mail(mail);
    json_value_put(object, "mail", &mails);
    json_value_put(object, "hints", &hints);
    return object;
}
