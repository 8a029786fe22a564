// A role that was taken over speaks what it likes: the table is what keeps a server from sending a
// candidate to the signer or a request to import a key.
#include "secondary/route.h"

#include <stddef.h>

#define TO(role) (1U << (unsigned)(role))

static const struct {
    enum message_role from;
    enum message_type type;
    unsigned to;
} ROUTES[] = {
    {ROLE_SERVER, MESSAGE_NOTIFY_HINT, TO(ROLE_FETCHER)},
    {ROLE_SERVER, MESSAGE_TRANSFERS_OUT, TO(ROLE_DESK)},
    {ROLE_FETCHER, MESSAGE_CANDIDATE, TO(ROLE_SIGNER)},
    {ROLE_FETCHER, MESSAGE_CONTACT, TO(ROLE_SIGNER)},
    {ROLE_FETCHER, MESSAGE_DS_SEEN, TO(ROLE_SIGNER) | TO(ROLE_DESK)},
    {ROLE_FETCHER, MESSAGE_POLL_FACTS, TO(ROLE_DESK)},
    {ROLE_FETCHER, MESSAGE_EVENT, TO(ROLE_DESK)},
    {ROLE_FETCHER, MESSAGE_CONTROL_REPLY, TO(ROLE_DESK)},
    {ROLE_SIGNER, MESSAGE_VERDICT, TO(ROLE_FETCHER)},
    {ROLE_SIGNER, MESSAGE_NOTIFY_OUT, TO(ROLE_FETCHER)},
    {ROLE_SIGNER, MESSAGE_PUBLISHED, TO(ROLE_SERVER)},  // kept here; to each server as VERSION
    {ROLE_SIGNER, MESSAGE_ZONE_STATE, TO(ROLE_SERVER)}, // kept here, too
    {ROLE_SIGNER, MESSAGE_POOL, TO(ROLE_SERVER)},       // the same
    {ROLE_SIGNER, MESSAGE_POOLED, TO(ROLE_SERVER)},     // the same
    {ROLE_SIGNER, MESSAGE_ZONE_FACTS, TO(ROLE_DESK)},
    {ROLE_SIGNER, MESSAGE_REVIEW, TO(ROLE_SUPERVISOR)},
    {ROLE_SIGNER, MESSAGE_EVENT, TO(ROLE_DESK)},
    {ROLE_SIGNER, MESSAGE_CONTROL_REPLY, TO(ROLE_DESK)},
    {ROLE_DESK, MESSAGE_EVENT_TAKEN, TO(ROLE_SUPERVISOR)},
    {ROLE_DESK, MESSAGE_CONTROL_REQUEST, TO(ROLE_SUPERVISOR) | TO(ROLE_FETCHER) | TO(ROLE_SIGNER)},
};

bool
route_allows(enum message_role from, enum message_type type, enum message_role to)
{
    for (size_t i = 0; i < sizeof ROUTES / sizeof ROUTES[0]; i++) {
        if (ROUTES[i].from == from && ROUTES[i].type == type && (ROUTES[i].to & TO(to)) != 0) {
            return true;
        }
    }
    return false;
}
