#include "primary/aliases.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/arena.h"
#include "common/base/quantity.h"
#include "common/daemon/clock.h"
#include "common/daemon/log.h"
#include "common/dns/rrtype.h"
#include "primary/alias_mails.h"

#define STATE_FILE "/aliases"

struct aliases {
    struct engine *engine;
    struct metrics *metrics;
    struct alias_mails *mails;
    char *state_file;
    void (*changed)(void *context, const uint8_t *apex, const struct vector *owners);
    void *context;
};

static int64_t
on_now(void *context)
{
    (void)context;
    return clock_unix_seconds();
}

static void
on_changed(void *context, const uint8_t *apex, const struct vector *owners)
{
    struct aliases *aliases = context;
    aliases->changed(aliases->context, apex, owners);
}

static void
on_looked_up(void *context, const char *result)
{
    struct aliases *aliases = context;
    metrics_add(aliases->metrics, METRIC_ALIAS_LOOKUPS, 1, result);
}

static void
on_save_failed(void *context, const struct fault *fault)
{
    (void)context;
    if (fault->kind == FAULT_CORRUPT)
        log_warning("a file of ALIAS owners was damaged", "reason", fault->text);
    else
        log_error("a file of ALIAS owners cannot be written or read: a restart may not find what "
                  "their targets gave",
                  "reason", fault->text);
}

// Events.

enum mailing { MAIL_NONE, MAIL_HELD, MAIL_RECOVERED };
static const struct {
    enum log_level level;
    enum mailing mailing;
    const char *sentence;
} event_shapes[EVENT_WHAT_COUNT] = {
    [EVENT_CHANGED] = {LOG_LEVEL_INFO, MAIL_NONE, "addresses of an ALIAS changed"},
    [EVENT_HELD] = {LOG_LEVEL_WARNING, MAIL_HELD,
                    "an ALIAS target does not answer: its last good addresses stand in"},
    [EVENT_FAILING] = {LOG_LEVEL_ERROR, MAIL_HELD, "an ALIAS target fails"},
    [EVENT_LOOP] = {LOG_LEVEL_ERROR, MAIL_HELD, "an ALIAS leads back to itself"},
    [EVENT_RECOVERED] = {LOG_LEVEL_INFO, MAIL_RECOVERED, "an ALIAS target answers again"},
    [EVENT_DROPPED] = {LOG_LEVEL_ERROR, MAIL_HELD,
                       "the addresses of a failing ALIAS target were dropped"},
    [EVENT_RETARGETED] = {LOG_LEVEL_INFO, MAIL_NONE, "an ALIAS has other targets"},
    [EVENT_LIMITED] = {LOG_LEVEL_WARNING, MAIL_NONE,
                       "an ALIAS has more addresses than max-addresses: the lowest were taken"},
    [EVENT_REMINDER] = {LOG_LEVEL_ERROR, MAIL_HELD, "an ALIAS target still fails"},
};

// The names of an event as texts.
struct event_texts {
    char zone[NAME_TEXT_MAX], owner[NAME_TEXT_MAX], target[NAME_TEXT_MAX];
    char type[RRTYPE_TEXT_MAX];
    char since[QUANTITY_TEXT_MAX], until[QUANTITY_TEXT_MAX];
};

static void
event_texts_make(const struct event *event, struct event_texts *texts)
{
    name_to_text_short(event->apex, texts->zone);
    name_to_text(event->owner, texts->owner);
    texts->target[0] = '\0';
    if (event->target)
        name_to_text(event->target, texts->target);
    if (event->type)
        rrtype_text(event->type, texts->type);
    else
        snprintf(texts->type, sizeof texts->type, "A and AAAA");
    texts->since[0] = texts->until[0] = '\0';
    if (event->since > 0)
        quantity_time_text(event->since, texts->since);
    if (event->until > 0)
        quantity_time_text(event->until, texts->until);
}

static void
on_happened(void *context, const struct event *event)
{
    struct aliases *aliases = context;
    struct event_texts texts;
    event_texts_make(event, &texts);
    log_at(event_shapes[event->what].level, event_shapes[event->what].sentence, "zone", texts.zone,
           "owner", texts.owner, "type", texts.type, "target",
           texts.target[0] ? texts.target : NULL, "added",
           LOG_NUMBER(event->added ? event->added->count : 0), "removed",
           LOG_NUMBER(event->removed ? event->removed->count : 0), "since",
           texts.since[0] ? texts.since : NULL, "until", texts.until[0] ? texts.until : NULL,
           "reason", event->text);
    if (event_shapes[event->what].mailing != MAIL_NONE)
        alias_mails_add(aliases->mails,
                        event_shapes[event->what].mailing == MAIL_HELD ? ALERT_ALIAS_HELD
                                                                       : ALERT_RECOVERED,
                        event_shapes[event->what].sentence, event);
}

static const struct engine_events engine_events = {.changed = on_changed,
                                                   .happened = on_happened,
                                                   .looked_up = on_looked_up,
                                                   .save_failed = on_save_failed};

// Settings.

static struct engine_resolver
resolver_of(const struct primary_settings *settings)
{
    return (struct engine_resolver){.servers = settings->resolver.addresses.items,
                                    .server_count = settings->resolver.addresses.count,
                                    .listen = settings->listen.items,
                                    .listen_count = settings->listen.count,
                                    .timeout_ms = (uint64_t)settings->resolver.timeout_ms,
                                    .tries = settings->resolver.tries,
                                    .max_in_flight = settings->resolver.max_in_flight,
                                    .require_ad = settings->resolver.require_ad};
}

