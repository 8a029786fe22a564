#include "secondary/fetcher/primaries.h"

#include <stdio.h>

bool
primaries_at(struct primaries_place *place, const struct secondary_settings *settings,
             const struct secondary_zone_settings *zone, const struct remote_settings **ret_remote,
             const struct address **ret_address)
{
    for (; place->primary < zone->rules->primaries.count; place->primary++, place->address = 0) {
        const struct remote_settings *remote =
            &settings->remotes[zone->rules->primaries.items[place->primary]];
        if (place->address >= remote->addresses.count)
            continue;
        *ret_remote = remote;
        *ret_address = &remote->addresses.items[place->address];
        return true;
    }
    return false;
}

void
primaries_next(struct primaries_place *place)
{
    place->address++;
}

void
primaries_label(const struct remote_settings *remote, const struct address *address,
                char label[static PRIMARIES_LABEL_MAX])
{
    char text[ADDRESS_TEXT_MAX];
    snprintf(label, PRIMARIES_LABEL_MAX, "%.96s %s", remote->id, address_to_text(address, text));
}
