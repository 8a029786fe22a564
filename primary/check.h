// `tandem-primary --check`: all errors of the configuration and of every zone file at once; starts
// nothing.
#ifndef TANDEM_PRIMARY_CHECK_H
#define TANDEM_PRIMARY_CHECK_H

#include <stddef.h>
#include <stdio.h>

#include "common/daemon/settings_primary.h"

// Reads every zone file, prints errors and warnings to `to`; gives the number of broken zones.
size_t check_zones(const struct primary_settings *settings, FILE *to);

#endif
