// clang-format off
// The settings as the roles get them: the supervisor reads secondary.yaml and sends each role only
// what it needs; the rest arrives empty ("" , 0, no items). Who gets what:
//
//   all       log, zones by name and number
//   fetcher   user, the TSIG keys of primaries and downstream remotes, those remotes, polls, NOTIFY,
//             intake limits, ds-check
//   signer    user, state directory, policies, gate, expire; no key of TSIG, no address
//   server    server user, TCP limits, rate limit, cookies, nsid, version; the TSIG keys that the
//             zones' acls name, acls; with primaries' addresses as one more rule for NOTIFY (a hint:
//             the key of the primary's transfers stays away)
//   desk      user, state directory, control socket, HTTP, alert with the SMTP password; ids and
//             addresses of remotes, ids of policies
// clang-format on
//
// settings_table.c says so row by row. A role reads them once for each SETTINGS message into an
// arena of their own.
#ifndef TANDEM_SECONDARY_SETTINGS_H
#define TANDEM_SECONDARY_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/octets.h"
#include "common/daemon/settings_secondary.h"
#include "common/dns/cookie.h"
#include "secondary/messages.h"

#define ROLE_SETTINGS_ITEMS_MAX 1000000 // of any list in a message

struct arena;

// What the supervisor adds to the file's settings.
struct role_extras {
    const char *host;                     // for mails and status
    uint32_t server_count;                // workers, resolved
    struct cookie_secrets cookie_secrets; // server only
};

struct role_zone {
    uint32_t id, index;
};

struct role_settings {
    struct arena *arena;
    // Never passed to secondary_settings_free. .config is NULL but in settings_keep.h.
    struct secondary_settings settings;
    const uint32_t *zone_ids;      // zone_ids[i] is the number of settings.zones[i] in messages
    const struct role_zone *by_id; // the same by number, for role_settings_zone
    // Zones whose settings are equal but for the name have the same one of these.
    struct zone_rules *rules;
    size_t rules_count;
    struct role_extras extras;
};

// zone_ids: one for each zone of settings.
void role_settings_write(const struct secondary_settings *settings, const uint32_t *zone_ids,
                         const struct role_extras *extras, enum message_role role,
                         struct octets_buffer *body);
bool role_settings_read(struct octets body, struct role_settings **ret_settings);
void role_settings_free(struct role_settings **settings);
// Index into settings.zones of a message's zone number, or SETTINGS_NONE.
size_t role_settings_zone(const struct role_settings *settings, uint32_t zone_id);

#endif
