// Tells secondaries about new versions: one NOTIFY for each zone and remote, sent until it is
// answered, with growing pauses (notify.h has the rules). Bounded: so many datagrams under way at
// once, the others wait their turn. Loop's thread.
#ifndef TANDEM_PRIMARY_NOTIFIER_H
#define TANDEM_PRIMARY_NOTIFIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/net/loop.h"
#include "common/zone/version.h"
#include "primary/settings.h"

#define NOTIFIER_IN_FLIGHT_MAX 256  // sockets at once: 10,000 zones may change together
#define NOTIFIER_TRY_MS        5000 // an answer that takes longer is as good as none

struct notifier;

struct notifier *notifier_new(struct loop *loop);
void notifier_free(struct notifier **notifier);
// Tells all remotes of the zone, from their first try on; the settings are held as long as it
// takes.
void notifier_tell(struct notifier *notifier, struct settings_hold *settings,
                   const struct primary_zone_settings *zone, const struct version *version);
// The zone is gone, or its remotes may have changed.
void notifier_forget(struct notifier *notifier, const uint8_t *apex);

// How the last round of the zone went.
struct notifier_counts {
    size_t remotes, acknowledged, waiting, failed;
};
void notifier_count(const struct notifier *notifier, const uint8_t *apex,
                    struct notifier_counts *ret_counts);
size_t notifier_in_flight(const struct notifier *notifier);

#endif
