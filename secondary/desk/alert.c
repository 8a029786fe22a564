#include "secondary/desk/alert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/quantity.h"
#include "common/daemon/log.h"
#include "common/daemon/mail.h"
#include "secondary/desk/status.h"
#include "secondary/desk/status_check.h"

#define SUBJECT_WHY_MAX 120  // octets: a subject is read in a list
#define LINE_WORDS_MAX  2000 // of a sentence in the text

struct kept {
    int64_t at_seconds;
    char *kind, *zone, *subject, *dedup;
};

struct alerts {
    struct mail *mail;
    struct kept kept[ALERT_KEPT]; // a ring
    size_t count, next;
};

struct alerts *
alerts_new(struct mail *mail)
{
    struct alerts *alerts = memory_zalloc(sizeof *alerts);
    alerts->mail = mail;
    return alerts;
}

static void
kept_close(struct kept *kept)
{
    free(kept->kind);
    free(kept->zone);
    free(kept->subject);
    free(kept->dedup);
    *kept = (struct kept){0};
}

void
alerts_free(struct alerts **alerts)
{
    if (*alerts == NULL) {
        return;
    }
    for (size_t i = 0; i < ALERT_KEPT; i++) {
        kept_close(&(*alerts)->kept[i]);
    }
    free(*alerts);
    *alerts = NULL;
}

static const struct kept *
kept_at(const struct alerts *alerts, size_t index)
{
    return &alerts->kept[(alerts->next + ALERT_KEPT - 1 - index) % ALERT_KEPT];
}

static void
keep(struct alerts *alerts, int64_t at, const char *kind, const char *zone, const char *subject,
     const char *dedup)
{
    struct kept *kept = &alerts->kept[alerts->next];
    kept_close(kept);
    *kept = (struct kept){at, memory_text(kind), memory_text(zone), memory_text(subject),
                          memory_text(dedup)};
    alerts->next = (alerts->next + 1) % ALERT_KEPT;
    if (alerts->count < ALERT_KEPT) {
        alerts->count++;
    }
}

// Text that came with an event may hold names of a stranger's zone: it becomes part of one line.
// Cut between two characters (UTF-8) when it is longer than maximum.
static void
add_words(struct octets_buffer *text, const char *words, size_t maximum)
{
    size_t length = strlen(words);
    bool cut = length > maximum;
    if (cut) {
        length = maximum - (sizeof "..." - 1);
        while (length > 0 && ((unsigned char)words[length] & 0xc0) == 0x80) {
            length--;
        }
    }
    for (size_t i = 0; i < length; i++) {
        unsigned char octet = (unsigned char)words[i];
        octets_buffer_add_u8(text, octet < 0x20 || octet == 0x7f ? ' ' : octet);
    }
    if (cut) {
        octets_buffer_add(text, "...", 3);
    }
}

static void
subject_words(const struct known_zone *zone, const struct message_event *event,
              struct octets_buffer *subject)
{
    static const char *const phrases[EVENT_KIND_COUNT] = {
        [EVENT_GATE] = " held by the gate: ",
        [EVENT_REFRESH_FAILED] = ": refresh fails: ",
        [EVENT_RRSIG_EXPIRING] = ": signatures near their end: ",
        [EVENT_KEY] = ": keys: ",
        [EVENT_DS] = ": DS: ",
        [EVENT_ALIAS_HELD] = ": alias held: ",
        [EVENT_CRASH] = ": trouble: ",
        [EVENT_RECOVERED] = " recovered: ",
    };
    const char *name = zone != NULL ? zone->domain : "tandem-secondary";
    octets_buffer_printf(subject, "%s", name);
    if (event->kind == EVENT_RESIGN) {
        octets_buffer_printf(subject, " re-signed: %u -> %u (+%u -%u)", event->unsigned_serial,
                             event->signed_serial, event->added, event->removed);
        return;
    }
    octets_buffer_printf(subject, "%s", phrases[event->kind]);
    add_words(subject, status_without_zone(event->why, name), SUBJECT_WHY_MAX);
}

// Where to ask: the first address we listen on, the host's name when that is every address.
static void
write_server(const struct known *known, struct octets_buffer *text)
{
    const struct settings_addresses *listen = &known->settings->settings.listen;
    uint16_t port = listen->count > 0 ? address_port(&listen->items[0]) : ADDRESS_PORT_DNS;
    char bare[ADDRESS_TEXT_MAX];
    bool named = listen->count == 0 || address_is_wildcard(&listen->items[0]);
    octets_buffer_printf(text, "@%s",
                         named ? known->settings->extras.host
                               : address_to_text_bare(&listen->items[0], bare));
    if (port != ADDRESS_PORT_DNS) {
        octets_buffer_printf(text, " -p %u", port);
    }
}

