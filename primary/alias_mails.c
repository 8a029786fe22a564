#include "primary/alias_mails.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/octets.h"
#include "common/base/quantity.h"
#include "common/base/vector.h"
#include "common/dns/name.h"
#include "common/dns/rrtype.h"

#define TWINS_APART 512 // troubles between A and AAAA of one target: as many questions in flight

struct item {
    enum alert_kind kind;
    enum event_what what;
    const char *sentence;
    char *zone, *owner, *target; // target "": the owner as a whole
    char *reason;                // NULL: none
    char types[2 * RRTYPE_TEXT_MAX + 8];
    int64_t since, until;
};

struct alias_mails {
    struct alerts *alerts; // NULL: not open yet
    char *host;
    struct loop_timer *timer;
    struct vector items; // of struct item, in the order in which they happened
};

static void on_gathered(void *context);

struct alias_mails *
alias_mails_new(struct loop *loop, const char *host)
{
    struct alias_mails *mails = memory_zalloc(sizeof *mails);
    mails->host = memory_text(host);
    mails->timer = loop_timer_new(loop, on_gathered, mails);
    vector_init(&mails->items, sizeof(struct item));
    return mails;
}

void
alias_mails_free(struct alias_mails **mails)
{
    struct alias_mails *old = *mails;
    *mails = NULL;
    if (!old)
        return;
    on_gathered(old);
    loop_timer_free(&old->timer);
    vector_close(&old->items);
    free(old->host);
    free(old);
}

void
alias_mails_set_alerts(struct alias_mails *mails, struct alerts *alerts)
{
    mails->alerts = alerts;
}

// Gathering.

static struct item *
item_at(const struct alias_mails *mails, size_t index)
{
    return vector_at(&mails->items, index);
}

static void
item_close(struct item *item)
{
    free(item->zone);
    free(item->owner);
    free(item->target);
    free(item->reason);
}

static void
types_set(struct item *item, uint16_t type)
{
    char text[RRTYPE_TEXT_MAX];
    if (type)
        snprintf(item->types, sizeof item->types, "%s", rrtype_text(type, text));
    else
        snprintf(item->types, sizeof item->types, "A and AAAA");
}

static bool
is_twin(const struct item *a, const struct item *b)
{
    return a->kind == b->kind && a->what == b->what && strcmp(a->owner, b->owner) == 0 &&
           strcmp(a->target, b->target) == 0;
}

// The same trouble of the other type, which comes close behind: one line for both.
static bool
twin_join(const struct alias_mails *mails, const struct item *item)
{
    size_t count = mails->items.count, least = count > TWINS_APART ? count - TWINS_APART : 0;
    for (size_t i = count; i-- > least;) {
        struct item *twin = item_at(mails, i);
        if (!is_twin(twin, item))
            continue;
        if (strcmp(twin->types, item->types) != 0)
            types_set(twin, 0);
        return true;
    }
    return false;
}

void
alias_mails_add(struct alias_mails *mails, enum alert_kind kind, const char *sentence,
                const struct event *event)
{
    char zone[NAME_TEXT_MAX], owner[NAME_TEXT_MAX], target[NAME_TEXT_MAX] = "";
    if (!mails->alerts)
        return;
    struct item item = {
        .kind = kind,
        .what = event->what,
        .sentence = sentence,
        .zone = memory_text(name_to_text_short(event->apex, zone)),
        .owner = memory_text(name_to_text(event->owner, owner)),
        .target = memory_text(event->target ? name_to_text(event->target, target) : target),
        .reason = event->text ? memory_text(event->text) : NULL,
        .since = event->since,
        .until = event->until};
    types_set(&item, event->type);
    if (twin_join(mails, &item)) {
        item_close(&item);
        return;
    }
    vector_add(&mails->items, &item);
    if (mails->items.count >= ALIAS_MAILS_ITEMS_MAX)
        on_gathered(mails);
    else if (!loop_timer_is_running(mails->timer))
        loop_timer_start(mails->timer, ALIAS_MAILS_GATHER_MS, 0);
}

// One event.

static const char *
time_or_dash(int64_t seconds, char text[static QUANTITY_TEXT_MAX])
{
    if (seconds <= 0)
        return "-";
    quantity_time_text(seconds, text);
    return text;
}

static void
single_tell(const struct alias_mails *mails, const struct item *item)
{
    char subject[ALERTS_SUBJECT_MAX], once[NAME_TEXT_MAX * 2 + 32];
    char since[QUANTITY_TEXT_MAX], until[QUANTITY_TEXT_MAX];
    struct octets_buffer body;
    octets_buffer_init(&body);
    snprintf(subject, sizeof subject, "%.120s: ALIAS %s%s%.120s", item->owner,
             event_word(item->what), item->target[0] ? ": " : "", item->target);
    octets_buffer_printf(&body,
                         "Why      %s\n"
                         "Where    %s, tandem-primary, zone %s\n"
                         "What     %s %s -> %s  %s\n"
                         "Reason   %s\n"
                         "Since    %s\n"
                         "Until    %s\n"
                         "Check    tandemctl alias show %s\n",
                         item->sentence, mails->host, item->zone, item->owner, item->types,
                         item->target[0] ? item->target : "-", event_word(item->what),
                         item->reason ? item->reason : "-", time_or_dash(item->since, since),
                         time_or_dash(item->until, until), item->owner);
    octets_buffer_add_u8(&body, 0);
    snprintf(once, sizeof once, "alias %s %s %s", item->owner, item->target,
             event_word(item->what));
    alerts_tell(mails->alerts, item->kind, item->zone, once, subject, (const char *)body.data);
    octets_buffer_close(&body);
}

