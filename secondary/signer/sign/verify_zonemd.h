// The ZONEMD at the apex against the content (RFC 8976), with a digest of its own over the records
// as they stand: nothing of the signing path (zonemd.c) is used. Scheme SIMPLE with SHA-384 and
// SHA-512; others are not looked at (section 4). Needs every record of the zone, once, in canonical
// order.
#ifndef TANDEM_SIGN_VERIFY_ZONEMD_H
#define TANDEM_SIGN_VERIFY_ZONEMD_H

#include "secondary/signer/sign/verify_zone.h"

struct verify_zonemd;

// NULL where there is nothing to digest: no ZONEMD, or none that we know. Reports what is wrong
// with the records themselves: serial, duplicates, length; with wanted and none there, that.
struct verify_zonemd *verify_zonemd_new(const struct verify_zone *zone, bool wanted,
                                        struct verify_report *report);
void verify_zonemd_free(struct verify_zonemd **zonemd);
void verify_zonemd_add(struct verify_zonemd *zonemd, const struct node *node);
// After the last record.
void verify_zonemd_end(struct verify_zonemd *zonemd, struct verify_report *report);

#endif
