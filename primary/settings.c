#include "primary/settings.h"

#include <stdlib.h>

#include "common/base/arena.h"
#include "common/dns/name.h"

struct settings_hold *
settings_hold_new(struct primary_settings **settings)
{
    struct settings_hold *hold = memory_zalloc(sizeof *hold);
    hold->settings = *settings;
    hold->references = 1;
    *settings = NULL;
    return hold;
}

struct settings_hold *
settings_hold(struct settings_hold *hold)
{
    hold->references++;
    return hold;
}

void
settings_drop(struct settings_hold **hold)
{
    struct settings_hold *old = *hold;
    *hold = NULL;
    if (!old || --old->references > 0)
        return;
    primary_settings_free(&old->settings);
    free(old);
}

const struct primary_zone_settings *
settings_zone(const struct primary_settings *settings, const uint8_t *name)
{
    for (size_t i = 0; i < settings->zone_count; i++)
        if (name_equal(settings->zones[i].name, name))
            return &settings->zones[i];
    return NULL;
}
