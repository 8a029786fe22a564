// needs: daemon
// Any octets as a configuration: errors or settings, both daemons' tables, printed settings load
// again.
#include <stdint.h>
#include <stdlib.h>

#include "common/base/fault.h"
#include "common/daemon/config_print.h"
#include "common/daemon/settings_primary.h"
#include "common/daemon/settings_secondary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
print_and_load(const struct config *config)
{
    struct octets_buffer text;
    struct config_errors errors;
    struct config *again = NULL;
    config_errors_init(&errors);
    octets_buffer_init(&text);
    config_print(config, &text);
    // Secrets print as "***", which is no base64: only that may be wrong.
    if (!config_load_text(config_table_of(config), "again", NULL, (const char *)text.data,
                          text.length, &again, &errors))
        ENSURE(config_count(config, "key") > 0);
    config_free(&again);
    octets_buffer_close(&text);
    config_errors_close(&errors);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct primary_settings *primary = NULL;
    struct secondary_settings *secondary = NULL;
    struct config_errors errors;
    config_errors_init(&errors);
    if (primary_settings_load_text("f", "/", (const char *)data, size, &primary, &errors))
        print_and_load(primary->config);
    config_errors_close(&errors);
    config_errors_init(&errors);
    if (secondary_settings_load_text("f", "/", (const char *)data, size, &secondary, &errors))
        print_and_load(secondary->config);
    config_errors_close(&errors);
    primary_settings_free(&primary);
    secondary_settings_free(&secondary);
    return 0;
}
