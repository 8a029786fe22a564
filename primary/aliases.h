// The ALIAS engine (primary/alias) in the daemon: its settings from ours, its events to log, mail
// and metrics, its addresses to the keepers through alias_link. Loop's thread.
#ifndef TANDEM_PRIMARY_ALIASES_H
#define TANDEM_PRIMARY_ALIASES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/fault.h"
#include "common/base/vector.h"
#include "common/daemon/metrics.h"
#include "common/net/loop.h"
#include "primary/alerts.h"
#include "primary/alias/engine.h"
#include "primary/alias_link.h"
#include "primary/settings.h"

struct aliases;

struct aliases_options {
    struct loop *loop;
    const struct primary_settings *settings; // borrowed during the call
    const char *state_directory;
    const char *host;
    struct metrics *metrics; // borrowed
    // Owners whose addresses may have changed, as engine_events.changed.
    void (*changed)(void *context, const uint8_t *apex, const struct vector *owners);
    void *context;
};
// FAULT_CONFIG: a resolver that is none, or is this primary itself.
bool aliases_new(const struct aliases_options *options, struct aliases **ret_aliases,
                 struct fault *fault);
void aliases_free(struct aliases **aliases);
// Where mails go; before that none are sent.
void aliases_set_alerts(struct aliases *aliases, struct alerts *alerts);
// The settings of a reload: resolvers, and which zones are held here. False: the resolvers stay as
// they were.
bool aliases_change(struct aliases *aliases, const struct primary_settings *settings,
                    struct fault *fault);
// For the keepers.
struct alias_link aliases_link(struct aliases *aliases);
struct engine *aliases_engine(const struct aliases *aliases);
// Sets tandem_alias_state of all targets anew.
void aliases_gauges(struct aliases *aliases, uint64_t now_ms);

#endif