static void
far_warn(const struct primary_settings *settings)
{
    char text[ADDRESS_TEXT_MAX];
    for (size_t i = 0; i < settings->resolver.addresses.count; i++)
        if (engine_resolver_is_far(&settings->resolver.addresses.items[i]))
            log_warning("the resolver is neither on this host nor in a private network: answers "
                        "on the way are not protected",
                        "address", address_to_text(&settings->resolver.addresses.items[i], text));
}

static void
zones_declare(struct aliases *aliases, const struct primary_settings *settings)
{
    for (size_t i = 0; i < settings->zone_count; i++)
        engine_zone_declare(aliases->engine, settings->zones[i].name);
}

bool
aliases_new(const struct aliases_options *options, struct aliases **ret_aliases,
            struct fault *fault)
{
    struct aliases *aliases = memory_zalloc(sizeof *aliases);
    aliases->metrics = options->metrics;
    aliases->changed = options->changed;
    aliases->context = options->context;
    aliases->mails = alias_mails_new(options->loop, options->host);
    aliases->state_file = memory_text_join(options->state_directory, STATE_FILE);
    struct engine_options engine = {.loop = options->loop,
                                    .now = on_now,
                                    .state_file = aliases->state_file,
                                    .resolver = resolver_of(options->settings),
                                    .events = &engine_events,
                                    .context = aliases};
    if (!engine_new(&engine, &aliases->engine, fault)) {
        fault_wrap(fault, "resolver");
        aliases_free(&aliases);
        return false;
    }
    far_warn(options->settings);
    zones_declare(aliases, options->settings);
    *ret_aliases = aliases;
    return true;
}

void
aliases_free(struct aliases **aliases)
{
    struct aliases *old = *aliases;
    *aliases = NULL;
    if (!old)
        return;
    engine_free(&old->engine);
    alias_mails_free(&old->mails);
    free(old->state_file);
    free(old);
}

void
aliases_set_alerts(struct aliases *aliases, struct alerts *alerts)
{
    alias_mails_set_alerts(aliases->mails, alerts);
}

bool
aliases_change(struct aliases *aliases, const struct primary_settings *settings,
               struct fault *fault)
{
    struct engine_resolver resolver = resolver_of(settings);
    zones_declare(aliases, settings);
    if (!engine_resolver_change(aliases->engine, &resolver, fault))
        return fault_wrap(fault, "resolver");
    far_warn(settings);
    return true;
}

struct engine *
aliases_engine(const struct aliases *aliases)
{
    return aliases->engine;
}

// The keepers' table.

static void
link_zone_follow(void *context, const struct primary_zone_settings *zone,
                 const struct draft *source, bool given_out)
{
    static const enum after_hold after_holds[] = {AFTER_HOLD_KEEP, AFTER_HOLD_DROP,
                                                  AFTER_HOLD_REFUSE};
    struct aliases *aliases = context;
    const struct alias_settings *alias = &zone->alias;
    struct rules rules = {.ttl_seconds = alias->ttl_seconds,
                          .refresh_seconds = alias->refresh_seconds,
                          .hold_seconds = alias->hold_seconds,
                          .settle_seconds = alias->settle_seconds == ALIAS_SETTLE_AUTO
                                                ? RULES_SETTLE_AUTO
                                                : alias->settle_seconds,
                          .after_hold = after_holds[alias->after_hold],
                          .max_addresses = alias->max_addresses,
                          .deny = alias->deny_address.items,
                          .deny_count = alias->deny_address.count,
                          .allow = alias->allow_target.items,
                          .allow_count = alias->allow_target.count};
    engine_zone_follow(aliases->engine, zone->name, &rules, source, given_out);
}

static void
link_zone_confirm(void *context, const uint8_t *apex)
{
    struct aliases *aliases = context;
    engine_zone_confirm(aliases->engine, apex);
}

static void
link_zone_forget(void *context, const uint8_t *apex)
{
    struct aliases *aliases = context;
    engine_zone_forget(aliases->engine, apex);
}

static enum alias_readiness
link_addresses(void *context, const uint8_t *apex, const struct vector *owners,
               struct draft *addresses)
{
    struct aliases *aliases = context;
    return engine_addresses(aliases->engine, apex, owners, addresses) ? ALIAS_READY : ALIAS_WAITING;
}

static const char *
link_refusal(void *context, const uint8_t *apex)
{
    struct aliases *aliases = context;
    return engine_refusal(aliases->engine, apex);
}

struct alias_link
aliases_link(struct aliases *aliases)
{
    return (struct alias_link){.context = aliases,
                               .zone_follow = link_zone_follow,
                               .zone_confirm = link_zone_confirm,
                               .zone_forget = link_zone_forget,
                               .addresses = link_addresses,
                               .refusal = link_refusal};
}

static void
gauge_set(void *context, const struct view *view)
{
    struct aliases *aliases = context;
    char zone[NAME_TEXT_MAX], owner[NAME_TEXT_MAX], target[NAME_TEXT_MAX];
    metrics_set(aliases->metrics, METRIC_ALIAS_STATE, 1, name_to_text_short(view->apex, zone),
                name_to_text(view->owner, owner), name_to_text(view->target, target),
                target_state_word(view->state));
}

void
aliases_gauges(struct aliases *aliases, uint64_t now_ms)
{
    metrics_forget(aliases->metrics, METRIC_ALIAS_STATE, NULL);
    view_each(engine_book(aliases->engine), NULL, now_ms, gauge_set, aliases);
}
