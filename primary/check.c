#include "primary/check.h"

#include "primary/source.h"

static void
texts_print(const struct vector *texts, const char *what, FILE *to)
{
    for (size_t i = 0; i < texts->count; i++)
        fprintf(to, "%s%s\n", what, *(char **)vector_at(texts, i));
}

size_t
check_zones(const struct primary_settings *settings, FILE *to)
{
    size_t broken = 0;
    for (size_t i = 0; i < settings->zone_count; i++) {
        struct source_loading loading;
        source_load(settings->zones[i].file, settings->zones[i].name, 0, &loading);
        texts_print(&loading.errors, "", to);
        // A reader's warnings say so themselves, with their place in front.
        texts_print(&loading.warnings, "", to);
        broken += loading.source == NULL;
        source_loading_close(&loading);
    }
    return broken;
}
