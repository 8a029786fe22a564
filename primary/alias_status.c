#include "primary/alias_status.h"

#include "common/dns/rrtype.h"

// An array that is being filled.
struct filling {
    const struct alias_status *status;
    struct json_value *array;
    size_t maximum, count, left_out;
};

static void
addresses_put(struct json_value *array, const struct address_set *set)
{
    char text[ADDRESS_TEXT_MAX];
    for (uint32_t i = 0; set && i < set->count; i++)
        json_value_add_text(array, address_set_text(set, i, text));
}

static void
type_put(struct json_value *object, const char *key, const struct view_type *type)
{
    struct json_value *value = json_value_put_object(object, key);
    char resolver[ADDRESS_TEXT_MAX];
    json_value_put_text(value, "state", target_state_word(type->state));
    json_value_put_integer(value, "count", type->count);
    json_value_put_text(value, "rcode", type->rcode);
    json_value_put_text(value, "error", type->error);
    json_value_put_text(value, "resolver",
                        address_is_set(&type->resolver) ? address_to_text(&type->resolver, resolver)
                                                        : NULL);
    json_value_put_time(value, "asked_at", type->asked_at);
    json_value_put_time(value, "answered_at", type->answered_at);
    json_value_put_time(value, "changed_at", type->changed_at);
    json_value_put_integer(value, "round_trip_milliseconds", type->round_trip_ms);
}

static void
view_put(void *context, const struct view *view)
{
    struct filling *filling = context;
    if (filling->count >= filling->maximum) {
        filling->left_out++;
        return;
    }
    filling->count++;
    struct json_value *alias = json_value_add_object(filling->array);
    json_value_put_owner(alias, "owner", view->owner);
    json_value_put_zone(alias, "zone", view->apex);
    json_value_put_owner(alias, "target", view->target);
    json_value_put_text(alias, "state", target_state_word(view->state));
    json_value_put_text(alias, "reason", view->reason);
    json_value_put_time(alias, "since", view->since);
    json_value_put_time(alias, "until", view->until);
    json_value_put_integer(alias, "ttl_seconds", view->ttl_seconds);
    struct json_value *addresses = json_value_put_array(alias, "addresses");
    addresses_put(addresses, view->addresses[0]);
    addresses_put(addresses, view->addresses[1]);
    type_put(alias, "a", &view->types[0]);
    type_put(alias, "aaaa", &view->types[1]);
    json_value_put_boolean(alias, "local", view->local);
    json_value_put_integer(alias, "hops", view->hops);
    json_value_put_integer(alias, "flaps", view->flaps);
    json_value_put_integer(alias, "settle_seconds", view->settle_seconds);
    json_value_put_time(alias, "next_at",
                        view->next_in_ms < 0 ? 0 : filling->status->now + view->next_in_ms / 1000);
}

static const struct book *
book_of(const struct alias_status *status)
{
    return engine_book(aliases_engine(status->aliases));
}

size_t
alias_status_list(const struct alias_status *status, const uint8_t *apex, size_t maximum,
                  struct json_value *array)
{
    struct filling filling = {.status = status, .array = array, .maximum = maximum};
    view_each(book_of(status), apex, status->now_ms, view_put, &filling);
    return filling.left_out;
}

size_t
alias_status_owner(const struct alias_status *status, const uint8_t *owner,
                   struct json_value *array)
{
    struct filling filling = {.status = status, .array = array, .maximum = ALIAS_STATUS_LIST_MAX};
    return view_owner(book_of(status), owner, status->now_ms, view_put, &filling);
}

static void
owner_add(void *context, const uint8_t *owner)
{
    char text[NAME_TEXT_MAX];
    json_value_add_text(context, name_to_text(owner, text));
}

void
alias_status_same_target(const struct alias_status *status, const uint8_t *owner,
                         struct json_value *array)
{
    view_same_target(book_of(status), owner, owner_add, array);
}

static void
event_put(void *context, const struct event *event)
{
    struct json_value *object = json_value_add_object(context);
    char type[RRTYPE_TEXT_MAX];
    json_value_put_time(object, "at", event->at_seconds);
    json_value_put_text(object, "type", event->type ? rrtype_text(event->type, type) : NULL);
    json_value_put_text(object, "what", event_word(event->what));
    if (event->target)
        json_value_put_owner(object, "target", event->target);
    addresses_put(json_value_put_array(object, "added"), event->added);
    addresses_put(json_value_put_array(object, "removed"), event->removed);
    json_value_put_text(object, "text", event->text);
}

bool
alias_status_history(const struct alias_status *status, const uint8_t *owner,
                     struct json_value *array)
{
    return view_history(book_of(status), owner, event_put, array);
}

size_t
alias_status_counts(const struct alias_status *status, const uint8_t *apex,
                    struct json_value *object)
{
    size_t counts[TARGET_STATES] = {0}, owners = 0, troubled = 0;
    view_count(book_of(status), apex, counts, &owners);
    if (apex)
        json_value_put_integer(object, "owners", (int64_t)owners);
    for (int i = 0; i < TARGET_STATES; i++) {
        json_value_put_integer(object, target_state_word((enum target_state)i), (int64_t)counts[i]);
        troubled += i == TARGET_FRESH ? 0 : counts[i];
    }
    return troubled;
}

void
alias_status_resolver(const struct alias_status *status, const struct primary_settings *settings,
                      struct json_value *object)
{
    struct engine_status engine;
    char text[ADDRESS_TEXT_MAX];
    engine_status(aliases_engine(status->aliases), &engine);
    bool failing = engine.last_failure_at > engine.last_answer_at;
    json_value_put_text(object, "state", failing ? "failing" : "ok");
    struct json_value *addresses = json_value_put_array(object, "addresses");
    for (size_t i = 0; i < settings->resolver.addresses.count; i++)
        json_value_add_text(addresses,
                            address_to_text(&settings->resolver.addresses.items[i], text));
    json_value_put_time(object, "last_answer_at", engine.last_answer_at);
    json_value_put_time(object, "last_failure_at", engine.last_failure_at);
    json_value_put_integer(object, "in_flight", (int64_t)engine.in_flight);
    json_value_put_integer(object, "queued", (int64_t)engine.queued);
}
