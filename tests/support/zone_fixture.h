// Zones for tests: a master file (signed offline or not) becomes a published version in a directory
// below /tmp that goes with the fixture.
#ifndef TANDEM_TESTS_ZONE_FIXTURE_H
#define TANDEM_TESTS_ZONE_FIXTURE_H

#include <stdbool.h>

#include "common/base/fault.h"
#include "common/zone/store.h"
#include "common/zone/version.h"

// Reads the master file and publishes it as the newest version of the store in directory. serials
// are the SOA's; the version counts as signed where the SOA has an RRSIG.
bool zone_freeze(const char *apex_text, const char *zone_file, const char *directory,
                 struct fault *fault);

struct zone_fixture {
    char directory[64];
    struct store *store;
    const struct version *version; // mapped as a server maps it
};
// Fails the test (prints and aborts) when the file is not readable or not a zone.
void zone_fixture_open(struct zone_fixture *fixture, const char *apex_text, const char *zone_file);
void zone_fixture_close(struct zone_fixture *fixture);
// Flips one octet of the owner's record on disk and maps the version anew, as a server does that
// has not looked at the record yet.
void zone_fixture_damage(struct zone_fixture *fixture, const char *owner_text);

#endif
