// The words of roles and types. The bodies stand in messages_server, messages_fetcher,
// messages_signer and messages_desk, by who has most to do with them; each is written field by
// field and read by a reader with its sticky failure, so that each read function checks once at its
// end.
#include "secondary/messages.h"

static const char *const ROLE_WORDS[ROLE_COUNT] = {"supervisor", "fetcher", "signer", "desk",
                                                   "server"};

const char *
message_role_word(enum message_role role)
{
    return (unsigned)role < ROLE_COUNT ? ROLE_WORDS[role] : "unknown";
}

static const char *const TYPE_WORDS[MESSAGE_TYPE_COUNT] = {
    [MESSAGE_SETTINGS] = "settings",
    [MESSAGE_STOP] = "stop",
    [MESSAGE_READY] = "ready",
    [MESSAGE_HEARTBEAT] = "heartbeat",
    [MESSAGE_LISTEN] = "listen",
    [MESSAGE_COUNTERS] = "counters",
    [MESSAGE_VERSION] = "version",
    [MESSAGE_ZONE_STATE] = "zone-state",
    [MESSAGE_ROLE_FACTS] = "role-facts",
    [MESSAGE_PLACES_WANTED] = "places-wanted",
    [MESSAGE_NOTIFY_HINT] = "notify-hint",
    [MESSAGE_CANDIDATE] = "candidate",
    [MESSAGE_VERDICT] = "verdict",
    [MESSAGE_CONTACT] = "contact",
    [MESSAGE_POLL_FACTS] = "poll-facts",
    [MESSAGE_DS_SEEN] = "ds-seen",
    [MESSAGE_PUBLISHED] = "published",
    [MESSAGE_NOTIFY_OUT] = "notify-out",
    [MESSAGE_ZONE_FACTS] = "zone-facts",
    [MESSAGE_EVENT] = "event",
    [MESSAGE_CONTROL_REQUEST] = "control-request",
    [MESSAGE_CONTROL_REPLY] = "control-reply",
    [MESSAGE_REVIEW] = "review",
    [MESSAGE_REVIEW_DONE] = "review-done",
    [MESSAGE_EVENT_TAKEN] = "event-taken",
    [MESSAGE_SIGNER_STARTED] = "signer-started",
    [MESSAGE_RATE_TABLE] = "rate-table",
    [MESSAGE_TRANSFERS_OUT] = "transfers-out",
    [MESSAGE_POOL] = "pool",
    [MESSAGE_POOL_GONE] = "pool-gone",
    [MESSAGE_POOLED] = "pooled",
};

const char *
message_type_word(enum message_type type)
{
    bool known = (unsigned)type < MESSAGE_TYPE_COUNT && TYPE_WORDS[type] != NULL;
    return known ? TYPE_WORDS[type] : "unknown";
}
