// Writes a version as a master file in canonical order that zonefile_read, named-checkzone and ldns
// take back.
#ifndef TANDEM_ZONE_ZONEFILE_WRITE_H
#define TANDEM_ZONE_ZONEFILE_WRITE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/octets.h"
#include "common/zone/version.h"

// signed_view: with RRSIGs and all that the signer added; else the content that came in.
// Resumable: *cursor from version_cursor_first; appends up to about maximum octets; false when the
// end was reached. The caller looks at cursor->damaged: a text with a gap is no zone.
bool zonefile_write_some(struct version_cursor *cursor, bool signed_view, size_t maximum,
                         struct octets_buffer *text);
void zonefile_write_node(const struct node *node, bool apex, bool signed_view,
                         struct octets_buffer *text);

#endif
