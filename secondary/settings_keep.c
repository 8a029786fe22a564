#include "secondary/settings_keep.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/arena.h"
#include "common/base/fault.h"
#include "common/daemon/config_table.h"
#include "secondary/settings_table.h"

struct role_settings *
settings_keep(struct secondary_settings **settings)
{
    const struct role_extras none = {.host = ""};
    struct role_settings *kept = NULL;
    struct octets_buffer octets;
    uint32_t *ids = memory_zalloc(((*settings)->zone_count + 1) * sizeof *ids);
    octets_buffer_init(&octets);
    role_settings_write(*settings, ids, &none, ROLE_SUPERVISOR, &octets);
    ENSURE(settings_read_own((struct octets){octets.data, octets.length}, &kept));
    kept->settings.config = config_root_copy((*settings)->config);
    explicit_bzero(octets.data, octets.length); // secrets are in it
    octets_buffer_close(&octets);
    free(ids);
    secondary_settings_free(settings);
    return kept;
}

void
settings_keep_free(struct role_settings **kept)
{
    if (*kept != NULL) {
        config_free(&(*kept)->settings.config);
        role_settings_free(kept);
    }
}
