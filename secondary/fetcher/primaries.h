// Which address of which primary a poll has come to: the zone's primaries in order, each with its
// addresses in order. A place is two numbers, so it outlives a reload; a place that is gone is
// behind the end.
#ifndef TANDEM_FETCHER_PRIMARIES_H
#define TANDEM_FETCHER_PRIMARIES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/daemon/settings_secondary.h"

#define PRIMARIES_LABEL_MAX 192 // id (cut to 96) and address

struct primaries_place {
    size_t primary, address; // zeros are the first
};
// What stands at the place, or at the next one that exists; false: the end. The results are
// borrowed.
bool primaries_at(struct primaries_place *place, const struct secondary_settings *settings,
                  const struct secondary_zone_settings *zone,
                  const struct remote_settings **ret_remote, const struct address **ret_address);
void primaries_next(struct primaries_place *place);
// "hidden 10.0.0.5@53"
void primaries_label(const struct remote_settings *remote, const struct address *address,
                     char label[static PRIMARIES_LABEL_MAX]);

#endif
