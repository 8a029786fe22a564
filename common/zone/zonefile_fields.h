// RDATA from the tokens of a record (the part behind the type): the common types by a table of
// their fields, the RFC 3597 form of any type here, the rest through rdata_from_text. An error
// stands at the very field.
#ifndef TANDEM_ZONE_ZONEFILE_FIELDS_H
#define TANDEM_ZONE_ZONEFILE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/octets.h"
#include "common/dns/name.h"
#include "common/zone/zonefile_scan.h"

// The RDATA of type in canonical form from the tokens first, first + 1, ... of the entry. False:
// errors were added.
bool zonefile_fields_read(const struct zonefile_entry *entry, size_t first, uint16_t type,
                          const uint8_t *origin, struct octets_writer *writer,
                          struct zonefile_errors *errors);
// A name: "@" is the origin, relative ones are completed by it; a probably missing final dot is a
// warning. what is the field's name for messages.
bool zonefile_name_read(const struct zonefile_token *token, const char *what, const uint8_t *origin,
                        uint8_t ret_name[static NAME_SIZE_MAX], struct zonefile_errors *errors);
// RRTYPE_A or RRTYPE_AAAA where the text is such an address, else 0.
uint16_t zonefile_address_type(const char *text);
// Seconds with or without units ("3600", "1h30m", "1H30M"), at most maximum. False: not one.
bool zonefile_period_read(const char *text, uint32_t maximum, uint32_t *ret_seconds);

#endif
