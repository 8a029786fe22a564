// Reading secondary.yaml again: everything is read and checked aside and compared with what is in
// force; the caller then takes the fresh settings or leaves them. Belongs to the supervisor.
#ifndef TANDEM_SECONDARY_RELOAD_H
#define TANDEM_SECONDARY_RELOAD_H

#include <stdbool.h>

#include "common/base/octets.h"
#include "common/base/vector.h"
#include "common/daemon/settings_secondary.h"
#include "common/dns/cookie.h"

struct reload {
    bool valid; // else the old settings stay
    struct config_errors errors;
    struct vector restart_keys;            // of char *: changed, but taken only by a restart
    struct vector added, removed, changed; // of char *: domains
};

// Reads file, and the file of cookie secrets that it names. ret_fresh is filled, and cookies (of
// old) are those of the fresh settings, when ret_reload->valid. ret_reload is closed by
// reload_close.
void reload_read(const char *file, const struct secondary_settings *old,
                 struct cookie_secrets *cookies, struct secondary_settings **ret_fresh,
                 struct reload *ret_reload);
void reload_close(struct reload *reload);
void reload_log(const struct reload *reload);
// The reply to `tandemctl reload` (common/tandemctl/README.md), appended to json.
void reload_json(const struct reload *reload, bool dry_run, struct octets_buffer *json);

#endif