// The first RRset of a diff: "  example.gov.  60  A".
static bool
first_rrset(const char *diff, char owner[static NAME_TEXT_MAX], char type[static 32])
{
    char line[NAME_TEXT_MAX + 64];
    char ttl[64];
    snprintf(line, sizeof line, "%.*s", (int)strcspn(diff, "\n"), diff);
    // "300 -> 60" has more words: the type is the last one.
    const char *last = strrchr(line, ' ');
    if (last == NULL || sscanf(line, "  %1024s %63s", owner, ttl) != 2) {
        return false;
    }
    snprintf(type, 32, "%s", last + 1);
    return true;
}

static void
write_check(const struct known *known, const struct known_zone *zone,
            const struct message_event *event, struct octets_buffer *body)
{
    char owner[NAME_TEXT_MAX], type[32];
    if (event->kind != EVENT_RESIGN || zone == NULL) {
        return;
    }
    if (!first_rrset(event->diff, owner, type)) {
        snprintf(owner, sizeof owner, "%s", zone->domain);
        snprintf(type, sizeof type, "SOA");
    }
    size_t length = strlen(owner);
    if (length > 1 && owner[length - 1] == '.') {
        owner[length - 1] = '\0';
    }
    octets_buffer_printf(body, "Check    dig ");
    write_server(known, body);
    octets_buffer_printf(body, " %s %s +dnssec\n", owner, type);
}

static void
write_where(const struct known *known, const struct message_event *event,
            struct octets_buffer *body)
{
    char at[QUANTITY_TEXT_MAX];
    octets_buffer_printf(body, "Where    %s, %s", known->settings->extras.host,
                         quantity_time_text(event->at_seconds, at));
    if (event->has_serials) {
        octets_buffer_printf(body, ", unsigned %u -> signed %u", event->unsigned_serial,
                             event->signed_serial);
    }
    if (event->has_serials && event->former_signed_serial != 0 &&
        event->former_signed_serial != event->signed_serial) {
        octets_buffer_printf(body, " (was %u)", event->former_signed_serial);
    }
    if (event->kind == EVENT_RESIGN) {
        octets_buffer_printf(body, ", %lld ms, %u new signatures, %u kept",
                             (long long)event->duration_ms, event->new_signatures,
                             event->kept_signatures);
    }
    octets_buffer_printf(body, "\n");
}

static void
write_diff(const struct message_event *event, struct octets_buffer *body)
{
    size_t length = strlen(event->diff);
    octets_buffer_add(body, event->diff, length);
    if (length > 0 && event->diff[length - 1] != '\n') {
        octets_buffer_add_u8(body, '\n');
    }
    if (event->diff_lines_total > ALERT_DIFF_LINES) {
        octets_buffer_printf(body, "  (%u more lines)\n",
                             event->diff_lines_total - ALERT_DIFF_LINES);
    }
}

// Each line of a hint is a command.
static void
write_hint(const struct known *known, const struct message_event *event, struct octets_buffer *body)
{
    static const char word[] = "tandemctl ";
    if (event->kind == EVENT_RESIGN || event->hint[0] == '\0') {
        return;
    }
    char tool[512];
    status_tool(known, tool, sizeof tool);
    for (const char *at = event->hint; *at != '\0';) {
        size_t length = strcspn(at, "\n");
        bool ours = strncmp(at, word, sizeof word - 1) == 0;
        size_t skip = ours ? sizeof word - 1 : 0;
        octets_buffer_printf(body, "%s%s%s%.*s\n", at == event->hint ? "Do       " : "         ",
                             ours ? tool : "", ours ? " " : "", (int)(length - skip), at + skip);
        at += length + (at[length] == '\n');
    }
}

// What the public sees meanwhile, where the event does not say it or cannot know.
static const char *
health_words(const struct known_zone *zone, const struct message_event *event)
{
    bool waits = event->kind == EVENT_GATE ||
                 (event->kind == EVENT_REFRESH_FAILED && event->health[0] != '\0');
    if (waits && zone != NULL && zone->has_facts && !zone->facts.has_version) {
        return "nothing is served yet: queries for the zone are answered with SERVFAIL";
    }
    if (event->kind == EVENT_GATE && event->health[0] == '\0' && zone != NULL && zone->has_facts) {
        return "what was served stays, and its signatures are refreshed";
    }
    return event->health;
}

static void
write_health(const struct known_zone *zone, const struct message_event *event,
             struct octets_buffer *body)
{
    const char *words = health_words(zone, event);
    if (words[0] == '\0') {
        return;
    }
    octets_buffer_printf(body, "Health   ");
    add_words(body, words, LINE_WORDS_MAX);
    if (event->kind == EVENT_REFRESH_FAILED && event->health[0] != '\0' && zone != NULL &&
        zone->facts.has_version && zone->facts.expires_seconds > 0) {
        char at[QUANTITY_TEXT_MAX];
        octets_buffer_printf(body, "; answered until %s (expire)",
                             quantity_time_text(zone->facts.expires_seconds, at));
    }
    if (event->kind == EVENT_RESIGN && zone != NULL && zone->poll.downstream_count > 0) {
        octets_buffer_printf(body, "; %u/%u downstream notified", zone->poll.downstream_current,
                             zone->poll.downstream_count);
        if (zone->poll.downstream_current < zone->poll.downstream_count &&
            zone->poll.downstream[0] != '\0') {
            octets_buffer_printf(body, " (");
            add_words(body, zone->poll.downstream, LINE_WORDS_MAX);
            octets_buffer_printf(body, ")");
        }
    }
    octets_buffer_printf(body, "\n");
}