// Many events: those of the kind, and of the zone where one is given, that were not told yet.

static bool
is_of(const struct item *item, enum alert_kind kind, const char *zone)
{
    return item->kind == kind && (!zone || strcmp(item->zone, zone) == 0);
}

static void
counts_write(const struct alias_mails *mails, enum alert_kind kind, const char *zone,
             struct octets_buffer *text)
{
    size_t counts[EVENT_WHAT_COUNT] = {0};
    const char *comma = "";
    for (size_t i = 0; i < mails->items.count; i++)
        if (is_of(item_at(mails, i), kind, zone))
            counts[item_at(mails, i)->what]++;
    counts[EVENT_FAILING] += counts[EVENT_REMINDER]; // one word for both
    counts[EVENT_REMINDER] = 0;
    for (unsigned what = 0; what < EVENT_WHAT_COUNT; what++)
        if (counts[what] > 0) {
            octets_buffer_printf(text, "%s%zu %s", comma, counts[what],
                                 event_word((enum event_what)what));
            comma = ", ";
        }
}

static void
lines_write(const struct alias_mails *mails, enum alert_kind kind, const char *zone,
            struct octets_buffer *body)
{
    char since[QUANTITY_TEXT_MAX], until[QUANTITY_TEXT_MAX];
    size_t shown = 0, left_out = 0;
    for (size_t i = 0; i < mails->items.count; i++) {
        const struct item *item = item_at(mails, i);
        if (!is_of(item, kind, zone))
            continue;
        if (shown == ALIAS_MAILS_LINES_MAX) {
            left_out++;
            continue;
        }
        shown++;
        octets_buffer_printf(body, "  %s  %s -> %s  %s%s%s", item->owner, item->types,
                             item->target[0] ? item->target : "-", event_word(item->what),
                             item->reason ? ": " : "", item->reason ? item->reason : "");
        if (item->since > 0)
            octets_buffer_printf(body, ", since %s", time_or_dash(item->since, since));
        if (item->until > 0)
            octets_buffer_printf(body, ", until %s", time_or_dash(item->until, until));
        octets_buffer_printf(body, "\n");
    }
    if (left_out > 0)
        octets_buffer_printf(body, "  and %zu more\n", left_out);
}

static void
many_tell(const struct alias_mails *mails, enum alert_kind kind, const char *zone)
{
    struct octets_buffer subject, body;
    const char *sentence = kind == ALERT_RECOVERED
                               ? "targets of ALIAS records answer again"
                               : "targets of ALIAS records give no addresses: the last good ones "
                                 "stand in where there are any";
    octets_buffer_init(&subject);
    octets_buffer_init(&body);
    octets_buffer_printf(&subject, "%.120s: ALIAS targets: ", zone ? zone : "many zones");
    counts_write(mails, kind, zone, &subject);
    octets_buffer_add_u8(&subject, 0);
    octets_buffer_printf(&body, "Why      %s\nWhere    %s, tandem-primary, %s%s\nWhat     ",
                         sentence, mails->host, zone ? "zone " : "many zones", zone ? zone : "");
    counts_write(mails, kind, zone, &body);
    octets_buffer_printf(&body, "\n");
    lines_write(mails, kind, zone, &body);
    octets_buffer_printf(&body, "Check    tandemctl alias list%s%s\n", zone ? " " : "",
                         zone ? zone : "");
    octets_buffer_add_u8(&body, 0);
    alerts_tell(mails->alerts, kind, zone ? zone : "", NULL, (const char *)subject.data,
                (const char *)body.data);
    octets_buffer_close(&subject);
    octets_buffer_close(&body);
}

// Telling.

// The zones of the kind's items, each once and at most ALIAS_MAILS_ZONES_MAX + 1; gives how many.
static size_t
zones_find(const struct alias_mails *mails, enum alert_kind kind,
           const char *zones[static ALIAS_MAILS_ZONES_MAX + 1])
{
    size_t count = 0;
    for (size_t i = 0; i < mails->items.count && count <= ALIAS_MAILS_ZONES_MAX; i++) {
        const struct item *item = item_at(mails, i);
        size_t k = 0;
        while (k < count && strcmp(zones[k], item->zone) != 0)
            k++;
        if (item->kind == kind && k == count)
            zones[count++] = item->zone;
    }
    return count;
}

static void
zone_tell(const struct alias_mails *mails, enum alert_kind kind, const char *zone)
{
    const struct item *only = NULL;
    size_t count = 0;
    for (size_t i = 0; i < mails->items.count; i++)
        if (is_of(item_at(mails, i), kind, zone)) {
            only = item_at(mails, i);
            count++;
        }
    if (count == 1)
        single_tell(mails, only);
    else
        many_tell(mails, kind, zone);
}

static void
kind_tell(const struct alias_mails *mails, enum alert_kind kind)
{
    const char *zones[ALIAS_MAILS_ZONES_MAX + 1];
    size_t count = zones_find(mails, kind, zones);
    if (count > ALIAS_MAILS_ZONES_MAX) {
        many_tell(mails, kind, NULL);
        return;
    }
    for (size_t i = 0; i < count; i++)
        zone_tell(mails, kind, zones[i]);
}

static void
on_gathered(void *context)
{
    struct alias_mails *mails = context;
    loop_timer_stop(mails->timer);
    if (mails->alerts) {
        kind_tell(mails, ALERT_ALIAS_HELD);
        kind_tell(mails, ALERT_RECOVERED);
    }
    for (size_t i = 0; i < mails->items.count; i++)
        item_close(item_at(mails, i));
    vector_clear(&mails->items);
}
