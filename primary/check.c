#include "primary/check.h"

#include "common/zone/zonefile_load.h"

static void
texts_print(const struct vector *texts, FILE *to)
{
    for (size_t i = 0; i < texts->count; i++)
        fprintf(to, "%s\n", *(char **)vector_at(texts, i));
}

size_t
check_zones(const struct primary_settings *settings, FILE *to)
{
    const struct zonefile_load_options options = {.lines_of_warnings = true};
    size_t broken = 0;
    for (size_t i = 0; i < settings->zone_count; i++) {
        struct zonefile_loading loading;
        zonefile_load(settings->zones[i].file, settings->zones[i].name, &options, &loading);
        texts_print(&loading.errors, to);
        texts_print(&loading.warnings, to); // they say of themselves that they are
        broken += loading.draft == NULL;
        zonefile_loading_close(&loading);
    }
    return broken;
}
