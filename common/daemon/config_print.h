// Shows settings and their table: --print-config, the JSON schema, the man page's rows. Pure.
#ifndef TANDEM_DAEMON_CONFIG_PRINT_H
#define TANDEM_DAEMON_CONFIG_PRINT_H

#include "common/base/octets.h"
#include "common/daemon/config_table.h"

// Effective settings as YAML that loads again; secrets as "***".
void config_print(const struct config *config, struct octets_buffer *ret_text);
// JSON schema (draft 2020-12) of a table.
void config_schema(const struct config_table *table, struct octets_buffer *ret_text);
// Rows for a man page: ".TP" paragraphs in roff, one for each key.
void config_manual(const struct config_table *table, struct octets_buffer *ret_text);

#endif
