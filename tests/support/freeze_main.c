// freeze APEX ZONEFILE DIRECTORY: a master file, signed by dnssec-signzone or ldns-signzone or not
// at all, becomes a version in a store directory that a server can map.
#include <stdio.h>

#include "tests/support/zone_fixture.h"

int
main(int count, char **values)
{
    struct fault fault = {0};
    if (count != 4) {
        fprintf(stderr, "usage: freeze APEX ZONEFILE DIRECTORY\n");
        return 2;
    }
    if (zone_freeze(values[1], values[2], values[3], &fault))
        return 0;
    fprintf(stderr, "freeze: %s\n", fault.text);
    return 1;
}