void
alert_text(const struct known *known, const struct known_zone *zone,
           const struct message_event *event, struct octets_buffer *ret_subject,
           struct octets_buffer *ret_body)
{
    subject_words(zone, event, ret_subject);
    octets_buffer_printf(ret_body, "Why      ");
    add_words(ret_body, event->why, LINE_WORDS_MAX);
    octets_buffer_add_u8(ret_body, '\n');
    write_where(known, event, ret_body);
    write_diff(event, ret_body);
    write_health(zone, event, ret_body);
    write_check(known, zone, event, ret_body);
    write_hint(known, event, ret_body);
    octets_buffer_add_u8(ret_subject, '\0');
    octets_buffer_add_u8(ret_body, '\0');
}

// The same occasion again: the newest alert of this kind and zone has the same word.
static bool
is_repeated(const struct alerts *alerts, const struct message_event *event, const char *zone)
{
    if (event->dedup[0] == '\0') {
        return false;
    }
    for (size_t i = 0; i < alerts->count; i++) {
        const struct kept *kept = kept_at(alerts, i);
        if (strcmp(kept->kind, message_event_word(event->kind)) == 0 &&
            strcmp(kept->zone, zone) == 0) {
            return strcmp(kept->dedup, event->dedup) == 0;
        }
    }
    return false;
}

static void
submit(struct alerts *alerts, const struct mail_item *item)
{
    struct fault fault = {0};
    if (!mail_submit(alerts->mail, item, &fault)) {
        log_error(fault.text, "mail", item->subject);
    }
}

void
alerts_take(struct alerts *alerts, const struct known *known, const struct known_zone *zone,
            const struct message_event *event)
{
    const char *name = zone != NULL ? zone->domain : "";
    if (!known->settings->settings.alert.on[event->kind] || is_repeated(alerts, event, name)) {
        return;
    }
    struct octets_buffer subject, body;
    octets_buffer_init(&subject);
    octets_buffer_init(&body);
    alert_text(known, zone, event, &subject, &body);
    struct mail_item item = {.kind = message_event_word(event->kind),
                             .zone = name,
                             .subject = (const char *)subject.data,
                             .body = (const char *)body.data,
                             .once = event->dedup[0] != '\0' ? event->dedup : NULL,
                             .urgent = event->kind == EVENT_CRASH || event->kind == EVENT_GATE};
    submit(alerts, &item);
    keep(alerts, event->at_seconds, item.kind, name, item.subject, event->dedup);
    octets_buffer_close(&subject);
    octets_buffer_close(&body);
}

bool
alerts_test(struct alerts *alerts, const struct known *known, int64_t now, struct fault *fault)
{
    char body[512], at[QUANTITY_TEXT_MAX];
    snprintf(body, sizeof body,
             "Why      \"tandemctl alert test\" was asked for: mail from tandem-secondary "
             "arrives\nWhere    %.255s, %s\n",
             known->settings->extras.host, quantity_time_text(now, at));
    struct mail_item item = {
        .kind = "test", .zone = "", .subject = "test: mail arrives", .body = body, .urgent = true};
    keep(alerts, now, "test", "", item.subject, "");
    return mail_submit(alerts->mail, &item, fault);
}

void
alerts_heartbeat(struct alerts *alerts, const struct known *known, int64_t now)
{
    struct mail_status mail;
    struct json_value *result;
    struct octets_buffer body;
    char at[QUANTITY_TEXT_MAX];
    mail_status(alerts->mail, &mail);
    int code = status_check(known, &mail, now, &result);
    octets_buffer_init(&body);
    octets_buffer_printf(
        &body,
        "Why      heartbeat: this mail proves that alarms arrive\nWhere    %s, %s\nHealth   %s\n",
        known->settings->extras.host, quantity_time_text(now, at),
        json_value_get_text(result, "text", ""));
    octets_buffer_add_u8(&body, '\0');
    struct mail_item item = {.kind = "heartbeat",
                             .zone = "",
                             .subject = code == 0 ? "all well" : "heartbeat, and not all is well",
                             .body = (const char *)body.data,
                             .once = "heartbeat"};
    submit(alerts, &item);
    json_value_free(&result);
    octets_buffer_close(&body);
}

struct json_value *
alerts_list(const struct alerts *alerts)
{
    struct json_value *list = json_value_array();
    for (size_t i = 0; i < alerts->count; i++) {
        const struct kept *kept = kept_at(alerts, i);
        struct json_value *alert = json_value_add_object(list);
        json_value_put_time(alert, "at", kept->at_seconds);
        json_value_put_text(alert, "kind", kept->kind);
        json_value_put_text(alert, "zone", kept->zone[0] != '\0' ? kept->zone : NULL);
        json_value_put_text(alert, "subject", kept->subject);
        json_value_put_text(alert, "state", "submitted");
    }
    return list;
}
